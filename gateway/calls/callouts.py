"""Places the calls that are wanted: one claim at a time, each call led and filed as any other."""

from __future__ import annotations

import logging
import secrets
from typing import TYPE_CHECKING, Final

from gateway.calls.outbound import OutboundCalls
from gateway.calls.target_line import TargetLine
from gateway.sip.fault import SipError
from gateway.site import metrics
from recordings import calledback, callouts
from recordings.callouts import Callout
from recordings.calloutwords import Result
from recordings.instant import own_clock

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from datetime import datetime

    from sqlalchemy.ext.asyncio import AsyncConnection

    from gateway.calls.campaign import Campaign
    from gateway.sip.leg import Leg
    from recordings.database import Database

log = logging.getLogger(__name__)

_RESULTS: Final = {"busy": Result.BUSY, "no_answer": Result.NO_ANSWER, "failed": Result.FAILED}


class Callouts(OutboundCalls[Callout, tuple[Result, str]]):
    """Places calls while ``is_free`` lets it, as ``dial`` dials a number; ``lead`` leads those that are answered.

    A call that was answered is settled by its filing: what came of it stands in its journal. Of one that was not, a
    result comes, and SIP's word for it.
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
        now: Callable[[], datetime] = own_clock,
    ) -> None:
        super().__init__(db, node, "calls to citizens", may_look, now)
        self._campaign, self._dial, self._lead, self._is_free = campaign, dial, lead, is_free
        self._legs: set[Leg] = set()

    def _is_open(self) -> bool:
        if self._stopping or self.calls >= self._campaign.at_once:
            return False
        return self._campaign.is_open(self._now()) and self._is_free(None)

    async def _release(self, connection: AsyncConnection) -> None:
        await callouts.release(connection, self._node)

    async def _take(self) -> Callout | None:
        async with self._db.read() as connection:
            now = await self._read_clock(connection)
            if not await callouts.has_due(connection, self._campaign.pace, now):
                return None
        call_id = (
            f"{self._now():%Y%m%dT%H%M%S}-{secrets.token_hex(4)}"  # as those of this gateway's other calls
        )
        async with self._db.write() as connection:
            now = await self._read_clock(connection)
            await calledback.leave_made(connection, now)
            return await callouts.claim(connection, self._node, call_id, self._campaign.pace, now)

    async def _call(self, wanted: Callout) -> tuple[Result, str] | None:
        log.info("a citizen is called", extra={"purpose": wanted.kind, "try": wanted.tries})
        if not self._is_free(wanted):
            return Result.FAILED, "it may not be called"
        try:
            leg = self._dial(wanted.number)
        except SipError as error:
            told = str(error).replace(wanted.number, "…")  # a log holds no number of a citizen
            log.warning("a citizen could not be called: %s", told)
            return Result.FAILED, "not sent"
        self._legs.add(leg)
        line = TargetLine(leg)
        try:
            if await line.is_answered(self._campaign.ring_seconds):
                metrics.CALLOUTS.labels("answered").inc()
                await self._lead(leg, wanted)
                return None
            refusal = line.refusal()
            metrics.CALLOUTS.labels(refusal).inc()
            _, cause = line.ending()
            return _RESULTS.get(refusal, Result.FAILED), cause
        finally:
            self._legs.discard(leg)
            line.hang_up("gateway")

    async def _settle(self, wanted: Callout, ended: tuple[Result, str] | None) -> None:
        if ended is None:
            return
        result, cause = ended

        async def note(connection: AsyncConnection) -> None:
            now = await self._read_clock(connection)
            again = self._campaign.next_try(result, wanted.tries, now)
            await calledback.note_result(connection, wanted.call_id, result, now, cause=cause, again=again)

        await self._write_down(note)

    def _end_ringing(self) -> None:
        for leg in tuple(self._legs):
            if not leg.is_confirmed:
                leg.hang_up()

    def _end_all(self) -> None:
        for leg in tuple(self._legs):
            leg.hang_up()
