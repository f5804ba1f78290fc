"""Makes the calls that agents ask for on the page: each taken before anybody is called, and once."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Final

from sqlalchemy.exc import SQLAlchemyError

from gateway.calls.outbound import OutboundCalls
from gateway.calls.pagetalk import Ended
from recordings import agentcalls, calledback
from recordings.agentcalls import AgentCall, Outcome
from recordings.instant import own_clock

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from datetime import datetime

    from sqlalchemy.ext.asyncio import AsyncConnection

    from gateway.calls.pagecall import PageCall
    from recordings.agentcalls import Stage
    from recordings.database import Database

log = logging.getLogger(__name__)

_RENEW_SECONDS: Final = 15.0


class PageCalls(OutboundCalls[AgentCall, Ended]):
    """Makes agents' calls while ``has_room``; ``make`` makes one, and raises ValueError for one that may not be."""

    def __init__(
        self,
        db: Database,
        node: int,
        make: Callable[[AgentCall, Callable[[Stage], None]], PageCall],
        has_room: Callable[[int], bool],
        may_look: Callable[[], Awaitable[bool]],
        now: Callable[[], datetime] = own_clock,
    ) -> None:
        super().__init__(db, node, "agents' calls", may_look, now)
        self._make, self._has_room = make, has_room
        self._talks: dict[str, PageCall] = {}
        self._renewed = 0.0

    def _is_open(self) -> bool:
        return True  # while stopping too: who talks, talks on, and stays claimed

    async def _release(self, connection: AsyncConnection) -> None:
        await agentcalls.cut_off(connection, self._node, await self._read_clock(connection))

    async def _take(self) -> AgentCall | None:
        clock = asyncio.get_running_loop().time()
        if self._under_way and clock - self._renewed > _RENEW_SECONDS:
            async with self._db.write() as connection:
                now = await self._read_clock(connection)
                await agentcalls.renew(connection, tuple(self._under_way.values()), now)
            self._renewed = clock
        if self._stopping:
            return None
        async with self._db.read() as connection:
            if not await agentcalls.has_work(connection, await self._read_clock(connection)):
                return None
        async with self._db.write() as connection:
            now = await self._read_clock(connection)  # the database may have been waited for
            await agentcalls.sweep(connection, now)
            if not self._has_room(self.calls):
                return None
            return await agentcalls.take(connection, self._node, now)

    async def _call(self, wanted: AgentCall) -> Ended:
        log.info("an agent calls a citizen", extra={"about": wanted.about})
        lock = asyncio.Lock()  # how far it has come is written in that order
        steps: set[asyncio.Task[None]] = set()

        def reach(stage: Stage) -> None:
            step = asyncio.create_task(self._advance(wanted.call_id, stage, lock))
            steps.add(step)
            step.add_done_callback(steps.discard)

        try:
            call = self._talks[wanted.call_id] = self._make(wanted, reach)
            return await call.run()
        except ValueError as error:
            log.warning("an agent's call is not made: %s", error)
            return Ended(Outcome.FAILED, str(error))
        finally:
            self._talks.pop(wanted.call_id, None)
            await asyncio.gather(*steps)  # before what came of it

    async def _advance(self, call_id: str, stage: Stage, lock: asyncio.Lock) -> None:
        async with lock:
            try:
                async with self._db.write() as connection:
                    await agentcalls.advance(connection, call_id, stage)
            except (SQLAlchemyError, OSError) as error:
                log.warning("how far an agent's call has come is not shown: %s", type(error).__name__)

    async def _settle(self, wanted: AgentCall, ended: Ended | None) -> None:
        came = ended or Ended(Outcome.CUT)
        log.info("an agent's call is over", extra={"outcome": came.outcome, "cause": came.cause})

        async def note(connection: AsyncConnection) -> None:
            now = await self._read_clock(connection)
            await calledback.note_outcome(
                connection, wanted.call_id, came.outcome, now, cause=came.cause, talked_s=came.talked_s
            )

        await self._write_down(note)

    def _end_ringing(self) -> None:
        for call in tuple(self._talks.values()):
            if not call.is_talking:
                call.cut()

    def _end_all(self) -> None:
        for call in tuple(self._talks.values()):
            call.cut()
