"""工单编号: ticket numbers, given out locally, durable before use, short enough to say.

A number is ``YYDDD NN CCCC K``: the day in Shanghai (year of the century, day of the year), the node, a
counter within the day that starts at 1 and has four digits or more, and a check digit after Damm (2004),
which finds every single wrong digit and every swap of two neighbours.

Each node keeps one small file a day, so that a clock that jumps, forwards or back, finds the right counter
again. A file holds two slots written in turn, each with its own checksum. A torn write can damage only the
slot being written, whose number has not been given out yet: the other one counts.

Should both slots be unreadable, a call must still get its number. The counter then jumps to one million plus
the tenths of a second since midnight. That repeats nothing as long as a node gives out fewer than a million
numbers a day, and fewer than ten a second on average after a jump: with 600 calls of some seconds at the
least (a ticket needs a spoken or keyed matter), both hold.
"""

from __future__ import annotations

import fcntl
import logging
import os
import zlib
from contextlib import contextmanager
from datetime import date, datetime
from typing import TYPE_CHECKING, Final
from zoneinfo import ZoneInfo

from stdnum import damm

from recordings.threads import Threads

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

CITY_TIME: Final = ZoneInfo("Asia/Shanghai")

_SLOT_BYTES: Final = 64
_JUMP: Final = 1_000_000
_SHORTEST: Final = 12
_DAYS_MAX: Final = 366

_log = logging.getLogger(__name__)
_numbering = Threads("numbers", 2)


class NumberBook:
    """The numbers of one ``node`` (0–99), kept in ``folder``. Safe in many threads and processes at once."""

    def __init__(self, folder: Path, node: int) -> None:
        if not 0 <= node <= 99:  # noqa: PLR2004 - two digits of the number
            raise ValueError(f"node {node} does not fit the ticket number: give each gateway one of 0 to 99")
        self._folder = folder
        self.node = node

    def next(self, day: date) -> str:
        """Give out the next number of ``day`` (the date in Shanghai).

        Durable when it returns (fdatasync), so it blocks for a disk write: call it off the event loop.
        Raises OSError when the folder cannot be written.
        """
        with self._locked():
            file = self._folder / f"{self.node:02d}-{day:%Y%j}"
            if file.exists():
                counter, slot = _read(file)
                _write(file, counter + 1, 1 - slot)
                return _compose(day, self.node, counter + 1)
            _create(file, 1)
            return _compose(day, self.node, 1)

    def skip_ahead(self, day: date) -> None:
        """Go on far beyond what another folder may have given out for this node on ``day``; durable as ``next``.

        For a folder that takes the place of one that is lost. Raises OSError when the folder cannot be written.
        """
        with self._locked():
            file = self._folder / f"{self.node:02d}-{day:%Y%j}"
            if file.exists():
                counter, slot = _read(file)
                _write(file, max(counter, _jump()), 1 - slot)
            else:
                _create(file, _jump())

    @contextmanager
    def _locked(self) -> Iterator[None]:
        self._folder.mkdir(parents=True, exist_ok=True)
        # Opened anew each time: flock holds between two threads only when each has its own open file.
        lock = os.open(self._folder / f"{self.node:02d}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o640)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield
        finally:
            os.close(lock)


async def take_next(book: NumberBook, day: date) -> str:
    """`NumberBook.next` off the event loop, in threads that wait for nothing but numbers."""
    return await _numbering.run(book.next, day)


def is_valid(number: str) -> bool:
    """Whether this can be a ticket number: its digits, its day of the year and its check digit."""
    if not (number.isascii() and number.isdigit() and len(number) >= _SHORTEST):
        return False
    return 1 <= int(number[2:5]) <= _DAYS_MAX and bool(damm.is_valid(number))


def read_node(number: str) -> int:
    """The node that gave out a ticket number."""
    return int(number[5:7])


def read_day(number: str) -> date:
    """The day in Shanghai on which a ticket number was given out. Raises ValueError for a number of another kind."""
    return datetime.strptime(number[:5], "%y%j").replace(tzinfo=CITY_TIME).date()


def _compose(day: date, node: int, counter: int) -> str:
    digits = f"{day:%y%j}{node:02d}{counter:04d}"
    return f"{digits}{damm.calc_check_digit(digits)}"


def _slot(counter: int) -> bytes:
    text = f"{counter:020d}"
    return f"{text} {zlib.crc32(text.encode()):08x}".encode().ljust(_SLOT_BYTES - 1) + b"\n"


def _parse_slot(raw: bytes) -> int | None:
    text = raw[:20]
    if not text.isdigit() or raw != _slot(int(text)):
        return None
    return int(text)


def _read(file: Path) -> tuple[int, int]:
    """The last counter that may have been given out, and the slot that holds it."""
    raw = file.read_bytes()
    slots = [_parse_slot(raw[i * _SLOT_BYTES : (i + 1) * _SLOT_BYTES]) for i in (0, 1)]
    known = [(counter, index) for index, counter in enumerate(slots) if counter is not None]
    if len(known) == 2:  # noqa: PLR2004 - both slots
        return max(known)
    if known:
        counter, index = known[0]
        # A torn write's number was never given out, but that of a slot that rotted later was: leave it out.
        _log.warning("ticket number file half damaged", extra={"file": str(file), "skipped": counter + 1})
        return counter + 1, index
    counter = _jump()
    _log.error(
        "ticket number file damaged, skipping ahead", extra={"file": str(file), "counter": counter + 1}
    )
    return counter, 0


def _jump() -> int:
    now = datetime.now(CITY_TIME)
    midnight = now.replace(hour=0, minute=0, second=0, microsecond=0)
    return _JUMP + int((now - midnight).total_seconds() * 10)


def _write(file: Path, counter: int, slot: int) -> None:
    descriptor = os.open(file, os.O_WRONLY | os.O_CLOEXEC)
    try:
        os.pwrite(descriptor, _slot(counter), slot * _SLOT_BYTES)
        os.fdatasync(descriptor)
    finally:
        os.close(descriptor)


def _create(file: Path, counter: int) -> None:
    """Make the day's file whole and durable in one step, so that a file that exists has always been valid."""
    draft = file.with_suffix(".new")
    with draft.open("wb") as stream:
        stream.write(_slot(counter - 1) + _slot(counter))
        stream.flush()
        os.fsync(stream.fileno())
    draft.rename(file)
    folder = os.open(file.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
