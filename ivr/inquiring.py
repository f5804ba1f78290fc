"""What becomes of tickets (查进度): asked for, told, and judged by the caller."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ivr.actions import Inquire as InquireAction
from ivr.actions import Rate
from ivr.events import Informed
from ivr.words import EMPTY

if TYPE_CHECKING:
    from ivr.flow import Change, Condition, Inquire
    from ivr.turn import Turn

LONGEST = 1.0  # seconds for an answer, which the driver bounds by itself


def inquire(turn: Turn, node: Inquire) -> None:
    """Have it asked for; what was known of another ticket is forgotten."""
    state = turn.state
    ticket = state.number if node.of == "code" else "" if node.of in ("caller", "past") else state.ticket
    turn.change(informed=None)
    turn.change(until=turn.at + LONGEST, inquiry=state.inquiry + 1)
    turn.actions.append(InquireAction(turn.state.inquiry, node.of, state.caller, ticket, state.code))
    turn.play_next()
    turn.wait_until(turn.at + LONGEST)


def informed(turn: Turn, node: Inquire, event: Informed) -> None:
    """Take the answer, and go on."""
    if event.id != turn.state.inquiry:
        return
    turn.change(informed=event, code="")
    if event.outcome == "found" and node.of == "past":
        turn.change(past=event.ticket)
    elif event.outcome == "found":
        turn.change(ticket=event.ticket)
    turn.go(node.next)


def give_up(turn: Turn, node: Inquire) -> None:
    """No answer came."""
    turn.change(informed=Informed(turn.at, turn.state.inquiry, "away"), code="")
    turn.go(node.next)


def note(turn: Turn, change: Change) -> None:
    """What was said is no matter, or goes on with that of before; or it is what he thinks of an outcome."""
    if change.no_matter:
        turn.change_matter(idle=True)
    if change.past_matter and turn.state.past:
        cut = turn.state.informed is not None and turn.state.informed.cut
        turn.change_matter(**{"joins" if cut else "repeats": turn.state.past})
    if change.rating and turn.state.ticket:
        turn.actions.append(Rate(turn.state.ticket, change.rating))
    if change.concluded:
        turn.change(concluded=change.concluded)
    if change.solved is not None:
        turn.change(solved=change.solved)


def holds(turn: Turn, condition: Condition) -> bool:
    """Whether a condition on what was asked of tickets holds."""
    informed, words, text = turn.state.informed, turn.flow.words, turn.state.matter.text
    if condition == "asks_progress":
        return bool(words.find(text, ["progress"])) and words.is_only(text, "progress", *EMPTY)
    if informed is None:
        return False
    if condition == "handled":
        return informed.handled
    if condition == "cut_off":
        return informed.outcome == "found" and informed.cut
    return informed.outcome == ("found" if condition == "informed" else condition)
