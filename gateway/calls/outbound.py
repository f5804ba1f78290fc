"""What the calls that we place have in common: one look a second, each taken once, led as a task, and written down."""

from __future__ import annotations

import asyncio
import logging
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Final, Generic, Protocol, TypeVar

import structlog
from sqlalchemy.exc import SQLAlchemyError

from recordings.instant import own_clock, read_clock

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from datetime import datetime

    from sqlalchemy.ext.asyncio import AsyncConnection

    from recordings.database import Database

log = logging.getLogger(__name__)

_LOOK_SECONDS: Final = 1.0
_SETTLE_SECONDS: Final = 5.0  # between two tries to write down what has come of a call
_SETTLE_TRIES: Final = 60
_END_SECONDS: Final = 8.0  # for calls that are cut short to be closed


class Wanted(Protocol):
    """A call that somebody wants placed, and that is now this process's."""

    @property
    def call_id(self) -> str:
        """The id that it has, or would have if it came about."""


W = TypeVar("W", bound=Wanted)
E = TypeVar("E")


class OutboundCalls(ABC, Generic[W, E]):
    """Places calls of one ``kind`` (as a log names them, in the plural) until stopped; ``E`` is what comes of one.

    The database is asked only while it may be looked at (``may_look``), and never by two looks at once.
    """

    def __init__(
        self,
        db: Database,
        node: int,
        kind: str,
        may_look: Callable[[], Awaitable[bool]],
        now: Callable[[], datetime] = own_clock,
    ) -> None:
        self._db, self._node, self._kind, self._may_look, self._now = db, node, kind, may_look, now
        self._under_way: dict[asyncio.Task[None], str] = {}
        self._stopping = self._is_rid = False
        self._trouble = ""

    @property
    def calls(self) -> int:
        """Calls under way, those that still ring included."""
        return len(self._under_way)

    async def run(self) -> None:
        """Look once a second until cancelled."""
        while True:
            await self.look()
            await asyncio.sleep(_LOOK_SECONDS)

    async def look(self) -> None:
        """Place a call if one is wanted and may go out now; never fails."""
        if not (self._is_open() and await self._may_look()):
            return
        try:
            if not self._is_rid:
                async with self._db.write() as connection:
                    await self._release(connection)
                self._is_rid = True
            wanted = await self._take()
        except (SQLAlchemyError, OSError) as error:  # a driver's own words may quote a citizen's number
            if self._trouble != type(error).__name__:
                self._trouble = type(error).__name__
                log.warning("%s wait, the database is away: %s", self._kind, self._trouble)
            return
        self._trouble = ""
        if wanted is not None:
            task = asyncio.create_task(self._see_through(wanted), name=f"{self._kind}: {wanted.call_id}")
            self._under_way[task] = wanted.call_id
            task.add_done_callback(self._under_way.pop)

    async def stop(self, seconds: float) -> None:
        """Place no more, and end those that ring; give those that talk so long to end by themselves, then hang up."""
        self._stopping = True
        self._end_ringing()
        for limit in (seconds, _END_SECONDS):
            if self._under_way:
                await asyncio.wait(tuple(self._under_way), timeout=limit)
            self._end_all()
        for task in tuple(self._under_way):  # the database is away: what came of these is unknown
            task.cancel()

    async def _read_clock(self, connection: AsyncConnection) -> datetime:
        """Now, by the clock that this gateway has in common with the page and with other gateways."""
        return await read_clock(connection, self._now)

    async def _see_through(self, wanted: W) -> None:
        structlog.contextvars.bind_contextvars(call_id=wanted.call_id)  # for this task and what it starts
        ended: E | None = None
        try:
            if not self._stopping:  # it was taken while this gateway was told to stop
                ended = await self._call(wanted)
        except Exception:  # boundary, call task: one call's trouble must not become another's
            log.exception("a call that we have placed broke off")
        await self._settle(wanted, ended)

    async def _write_down(self, note: Callable[[AsyncConnection], Awaitable[None]]) -> None:
        """Note what came of a call, however long the database is away; unwritten, its end is unknown."""
        for _ in range(_SETTLE_TRIES):
            try:
                async with self._db.write() as connection:
                    await note(connection)
            except (SQLAlchemyError, OSError):
                await asyncio.sleep(_SETTLE_SECONDS)
            else:
                return
        log.error(
            "%s: the database is away, what came of one is not written down, and counts as unknown",
            self._kind,
        )

    @abstractmethod
    def _is_open(self) -> bool:
        """Whether there is anything to look for."""

    @abstractmethod
    async def _release(self, connection: AsyncConnection) -> None:
        """Let go what an earlier process of this node had: it is over."""

    @abstractmethod
    async def _take(self) -> W | None:
        """Make the next call this process's own, if there is one and it may go out now."""

    @abstractmethod
    async def _call(self, wanted: W) -> E | None:
        """Place it and lead it to its end."""

    @abstractmethod
    async def _settle(self, wanted: W, ended: E | None) -> None:
        """Write down what came of it; None where ``_call`` did not say, or broke off."""

    @abstractmethod
    def _end_ringing(self) -> None:
        """Hang up where nobody talks yet."""

    @abstractmethod
    def _end_all(self) -> None:
        """Hang up."""
