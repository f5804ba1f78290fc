"""What calls are led by: lines, flows, prompts and caps of one moment."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from ivr.machine import start

if TYPE_CHECKING:
    from collections.abc import Mapping

    from config.duty import Duty
    from gateway.calls.house import House
    from gateway.prompts.book import PromptBook
    from ivr.flow import Flow
    from ivr.hotline import Hotline, Hotlines
    from ivr.state import State
    from recordings.calloutwords import Kind


@dataclass(frozen=True, slots=True)
class Dialogue:
    """Hotlines, flows, prompts and caps that were proved together: one value, taken by a call at its admission.

    ``since`` is when it was made. ``makeshift`` says why it is not the operator's own, whose files cannot be used; ""
    when it is. Calls that come then are passed to a person at once. ``calendar`` says why the operator's
    calendar is not in it, so that weekdays decide; "" when it is.
    """

    hotlines: Hotlines
    prompts: PromptBook
    cap: int
    """Calls let in at once at most."""
    since: datetime
    makeshift: str = ""
    calendar: str = ""
    placed: Mapping[Kind, Flow] = field(default_factory=dict)
    """What calls that we place are led by; none where nobody is to be called, or a file is wrong."""
    unplaced: str = ""
    """Why there is none though there should be."""


def why_at_once(dialogue: Dialogue, duty: Duty, number: str) -> str:
    """Why a call of that line is passed to a person at once now, as its record says it; "" when it is not."""
    if duty.order_for(number, datetime.now(UTC)) is not None:
        return "duty"
    return "makeshift" if dialogue.makeshift else ""


def begin(hotline: Hotline, house: House, *, at_once: bool, ticket: str) -> State:
    """The dialogue of a call on that line, before it is answered; see `ivr.machine.start`."""
    return start(
        hotline.flow,
        openings=hotline.openings,
        appeal=hotline.appeal,
        at_once=at_once,
        reasons=frozenset(hotline.targets),
        offer_person=house.deaf_for_long(),
        recalls=house.recalls and not hotline.anonymous,
        ticket=ticket,
    )
