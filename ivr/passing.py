"""What passes on without the caller: steps, choices, look-ups, the filing of a matter, the goodbye."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ivr import inquiring, several, slots
from ivr.actions import Alert, Hangup
from ivr.actions import LookUp as LookUpAction
from ivr.actions import Submit as SubmitAction
from ivr.matter import Matter

if TYPE_CHECKING:
    from ivr.events import LookedUp
    from ivr.flow import Change, Choose, Condition, End, LookUp, Step, Submit
    from ivr.turn import Turn

_ANSWER_LONGEST = 10.0  # seconds for a look-up or a filing; the call goes on without after that
HANGUP_SECONDS = 10.0
"""For the line to go down."""
_AROUND = 2  # characters around a place that add nothing to it


def take_step(turn: Turn, node: Step) -> None:
    """Note it, queue its prompt, go on."""
    note(turn, node.change)
    turn.queue(node.prompts)
    turn.go(node.next, turn.state.carried)


def note(turn: Turn, change: Change) -> None:  # noqa: C901 - one case for each thing that is noted
    """Change the matter; the first reason for a call back stands, unless there is danger."""
    state = turn.state
    count = len(state.everything) + len(state.following)
    inquiring.note(turn, change)
    if change.told_matter:
        several.go_on(turn)
    done = state.matter.complete or state.matter.idle
    if change.next_matter and done and count < turn.flow.matters:
        turn.change(
            everything=(*state.everything, *state.following, Matter(count, state.preset)),
            following=(),
            visits=(),
            appeals=(),
            voiced=False,
            number="",
            candidates=(),
        )
    if change.appeal:
        turn.change(appeals=change.appeal)
        turn.change_matter(appeal=change.appeal[0])
    if change.call_back and (change.danger or not state.matter.call_back):
        turn.change_matter(call_back=change.call_back)
    if change.danger and not turn.state.matter.danger:
        turn.change_matter(danger=True)
        risk, words = (turn.alarm.risk, turn.alarm.words) if turn.alarm else ("", "")
        turn.actions.append(Alert(turn.state.matter.index, risk, words))
    if change.confirmed:
        turn.change_matter(confirmed=True)
    if change.take:
        turn.change_matter(**{change.take: getattr(state, change.take)})
    if change.contact == "calling" and _shows_number(turn):
        turn.change_matter(contact=state.caller, contact_confirmed=True)
    elif change.contact == "agreed":
        turn.change_matter(contact_confirmed=bool(state.matter.contact))
    elif change.contact == "none":
        turn.change_matter(contact="", contact_confirmed=False)


def choose(turn: Turn, node: Choose) -> None:
    """Go to the first case that holds."""
    target = next((target for condition, target in node.cases if _holds(turn, condition)), node.otherwise)
    turn.go(target, turn.state.carried)


def _holds(turn: Turn, condition: Condition) -> bool:  # noqa: PLR0911 - one for each condition
    matter = turn.state.matter
    match condition:
        case "told":
            return bool(matter.text)
        case "placed":
            return bool(matter.place_name or matter.place)
        case "ambiguous":
            return bool(turn.state.candidates)
        case "caller":
            return _shows_number(turn)
        case "contact":
            return matter.contact_confirmed
        case "call_back":
            return bool(matter.call_back)
        case "later":
            return matter.index > 0
        case "several":
            return bool(turn.state.following)
        case "told_more":
            return bool(turn.state.following) and matter.complete
        case _:
            return inquiring.holds(turn, condition)


def _shows_number(turn: Turn) -> bool:
    """Whether the calling number is one that can be called back."""
    return slots.fill(("tail",), turn.state) is not None


def look_up(turn: Turn, node: LookUp) -> None:
    """Have it looked up, if there is anything to look at."""
    carried, matter = turn.state.carried, turn.state.matter
    match node.of:
        case "matter" | "matters":
            text = matter.text
        case "place" | "which":
            text = carried.text if carried else ""
        case "correction":
            text = "".join(s.text for s in matter.spoken[turn.state.dictation.since :])
    if not text:
        turn.go(node.next)
        return
    named = matter.place_name if node.of == "which" else ""
    turn.actions.append(LookUpAction(text, named, several=node.of == "matters"))
    turn.change(lookups=turn.state.lookups + 1)
    _await(turn)


def looked_up(turn: Turn, node: LookUp, found: LookedUp) -> None:
    """Note what was found, which may be nothing, and go on."""
    carried, matter, place_name = turn.state.carried, turn.state.matter, found.place_name
    if carried is not None and node.of in ("place", "which"):
        known = matter.place_name if node.of == "which" else ""
        turn.change_matter(place=carried.text, place_name=place_name or known)
        turn.change(carried=None)
    elif node.of == "correction":
        _correct(turn, place_name, found.brief)
    else:
        if place_name and matter.told_with >= 0:  # it is not where the one before it is
            turn.change_matter(place="")
        turn.change_matter(place_name=place_name or matter.place_name, brief=found.brief or matter.brief)
        several.part(turn, found.further)
    turn.change(candidates=found.candidates)
    turn.go(node.next)


def _correct(turn: Turn, place_name: str, brief: str) -> None:
    """What was dictated last says better where it is, or what it is about, or both."""
    matter, since = turn.state.matter, turn.state.dictation.since
    text = "".join(s.text for s in matter.spoken[since:])
    if place_name:
        turn.change_matter(place=text, place_name=place_name)
    if place_name and len(text) <= len(place_name) + _AROUND:  # it says no more than the place
        turn.change_matter(spoken=matter.spoken[:since])
    else:
        turn.change_matter(brief=brief or matter.brief)


def submit(turn: Turn, _node: Submit) -> None:
    """File the matter."""
    file_beside(turn)
    _await(turn)


def file_beside(turn: Turn) -> None:
    """File the matter, and wait for nothing."""
    turn.change_matter(complete=True)
    turn.actions.append(SubmitAction(turn.state.matter))


def end(turn: Turn, node: End) -> None:
    """Say goodbye; nothing further is listened to."""
    turn.stop_listening()
    turn.change(ahead="")  # no question follows that a key could answer
    turn.queue(node.prompts)
    hang_up(turn)


def hang_up(turn: Turn) -> None:
    """Hang up, once all is said."""
    if not turn.play_next():
        turn.actions.append(Hangup())
        turn.change(phase="leaving", until=None)
        turn.wait_until(turn.at + HANGUP_SECONDS)


def _await(turn: Turn) -> None:
    turn.change(until=turn.at + _ANSWER_LONGEST)
    turn.play_next()
    turn.wait_until(turn.at + _ANSWER_LONGEST)
