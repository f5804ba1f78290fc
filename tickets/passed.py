"""What a ticket says of whom its call was passed on to."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from ivr.target import THIRD
from tickets.parts import PassedPart

if TYPE_CHECKING:
    from ivr.matter import Matter
    from tickets.legs import Leg
    from tickets.record import CallRecord

_PASSED_ON: Final = ("设分中心", "转接")  # modes of lines that are another's


def draft_passed(record: CallRecord, matter: Matter) -> dict[str, Any]:
    """Who has talked with the caller about it; nothing, rather than null, for a call that was not passed on."""
    talks = [leg for leg in record.legs if leg.matter == matter.index and leg.counts]
    if not talks:
        return {}
    last = next((leg for leg in reversed(talks) if leg.reason != THIRD), talks[-1])
    cut_off = last.ended_at is not None and not last.settled
    part = PassedPart(
        target=last.target, call_id=last.known_as, talked_s=round(last.talked, 1), cut_off=cut_off
    )
    return {"passed": part}


def is_settled(record: CallRecord, matter: Matter) -> bool:
    """Whether somebody has talked with the caller about it, to the end."""
    return any(leg.settled for leg in record.legs if leg.matter == matter.index)


def need_call_back(record: CallRecord, matter: Matter) -> str:
    """Why the caller must be called back; who asked for a person and has talked with one, need not."""
    return "" if is_settled(record, matter) else matter.call_back


def owe_call_back(record: CallRecord) -> str:
    """Which department has to call back, because the call could not be passed on to it; "" when none has."""
    line = record.line
    if line is None or line.mode not in _PASSED_ON or any(leg.settled for leg in record.legs):
        return ""
    return f"{record.hotline}{line.name}热线未能转接,须由{line.department}回电"


def tell_leg(leg: Leg) -> str:
    """What came of calling somebody, for the agent."""
    if leg.handed_over:
        return f"已由来电方交换机转至{leg.target},通话时长不详"
    if leg.answered_at is None:
        return f"转接{leg.target}未接通"
    if leg.ended_at is None:
        return f"已转{leg.target},正在通话"
    talked = f"已转{leg.target},通话{round(leg.talked)}秒"
    return talked if leg.settled else f"{talked},{'线路中断' if leg.ended_by == 'lost' else '过短'}"
