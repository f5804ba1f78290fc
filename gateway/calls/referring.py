"""Passing a caller on the cold way: his own side is asked to call the target itself (REFER, RFC 3515)."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Final

from gateway.calls.target_line import why_refused
from gateway.sip.fault import SipError
from gateway.site import metrics
from ivr.events import HandedOver
from recordings.entries import LegEnded

if TYPE_CHECKING:
    from collections.abc import Callable

    from gateway.calls.attempt import Wish
    from gateway.calls.target_line import By
    from gateway.sip.channel import Referral
    from ivr.events import Refusal
    from ivr.target import Target

log = logging.getLogger(__name__)

_ANSWER_SECONDS: Final = 5.0  # for 202: an exchange that takes REFER says so at once
_GLANCE_SECONDS: Final = 0.05
_RINGS: Final = 180  # from this status on the target's telephone is known to ring
_FINAL: Final = 200
_FAILED: Final = 300


def can_refer(wish: Wish, target: Target) -> bool:
    """Whether the caller came by the target's own trunk, of which it is said that it takes REFER."""
    leg = wish.party.leg
    came_by = leg.incoming.trunk if leg.incoming is not None else ""
    return (
        target.transfer == "cold" and bool(came_by) and came_by == target.trunk and "refer" in leg.transfers
    )


class Referring:
    """One target, to whom the caller is handed over, or is not."""

    def __init__(self, wish: Wish, target: Target) -> None:
        self._wish, self._target = wish, target
        self._number = wish.number_leg()
        self._given_up: By = "gateway"

    def give_up(self, by: By) -> None:
        """Whoever ends it, before the task is cancelled."""
        self._given_up = by

    async def run(self) -> Refusal | None:
        """Ask, and wait for what comes of it; tells the dialogue of a success alone, and writes all of it down.

        None when the caller is handed over; "failed" when nobody has said that the target was called: the warm way is
        left. A caller's side that has taken the request and hangs up, has taken him with it, perhaps: though cancelled,
        that is waited for. Raises JournalError.
        """
        leg, target = self._wish.party.leg, self._target
        # Who is passed on at once comes here before his side's ACK, and RFC 3515 knows no REFER until then.
        await _look(lambda: leg.is_confirmed, _ANSWER_SECONDS)
        self._wish.note_dialled(self._number, target, leg.sip_call_id)
        try:
            referral = leg.refer(target.uri, self._wish.errand.headers())
        except SipError as error:
            log.warning("a caller cannot be handed over: %s", str(error).replace(target.uri, target.name))
            self._note("gateway", "", handed_over=False)
            return "failed"
        log.info("a caller's side is asked to pass him on", extra={"target": target.name})
        try:
            return await self._follow(referral)
        except asyncio.CancelledError:
            if self._given_up == "caller" and (referral.told or referral.answer // 100 == _FINAL // 100):
                await self._told(referral)
            handed_over = referral.told // 100 == _FINAL // 100
            self._note(self._given_up, _name_cause(referral), handed_over=handed_over)
            raise
        finally:
            referral.end()

    async def _follow(self, referral: Referral) -> Refusal | None:
        await self._answered(referral)
        if not referral.told and referral.answer // 100 != _FINAL // 100:
            log.warning(
                "the caller's side does not pass him on, we do: check trunks.transfers",
                extra={"target": self._target.name, "status": referral.answer or None},
            )
            self._note("gateway", _name_cause(referral), handed_over=False)
            return "failed"
        await self._told(referral)
        told = referral.told
        if _FINAL <= told < _FAILED:
            metrics.CONNECTS.labels("handed_over").inc()
            self._note("gateway", _name_cause(referral), handed_over=True)
            party = self._wish.party
            party.tell(HandedOver(party.now(), self._wish.id, self._target.name))
            if party.leg.is_held:  # by who has him now: the dialogue waits for the end of it
                party.leg.hang_up()
            return None
        self._note("target" if told >= _FAILED else "gateway", _name_cause(referral), handed_over=False)
        if told >= _FAILED:
            return why_refused(told)
        return "no_answer" if told >= _RINGS else "failed"

    async def _answered(self, referral: Referral) -> None:
        await _look(lambda: bool(referral.answer or referral.told), _ANSWER_SECONDS)

    async def _told(self, referral: Referral) -> None:
        """Until the target's answer is told, nothing more will be, or it has rung long enough."""
        await _look(lambda: referral.told >= _FINAL or referral.is_over, self._target.ring_seconds)

    def _note(self, by: By, cause: str, *, handed_over: bool) -> None:
        self._wish.party.scribe.note(
            LegEnded(self._number, self._wish.party.now(), by, cause, handed_over=handed_over)
        )


async def _look(done: Callable[[], bool], seconds: float) -> None:
    """Wait until it is done, for so long at most; nobody tells: it is the SIP worker that takes note."""
    loop = asyncio.get_running_loop()
    until = loop.time() + seconds
    while not done() and loop.time() < until:  # noqa: ASYNC110 - as the line above says
        await asyncio.sleep(_GLANCE_SECONDS)


def _name_cause(referral: Referral) -> str:
    """SIP's words for it: what REFER was answered with, or what it led to."""
    if referral.told:
        return f"REFER: {referral.told}"
    return f"{referral.answer} to REFER" if referral.answer else "no answer to REFER"
