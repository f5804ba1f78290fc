"""Passing a call on before it is answered: the caller's own side is told whom to call instead (302)."""

from __future__ import annotations

import asyncio
import logging
from datetime import datetime
from typing import TYPE_CHECKING, Final

from gateway.calls.scribe import Scribe
from gateway.sip.fault import SipError
from gateway.site import metrics
from ivr.actions import Connect
from ivr.events import Answered
from ivr.machine import advance, start
from recordings.entries import Dialled, Finished, HungUp, LegEnded
from tickets.number import CITY_TIME

if TYPE_CHECKING:
    from gateway.calls.live import Board
    from gateway.sip.leg import Leg
    from ivr.hotline import Hotline
    from ivr.target import Target
    from recordings.journals import JournalWriter

log = logging.getLogger(__name__)

_CLOSE_SECONDS: Final = 5.0  # for the ACK
_MOVED: Final = 302


async def redirect(leg: Leg, journal: JournalWriter, board: Board, hotline: Hotline, *, at_once: bool) -> str:
    """Send the caller's side to a target, if that can be; "" when it cannot, else the call's outcome.

    So are only callers to whom nothing would be said before somebody is called, whose first open target is to be
    reached the cold way by the trunk they came by, and has a ticket of its own: nothing is learnt of such a call here.
    Its journal is finished then. Raises JournalError.
    """
    caller = leg.incoming.caller if leg.incoming is not None else ""
    reason = _find_reason(hotline, caller, at_once=at_once)
    target = next((t for t in hotline.targets.get(reason, ()) if t.is_open(datetime.now(CITY_TIME))), None)
    if target is None or not _can_redirect(leg, target):
        return ""
    scribe = Scribe(journal, board, anonymous=hotline.anonymous)
    scribe.note(
        Dialled(1, 0.0, 0, 0, reason, target.name, target.uri, target.ticket, sip_call_id=leg.sip_call_id)
    )
    await scribe.settle()
    try:
        leg.refuse(_MOVED, {"Contact": f"<{target.uri}>"})
        handed_over = True
    except SipError as error:
        log.info("not redirected: %s", error)
        handed_over = False
        leg.hang_up()
    scribe.note(
        LegEnded(1, 0.0, "gateway" if handed_over else "caller", str(_MOVED), handed_over=handed_over)
    )
    await asyncio.wait((leg.closed,), timeout=_CLOSE_SECONDS)
    if leg.ended is not None:
        scribe.note(HungUp(leg.ended.by, f"{leg.ended.status} {leg.ended.reason}"))
    scribe.note(Finished())
    if not handed_over:
        return "unanswered"
    metrics.CONNECTS.labels("handed_over").inc()
    log.info("a caller's side is sent to a target", extra={"target": target.name, "reason": reason})
    return "redirected"


def _find_reason(hotline: Hotline, caller: str, *, at_once: bool) -> str:
    """Why the dialogue would call somebody as soon as the call is answered; "" when it would not."""
    state = start(hotline.flow, reasons=frozenset(hotline.targets), at_once=at_once)
    _, wanted = advance(hotline.flow, state, Answered(0.0, caller, hotline.number))
    return next((action.reason for action in wanted if isinstance(action, Connect)), "")


def _can_redirect(leg: Leg, target: Target) -> bool:
    came_by = leg.incoming.trunk if leg.incoming is not None else ""
    wanted = target.transfer == "cold" and target.ticket == "theirs"
    return wanted and bool(came_by) and came_by == target.trunk and "redirect" in leg.transfers
