"""Places the calls that are wanted: one look a second, one claim at a time, each call led and filed as any other."""

from __future__ import annotations

import asyncio
import logging
import secrets
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

import structlog
from sqlalchemy.exc import SQLAlchemyError

from gateway.calls.target_line import TargetLine
from gateway.sip.fault import SipError
from gateway.site import metrics
from recordings import calledback, callouts
from recordings.calloutwords import Result

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from gateway.calls.campaign import Campaign
    from gateway.sip.leg import Leg
    from recordings.callouts import Callout
    from recordings.database import Database

log = logging.getLogger(__name__)

_LOOK_SECONDS: Final = 1.0
_SETTLE_SECONDS: Final = 5.0  # between two tries to write a result down
_SETTLE_TRIES: Final = 60
_END_SECONDS: Final = 8.0  # for calls that are cut short to be closed
_RESULTS: Final = {"busy": Result.BUSY, "no_answer": Result.NO_ANSWER, "failed": Result.FAILED}


class Callouts:
    """Places calls while ``is_free`` lets it, as ``dial`` dials a number; ``lead`` leads those that are answered.

    The database is asked only while it may be looked at (``may_look``).
    A call that was answered is settled by its filing: what came of it stands in its journal.
    """

    def __init__(
        self,
        db: Database,
        node: int,
        campaign: Campaign,
        dial: Callable[[str], Leg],
        lead: Callable[[Leg, Callout], Awaitable[None]],
        is_free: Callable[[Callout | None], bool],
        may_look: Callable[[], Awaitable[bool]],
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._db, self._node, self._campaign = db, node, campaign
        self._dial, self._lead, self._is_free = dial, lead, is_free
        self._may_look, self._now = may_look, now
        self._under_way: set[asyncio.Task[None]] = set()
        self._legs: set[Leg] = set()
        self._stopping = self._released = False
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
        now = self._now()
        if self._stopping or self.calls >= self._campaign.at_once:
            return
        if not (self._campaign.is_open(now) and self._is_free(None) and await self._may_look()):
            return
        try:
            callout = await self._claim(now)
        except (SQLAlchemyError, OSError) as error:  # a driver's own words may quote a citizen's number
            if self._trouble != type(error).__name__:
                self._trouble = type(error).__name__
                log.warning("nobody is called while the database is away: %s", self._trouble)
            return
        self._trouble = ""
        if callout is not None:
            task = asyncio.create_task(self._place(callout), name=f"call out {callout.call_id}")
            self._under_way.add(task)
            task.add_done_callback(self._under_way.discard)

    async def stop(self, seconds: float) -> None:
        """Place no more, and end those that ring; give those that talk so long to end by themselves, then hang up."""
        self._stopping = True
        for leg in tuple(self._legs):
            if not leg.is_confirmed:
                leg.hang_up()
        if self._under_way:
            await asyncio.wait(tuple(self._under_way), timeout=seconds)
        for leg in tuple(self._legs):
            leg.hang_up()
        if self._under_way:
            _, late = await asyncio.wait(tuple(self._under_way), timeout=_END_SECONDS)
            for task in late:  # the database is away: what came of these is unknown
                task.cancel()

    async def _claim(self, now: datetime) -> Callout | None:
        if not self._released:  # what an earlier process of this node held is nobody's
            async with self._db.write() as connection:
                await callouts.release(connection, self._node)
            self._released = True
        async with self._db.read() as connection:
            if not await callouts.has_due(connection, self._campaign.pace, now):
                return None
        call_id = f"{now:%Y%m%dT%H%M%S}-{secrets.token_hex(4)}"
        async with self._db.write() as connection:
            await calledback.leave_made(connection, now)
            return await callouts.claim(connection, self._node, call_id, self._campaign.pace, now)

    async def _place(self, callout: Callout) -> None:
        structlog.contextvars.bind_contextvars(call_id=callout.call_id)  # for this task and what it starts
        log.info("a citizen is called", extra={"purpose": callout.kind, "try": callout.tries})
        try:
            result, cause = await self._call(callout)
            if result is not None:
                await self._settle(callout, result, cause)
        except Exception:  # boundary, call task: one call's trouble must not become another's
            log.exception("a call that we have placed broke off")

    async def _call(self, callout: Callout) -> tuple[Result | None, str]:
        """Ring, and have the call led if it is answered; why it was not, and SIP's word for it."""
        if not self._is_free(callout):
            return Result.FAILED, "it may not be called"
        try:
            leg = self._dial(callout.number)
        except SipError as error:
            told = str(error).replace(callout.number, "…")  # a log holds no number of a citizen
            log.warning("a citizen could not be called: %s", told)
            return Result.FAILED, "not sent"
        self._legs.add(leg)
        line = TargetLine(leg)
        try:
            if await line.is_answered(self._campaign.ring_seconds):
                metrics.CALLOUTS.labels("answered").inc()
                await self._lead(leg, callout)
                return None, ""
            refusal = line.refusal()
            metrics.CALLOUTS.labels(refusal).inc()
            _, cause = line.ending()
            return _RESULTS.get(refusal, Result.FAILED), cause
        finally:
            self._legs.discard(leg)
            line.hang_up("gateway")

    async def _settle(self, callout: Callout, result: Result, cause: str) -> None:
        """Write down what came of it, however long the database is away; unwritten, its end is unknown."""
        now = self._now()
        again = self._campaign.next_try(result, callout.tries, now)
        for _ in range(_SETTLE_TRIES):
            try:
                async with self._db.write() as connection:
                    await calledback.note_result(
                        connection, callout.call_id, result, now, cause=cause, again=again
                    )
            except (SQLAlchemyError, OSError):
                await asyncio.sleep(_SETTLE_SECONDS)
            else:
                return
        log.error("the database is away: what came of a call is not written down, and counts as unknown")
