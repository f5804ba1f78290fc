"""Makes the calls that agents ask for on the page: one look a second, each taken before anybody is called, and once."""

from __future__ import annotations

import asyncio
import logging
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

import structlog
from sqlalchemy.exc import SQLAlchemyError

from gateway.calls.pagetalk import Ended
from recordings import agentcalls, calledback
from recordings.agentcalls import Outcome

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from gateway.calls.pagecall import PageCall
    from recordings.agentcalls import AgentCall, Stage
    from recordings.database import Database

log = logging.getLogger(__name__)

_LOOK_SECONDS: Final = 1.0
_RENEW_SECONDS: Final = 15.0
_SETTLE_SECONDS: Final = 5.0  # between two tries to write down what has come of a call
_SETTLE_TRIES: Final = 60
_END_SECONDS: Final = 8.0  # for calls that are cut short to be closed


class PageCalls:
    """Makes agents' calls while ``has_room``; ``make`` makes one, and raises ValueError for one that may not be.

    The database is asked only while it may be looked at (``may_look``).
    """

    def __init__(
        self,
        db: Database,
        node: int,
        make: Callable[[AgentCall, Callable[[Stage], None]], PageCall],
        has_room: Callable[[int], bool],
        may_look: Callable[[], Awaitable[bool]],
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._db, self._node, self._make = db, node, make
        self._has_room, self._may_look, self._now = has_room, may_look, now
        self._under_way: dict[asyncio.Task[None], str] = {}
        self._calls: dict[str, PageCall] = {}
        self._renewed = 0.0
        self._stopping = self._is_rid = False
        self._trouble = ""

    @property
    def calls(self) -> int:
        """Calls under way."""
        return len(self._under_way)

    async def run(self) -> None:
        """Look once a second until cancelled."""
        while True:
            await self.look()
            await asyncio.sleep(_LOOK_SECONDS)

    async def look(self) -> None:
        """Make what is asked for, if it may be made now; never fails."""
        if not await self._may_look():
            return
        try:
            wanted = await self._take()
        except (SQLAlchemyError, OSError) as error:  # a driver's own words may quote a citizen's number
            if self._trouble != type(error).__name__:
                self._trouble = type(error).__name__
                log.warning("agents' calls wait, the database is away: %s", self._trouble)
            return
        self._trouble = ""
        if wanted is not None:
            task = asyncio.create_task(self._work(wanted), name=f"agent's call {wanted.call_id}")
            self._under_way[task] = wanted.call_id
            task.add_done_callback(self._under_way.pop)

    async def stop(self, seconds: float) -> None:
        """Make no more, and end those that ring; give those that talk so long to end by themselves, then hang up."""
        self._stopping = True
        for call in tuple(self._calls.values()):
            if not call.is_talking:
                call.cut()
        for limit in (seconds, _END_SECONDS):
            if self._under_way:
                await asyncio.wait(tuple(self._under_way), timeout=limit)
            for call in tuple(self._calls.values()):
                call.cut()
        for task in tuple(self._under_way):  # the database is away: what came of these is unknown
            task.cancel()

    async def _take(self) -> AgentCall | None:
        if not self._is_rid:  # what an earlier process of this node had is over
            async with self._db.write() as connection:
                await agentcalls.cut_off(connection, self._node, self._now())
            self._is_rid = True
        clock = asyncio.get_running_loop().time()
        if self._under_way and clock - self._renewed > _RENEW_SECONDS:
            async with self._db.write() as connection:
                await agentcalls.renew(connection, tuple(self._under_way.values()), self._now())
            self._renewed = clock
        if self._stopping:  # but who talks, talks on
            return None
        async with self._db.read() as connection:
            if not await agentcalls.has_work(connection, self._now()):
                return None
        async with self._db.write() as connection:
            now = self._now()  # a database may have been waited for: who asked too long ago is called no more
            await agentcalls.sweep(connection, now)
            if not self._has_room(self.calls):
                return None
            return await agentcalls.take(connection, self._node, now)

    async def _work(self, wanted: AgentCall) -> None:
        structlog.contextvars.bind_contextvars(call_id=wanted.call_id)  # for this task and what it starts
        log.info("an agent calls a citizen", extra={"about": wanted.about})
        ended = Ended(Outcome.CUT)
        lock = asyncio.Lock()  # how far it has come is written in that order
        steps: set[asyncio.Task[None]] = set()

        def reach(stage: Stage) -> None:
            step = asyncio.create_task(self._advance(wanted.call_id, stage, lock))
            steps.add(step)
            step.add_done_callback(steps.discard)

        try:
            call = self._calls[wanted.call_id] = self._make(wanted, reach)
            ended = await call.run()
        except ValueError as error:
            log.warning("an agent's call is not made: %s", error)
            ended = Ended(Outcome.FAILED, str(error))
        except Exception:  # boundary, call task: one call's trouble must not become another's
            log.exception("an agent's call broke off")
        finally:
            self._calls.pop(wanted.call_id, None)
        async with lock:
            await self._settle(wanted.call_id, ended)

    async def _advance(self, call_id: str, stage: Stage, lock: asyncio.Lock) -> None:
        async with lock:
            try:
                async with self._db.write() as connection:
                    await agentcalls.advance(connection, call_id, stage)
            except (SQLAlchemyError, OSError) as error:
                log.warning("how far an agent's call has come is not shown: %s", type(error).__name__)

    async def _settle(self, call_id: str, ended: Ended) -> None:
        """Write down what has come of it, however long the database is away; unwritten, it counts as cut off."""
        now = self._now()
        log.info("an agent's call is over", extra={"outcome": ended.outcome, "cause": ended.cause})
        for _ in range(_SETTLE_TRIES):
            try:
                async with self._db.write() as connection:
                    await calledback.note_outcome(
                        connection, call_id, ended.outcome, now, cause=ended.cause, talked_s=ended.talked_s
                    )
            except (SQLAlchemyError, OSError):
                await asyncio.sleep(_SETTLE_SECONDS)
            else:
                return
        log.error("the database is away: what came of an agent's call is not written down")
