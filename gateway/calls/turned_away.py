"""Callers who found no line free: kept for a call back, one entry a caller, however often he tried.

The SIP thread only notes who it was. A file in the data folder takes it within a fifth of a second, so that a process
that is killed loses no more than that; the database takes the file once it is there, each entry once. All of it is
bounded: what is beyond is counted, and the log says so.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
import threading
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from time import monotonic
from typing import TYPE_CHECKING, Final

from pydantic import BaseModel, ValidationError

from gateway.site import metrics
from gateway.site.reach import AWAY
from gateway.site.telling import tell
from recordings import refused
from recordings.database import WrongRevision
from recordings.nodes import NodeTaken
from recordings.refused import Refused
from recordings.threads import Threads

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence
    from pathlib import Path

    from gateway.sip.incoming import Incoming
    from recordings.database import Database

log = logging.getLogger(__name__)

FOLDER: Final = "missed"
MOST: Final = 2000
"""Callers that one file may hold; while the database is away there are two."""

_BURST = 1000.0  # callers noted at once at most, by whom ever they pretend to be
_PER_SECOND = 2.0  # and from then on
_KEEP_SECONDS = 0.2  # in which the file has what was noted
_MERGE_SECONDS = 30.0  # in which a caller's tries make one entry
_FIRST_RETRY_SECONDS = 0.5
_LAST_RETRY_SECONDS = 30.0
_SAY_SECONDS = 60.0
_LONGEST = 255
_keeping = Threads("missed", 1)


@dataclass(frozen=True, slots=True)
class Called:
    """Which line he called, and how it is with him: ``anonymous``, no number is kept; ``barred``, none called back."""

    hotline: str
    anonymous: bool
    barred: bool


class _File(BaseModel):
    callers: tuple[Refused, ...]


@dataclass(frozen=True, slots=True)
class _Noted:
    incoming: Incoming
    at: datetime
    tries: int


class TurnedAway:
    """Those who were refused, from the SIP thread to the database.

    ``claim`` raises while the database does not know our node as ours, ``moves`` tells whether the disk does: no
    database is touched that may lie on one which stands still.
    """

    def __init__(
        self,
        data: Path,
        node: int,
        db: Database,
        claim: Callable[[], Awaitable[None]],
        moves: Callable[[float], Awaitable[bool]],
    ) -> None:
        self._folder, self._node, self._db = data / FOLDER, node, db
        self._claim, self._moves = claim, moves
        self._lock = threading.Lock()
        self._noted: dict[str, _Noted] = {}
        self._open: dict[str, Refused] = {}  # what the open file holds; of the thread that keeps
        self._credit, self._counted_at, self._said_at = _BURST, monotonic(), -_SAY_SECONDS
        self._kept = asyncio.Event()

    @property
    def _file(self) -> Path:
        return self._folder / f"{self._node}.open"

    def note(self, incoming: Incoming) -> None:
        """Any thread: this call is refused. Waits for nothing."""
        caller = incoming.caller
        if not caller:
            metrics.TURNED_AWAY.labels("nameless").inc()
            return
        with self._lock:
            before = self._noted.get(caller)
            if before is None and not self._has_room(caller):
                kept = "counted"
            else:
                kept = "listed"
                self._noted[caller] = _Noted(incoming, datetime.now(UTC), before.tries + 1 if before else 1)
        metrics.TURNED_AWAY.labels(kept).inc()

    def _has_room(self, caller: str) -> bool:
        if caller in self._open:
            return True
        now = monotonic()
        self._credit = min(_BURST, self._credit + (now - self._counted_at) * _PER_SECOND)
        self._counted_at = now
        if self._credit < 1 or len(self._noted) + len(self._open) >= MOST:
            if now - self._said_at >= _SAY_SECONDS:
                self._said_at = now
                log.warning(
                    "more callers are refused than are kept for a call back: the others are only counted "
                    "(hotline_turned_away_total)"
                )
            return False
        self._credit -= 1
        return True

    async def run(self, find: Callable[[Incoming], Called]) -> None:
        """Keep and file until cancelled; ``find`` tells what is called, in a thread of this one's."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._keep_on(find), name="keep who was refused")
            tasks.create_task(self._file_on(), name="file who was refused")

    async def _keep_on(self, find: Callable[[Incoming], Called]) -> None:
        trouble = ""
        while True:
            await asyncio.sleep(_KEEP_SECONDS)
            try:
                if self._noted:
                    held = await _keeping.run(self._keep, find)
                    if held:
                        self._kept.set()
                    trouble = ""
            except OSError as error:  # it stays noted: the next turn tries again
                if str(error) != trouble:  # a full disk is told of once, not five times a second
                    trouble = str(error)
                    log.error("who was refused could not be written down: %s", error)  # noqa: TRY400

    async def _file_on(self) -> None:
        await self._settle()
        while True:
            await self._kept.wait()
            self._kept.clear()
            await self._settle()
            await asyncio.sleep(_MERGE_SECONDS)

    def _keep(self, find: Callable[[Incoming], Called]) -> bool:
        """Write the open file anew; whether it holds anybody."""
        with self._lock:
            noted = dict(self._noted)
        held = dict(self._open)
        for caller, one in noted.items():
            told = find(one.incoming)
            if told.anonymous:
                metrics.TURNED_AWAY.labels("nameless").inc()
                continue
            before = held.get(caller)
            mark = before.call_id[-8:] if before else secrets.token_hex(4)
            held[caller] = Refused(
                call_id=f"{one.at:%Y%m%dT%H%M%S}-{mark}",
                sip_call_id=_clean(one.incoming.sip_call_id),
                caller=caller,
                called=_clean(one.incoming.called),
                hotline=told.hotline,
                at=one.at,
                tries=(before.tries if before else 0) + one.tries,
                barred=told.barred,
            )
        if held:
            self._write(tuple(held.values()))
        with self._lock:
            self._open = held
            for caller, one in noted.items():
                now = self._noted[caller]
                if now is one:
                    del self._noted[caller]
                else:
                    self._noted[caller] = replace(now, tries=now.tries - one.tries)
        return bool(held)

    def _write(self, callers: Sequence[Refused]) -> None:
        fresh = self._file.with_suffix(".new")
        fresh.write_text(_File(callers=tuple(callers)).model_dump_json(), encoding="utf-8")
        fresh.replace(self._file)

    def _seal(self) -> list[Path]:
        """Begin another file; those that the database has not taken yet, the oldest first."""
        self._folder.mkdir(mode=0o700, exist_ok=True)
        if self._file.exists():
            self._file.rename(self._folder / f"{self._node}-{datetime.now(UTC):%Y%m%dT%H%M%S%f}.json")
        with self._lock:
            self._open = {}
        return sorted(self._folder.glob(f"{self._node}-*.json"))

    async def _settle(self) -> None:
        """Have the database take what there is, however long that is; a later try writes the same rows again."""
        try:
            files = await _keeping.run(self._seal)
        except OSError as error:
            log.error("who was refused cannot be filed: %s", error)  # noqa: TRY400 - the next turn tries again
            self._kept.set()
            return
        for file in files:
            delay = _FIRST_RETRY_SECONDS
            while not await self._take_in(file):
                await asyncio.sleep(delay)
                delay = min(delay * 2, _LAST_RETRY_SECONDS)

    async def _take_in(self, file: Path) -> bool:
        """Whether the next file has its turn."""
        try:
            callers = await _keeping.run(_read, file)
        except (ValidationError, OSError) as error:  # looked at again when the next callers are filed
            log.error("%s tells of refused callers and cannot be read; it stays there: %s", file, tell(error))  # noqa: TRY400
            return True
        try:
            if not await self._moves(_LAST_RETRY_SECONDS):
                return False
            await self._claim()
            async with self._db.write() as connection:
                await refused.store(connection, callers, self._node)
            await _keeping.run(file.unlink)
        except (*AWAY, WrongRevision, NodeTaken) as error:
            log.warning("who was refused waits for the database: %s", tell(error))
            return False
        return True


def _clean(text: str) -> str:
    """What every database can hold, of what a stranger wrote."""
    return "".join(filter(str.isprintable, text))[:_LONGEST]


def _read(file: Path) -> tuple[Refused, ...]:
    return _File.model_validate_json(file.read_bytes()).callers
