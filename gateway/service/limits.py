"""What callers who are answered all the same must do without."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gateway.calls.ears import EarWatch
    from gateway.calls.switchboard import Switchboard
    from gateway.service.reload import Reload
    from gateway.sip.pj import UserAgent


def find_limits(switchboard: Switchboard, agent: UserAgent, ears: EarWatch, reload: Reload) -> list[str]:
    """By keys without speech, and so on; one sentence each."""
    limits = [standing.trouble for standing in agent.standings if standing.trouble]
    outgoing = switchboard.outgoing
    if outgoing.is_full:
        limits.append(
            f"{outgoing.lines} lines to people of {outgoing.cap}: only who is in danger gets another"
        )
    if ears.model is None:
        limits.append("speech recognition is out of reach, calls go by keys")
    if makeshift := switchboard.dialogue.makeshift:
        limits.append(f"the dialogue cannot be used, callers are passed to a person: {makeshift}")
    if calendar := switchboard.dialogue.calendar:
        limits.append(f"the calendar cannot be used, weekdays decide: {calendar}")
    if unplaced := switchboard.dialogue.unplaced:
        limits.append(f"nobody is called by us (hotline callback): {unplaced}")
    if reload.refused:
        limits.append(f"the last reload was refused, what was in force stays: {reload.refused}")
    return limits
