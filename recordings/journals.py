"""The journals of the calls that go on, written by threads of their own: who tells of a call waits for no disk.

A disk may stand still for seconds (a snapshot, a path that has failed over) or for good. What is told meanwhile waits
in memory, in order, and is written when the disk goes on; only what must be durable before it is said is waited for.
"""

from __future__ import annotations

import asyncio
import errno
import logging
import os
from collections import deque
from typing import TYPE_CHECKING, Final

from recordings.journal import Journal, JournalError, compose
from recordings.threads import Threads

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from recordings.entries import Entry

log = logging.getLogger(__name__)

PATIENCE_SECONDS: Final = 0.2
"""How long a call waits for its journal to be written before what was told has its effect all the same."""

_MOST_BYTES: Final = 64 * 1024 * 1024  # that wait in all: a call tells some 20 kB
_STANDSTILL_SECONDS: Final = 2.0
_LOOK_SECONDS: Final = 1.0
_writing: Final = Threads("journal", 4)
_proving: Final = Threads("disk", 1)


class Journals:
    """The journals that one gateway writes in ``spool``. Lives on the event loop."""

    def __init__(self, spool: Path) -> None:
        self._spool = spool
        self._open: dict[Path, JournalWriter] = {}
        self._bytes = 0
        self._proof: asyncio.Task[None] | None = None

    def begin(self, call_id: str) -> JournalWriter:
        """The journal of a new call; its folder is made before its first line is written."""
        writer = JournalWriter(self, self._spool, call_id)
        self._open[writer.folder] = writer
        return writer

    @property
    def waiting_bytes(self) -> int:
        """What is told and not written yet."""
        return self._bytes

    @property
    def standstill(self) -> float:
        """For how many seconds the disk has owed the oldest write under way; 0.0 without one."""
        return max((writer.waited for writer in self._open.values()), default=0.0)

    @property
    def unwritten(self) -> Sequence[str]:
        """The calls of which something is told and not written yet."""
        return [writer.folder.name for writer in self._open.values() if writer.is_owed]

    async def written(self, folder: Path) -> None:
        """Wait until all is written that has been told of a call by now, or the disk has refused it."""
        writer = self._open.get(folder)
        if writer is not None:
            await writer.caught_up()

    async def moves(self, seconds: float) -> bool:
        """Whether the disk takes a write, or refuses it, within so many seconds."""
        if self._proof is None:
            self._proof = asyncio.create_task(self._prove(), name="a proof that the disk moves")
        proof = self._proof
        await asyncio.wait((proof,), timeout=seconds)
        return proof.done()

    async def _prove(self) -> None:
        try:
            await _proving.run(os.utime, self._spool)
        except OSError:  # it has answered; what is wrong, the next call's journal will say
            pass
        finally:
            self._proof = None

    async def watch(self) -> None:
        """Say in the log that the disk stands still, and that it goes on; until cancelled."""
        told = 0.0
        while True:
            await asyncio.sleep(_LOOK_SECONDS)
            standstill = self.standstill
            if standstill > _STANDSTILL_SECONDS and not told:
                log.error(
                    "the disk of %s stands still: calls go on, what they tell waits in memory; look at the disk. "
                    "磁盘无响应,通话继续,记录暂存内存。",
                    self._spool,
                )
            elif told and not standstill:
                log.warning("the disk goes on after %.1f s; what waited is written", told)
            told = standstill if standstill > _STANDSTILL_SECONDS or (told and standstill) else 0.0

    def reserve(self, size: int) -> None:
        """Room for a line; raises JournalError when too much waits already."""
        if self._bytes + size > _MOST_BYTES:
            told = f"{self._bytes} bytes wait for the disk and no more may: look at the disk under --data"
            raise JournalError(errno.ENOBUFS, told, str(self._spool))
        self._bytes += size

    def release(self, size: int) -> None:
        """A line waits no more."""
        self._bytes -= size

    def forget(self, writer: JournalWriter) -> None:
        """Its file is closed."""
        self._open.pop(writer.folder, None)


class JournalWriter:
    """The journal of one call that goes on. ``close`` it.

    What the disk refuses stays the next to be written, and is tried again with whatever is told after it; nothing
    overtakes it.
    """

    def __init__(self, journals: Journals, spool: Path, call_id: str) -> None:
        self._journals, self._spool = journals, spool
        self.folder = spool / call_id
        """The call's folder, made or not."""
        self.on_error: Callable[[JournalError], None] = lambda _error: None
        """Called on the loop when the disk has refused a line."""
        self._lines: deque[bytes] = deque()
        self._told = 0
        self._file: Journal | None = None
        self._error: JournalError | None = None
        self._working: asyncio.Task[None] | None = None
        self._closing: asyncio.Task[None] | None = None
        self._since = 0.0  # when the thread was given what it has

    def append(self, entry: Entry) -> None:
        """Have one entry written after all before it; never waits. Raises JournalError when too much waits."""
        line = compose(entry, self._told)
        self._journals.reserve(len(line))
        self._told += 1
        self._lines.append(line)
        self._work()

    async def settle(self) -> None:
        """Wait until all is written that was told, PATIENCE_SECONDS at most, and not at all for a disk that is late.

        Raises JournalError when the disk has refused it.
        """
        if self._working is not None and self.waited < PATIENCE_SECONDS:
            await asyncio.wait((self._working,), timeout=PATIENCE_SECONDS)
        if self._error is not None:
            raise self._error

    async def caught_up(self) -> None:
        """Wait until all is written that was told, or the disk has refused it."""
        while (working := self._closing or self._working) is not None and not working.done():
            await asyncio.wait((working,))

    async def sync(self) -> None:
        """Make what was told survive a power failure; however long that takes. Raises JournalError."""
        self._work()
        while self._working is not None:
            await asyncio.wait((self._working,))
        if self._error is not None:
            raise self._error
        if self._file is not None:
            await self._file.sync()

    @property
    def is_owed(self) -> bool:
        """Whether something is told and not written yet."""
        return bool(self._lines)

    @property
    def waited(self) -> float:
        """For how many seconds the write under way has been waited for; 0.0 without one."""
        return asyncio.get_running_loop().time() - self._since if self._working is not None else 0.0

    def close(self) -> None:
        """Nothing more will be told: let go of the file when all is written; harmless a second time."""
        if self._closing is None:
            self._closing = asyncio.create_task(self._close(), name=f"close {self.folder.name}")

    def _work(self) -> None:
        if self._lines and self._working is None:
            self._since = asyncio.get_running_loop().time()
            self._working = asyncio.create_task(self._write(), name=f"journal {self.folder.name}")

    async def _write(self) -> None:
        try:
            while self._lines:
                self._since = asyncio.get_running_loop().time()
                written, self._error = await _writing.run(self._write_all, tuple(self._lines))
                for _ in range(written):
                    self._journals.release(len(self._lines.popleft()))
                if self._error is not None:
                    break
        finally:
            self._working = None
        if self._error is not None:
            self.on_error(self._error)

    def _write_all(self, lines: Sequence[bytes]) -> tuple[int, JournalError | None]:
        """Thread: how many of them stand in the file now, and what kept the next from it."""
        written = 0
        try:
            if self._file is None:
                self._file = Journal.create(self._spool, self.folder.name)
            for line in lines:
                self._file.write(line)
                written += 1
        except JournalError as error:
            return written, error
        return written, None

    async def _close(self) -> None:
        try:
            while self._working is not None:
                await asyncio.wait((self._working,))
            if self._file is not None:
                await _writing.run(self._file.close)
        finally:
            self._journals.forget(self)
        if self._lines:
            log.error("the last %d lines of the journal are lost: %s", len(self._lines), self._error)
            for line in self._lines:
                self._journals.release(len(line))
            self._lines.clear()
