"""The dialogue: an event in, a new state and actions out. No clock, no I/O: the driver brings the time."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from ivr import asking, collecting, dictating, passing
from ivr.actions import Finish
from ivr.events import (
    Answered,
    Digit,
    EarLost,
    Elapsed,
    Heard,
    HungUp,
    LookedUp,
    PromptEnded,
    SpeechStarted,
    Submitted,
)
from ivr.flow import DANGER_KEY, Ask, Choose, Dictate, Digits, End, LookUp, Step, Submit
from ivr.matter import Matter
from ivr.state import State
from ivr.turn import Turn, spoken

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from ivr.actions import Action, Prompt
    from ivr.events import Event
    from ivr.flow import Flow, Node
    from ivr.matter import AppealType

_UNANSWERED = 60.0  # seconds a call may take from start() to Answered
_FAINT = -42.0  # dBFS: quieter speech that was not understood is too quiet
_ECHO = -50.0  # dBFS: quieter sounds without words are not the caller's
_SPEECH = 1.0  # seconds: a shorter sound without words is a cough or a knock
_SURE = 0.5  # confidence below which quiet speech counts as not understood
_EARLY = 0.001  # seconds that a timer may come early by rounding

# The nodes that wait for the caller; each module knows enter, wait, press, hear and elapse of its kind.
_WAITING: Mapping[type, Any] = MappingProxyType({Ask: asking, Dictate: dictating, Digits: collecting})


def start(
    flow: Flow, *, openings: Mapping[str, Prompt] = MappingProxyType({}), appeal: AppealType | None = None
) -> State:
    """A dialogue before its call is answered.

    ``openings`` replace the prompts of these questions, ``appeal`` is the kind of appeal unless the caller names
    another: both are the `Hotline`'s. Raises ValueError for an opening that cannot be said.
    """
    for prompt in openings.values():
        if flow.slots.get(prompt.name) != frozenset(prompt.slots):
            raise ValueError(f"the opening {prompt.name!r} is no prompt, or its slots are not those given")
    return State("ringing", _UNANSWERED, (Matter(0, appeal),), openings=openings, preset=appeal)


def advance(flow: Flow, state: State, event: Event) -> tuple[State, tuple[Action, ...]]:
    """Take one event. The actions are to be performed in order; an ended dialogue takes nothing any more.

    Events that do not fit (a second ``Answered``, an answer nobody waits for, ``Elapsed`` before the deadline) change
    nothing.
    """
    turn = Turn(flow, state, event.at)
    if isinstance(event, _FITTING[state.phase]):
        HANDLERS[type(event)](turn, event)
        _enter(turn)
    return turn.state, tuple(turn.actions)


def _enter(turn: Turn) -> None:
    """Enter the node that was chosen, and those it leads to, until one waits."""
    while turn.target is not None:
        name, turn.target = turn.target, None
        if isinstance(_question(turn), Dictate):
            dictating.leave(turn)
        turn.change(question=name, until=None, cut=False, replayed=False)
        match turn.flow.nodes[name]:
            case Step() as node:
                passing.take_step(turn, node)
            case Choose() as node:
                passing.choose(turn, node)
            case LookUp() as node:
                passing.look_up(turn, node)
            case Submit() as node:
                passing.submit(turn, node)
            case End() as node:
                passing.end(turn, node)
            case node:
                _enter_waiting(turn, node)


def _enter_waiting(turn: Turn, node: Ask | Dictate | Digits) -> None:
    state = turn.state
    if node.deaf and not state.hears:
        turn.go(node.deaf, state.carried)
        return
    visits = dict(state.visits)
    # A phrase that leads here has cost a try where it was heard; it must never be lost to this node's.
    if state.carried is None and not (isinstance(node, Dictate) and state.speaking is not None):
        if visits.get(node.name, 0) >= node.tries:
            turn.go(node.then)
            return
        visits[node.name] = visits.get(node.name, 0) + 1
        turn.change(visits=tuple(visits.items()))
    _WAITING[type(node)].enter(turn, node)


def _question(turn: Turn) -> Node | None:
    """The node that waits."""
    return turn.flow.nodes.get(turn.state.question)


def _wait(turn: Turn) -> None:
    """Play what is queued; when all is said, wait, or do what was to be done then."""
    node = _question(turn)
    if isinstance(node, End):
        passing.hang_up(turn)
    elif type(node) in _WAITING:
        _WAITING[type(node)].wait(turn, node)
    else:
        turn.play_next()


def _answered(turn: Turn, event: Answered) -> None:
    turn.change(phase="talking", caller=event.caller, hears=event.hears)
    turn.go(turn.flow.start)


def _digit(turn: Turn, event: Digit) -> None:
    node, key, matter = _question(turn), event.key, turn.state.matter
    turn.change(speaking=None)
    rescue = None if isinstance(node, Digits) else turn.rescue(key)
    settled = isinstance(node, LookUp | Submit | End)  # once a call back is noted, 0 changes nothing here
    noted = matter.danger if key == DANGER_KEY else bool(matter.call_back) and settled
    if rescue and not noted:
        turn.stop_playing()
        turn.go(rescue)
    elif rescue is None and type(node) in _WAITING:
        _WAITING[type(node)].press(turn, node, key)
    else:
        _wait(turn)


def _speech_started(turn: Turn, event: SpeechStarted) -> None:
    if turn.state.listening is not None:
        turn.change(cut=turn.stop_playing(), speaking=event.at, phrase=event.start)
        if isinstance(_question(turn), Dictate):
            turn.change(voiced=True)
        _wait(turn)


def _heard(turn: Turn, event: Heard) -> None:
    node = _question(turn)
    if event.start >= turn.state.phrase:  # else it comes late: the caller is in his next phrase already
        turn.change(speaking=None)
    if turn.state.listening is None or type(node) not in _WAITING:
        return
    last = isinstance(node, Dictate) and turn.state.dictation.closing
    faint = (
        event.level < _FAINT and event.confirmed and (not event.text or event.confidence < _SURE) and not last
    )
    unclear = _is_unclear(event, faint=faint)
    if unclear and isinstance(node, Dictate):
        dictating.note_unclear(turn)
    if unclear and not faint and event.confirmed and isinstance(node, Ask | Digits):
        turn.misunderstand()
    elif not event.text and (event.level < _ECHO or not faint):
        _rest(turn)
    elif faint:
        _ask_louder(turn)
    else:
        turn.stop_playing()
        request = turn.flow.words.find_request(event.text)
        if request:
            told = request.beside if turn.state.listening.phrases is None else ""
            turn.keep(spoken(event, told) if told else None)
            turn.go(turn.flow.person)
        else:
            _WAITING[type(node)].hear(turn, node, event)


def _is_unclear(heard: Heard, *, faint: bool) -> bool:
    """Whether it was speech that was not understood, and no mere noise."""
    if heard.text:
        return faint
    spoke = faint or not heard.confirmed or heard.end - heard.start >= _SPEECH
    return spoke and heard.level >= _ECHO


def _rest(turn: Turn) -> None:
    """A sound without words has ended: say again, once, what it cut short."""
    node, state = _question(turn), turn.state
    if isinstance(node, Dictate):
        dictating.rest(turn, node)
    elif isinstance(node, Ask | Digits) and state.cut and not state.replayed:
        turn.change(replayed=True, cut=False)
        _WAITING[type(node)].enter(turn, node)
    else:
        _wait(turn)


def _ask_louder(turn: Turn) -> None:
    """Once in a call; after that a person must call back, unless one will."""
    turn.stop_playing()
    if not turn.state.asked_louder:
        turn.change(asked_louder=True, cut=False)
        turn.queue((turn.flow.speak_up,))
        _wait(turn)
    elif not turn.state.matter.call_back:
        turn.go(turn.flow.faint)
    else:
        _rest(turn)


def _prompt_ended(turn: Turn, event: PromptEnded) -> None:
    if event.id == turn.state.playing:
        turn.change(playing=None)
        _wait(turn)


def _elapsed(turn: Turn, event: Elapsed) -> None:
    deadline = turn.state.deadline
    if deadline is not None and event.at < deadline - _EARLY:
        return
    node = _question(turn)
    if turn.state.phase != "talking":
        _finish(turn)
    elif isinstance(node, LookUp):
        passing.looked_up(turn, node, "", "")
    elif isinstance(node, Submit):
        turn.go(node.failed)
    elif turn.state.playing is not None:
        turn.stop_playing()
        _wait(turn)
    else:
        _WAITING[type(node)].elapse(turn, node)


def _looked_up(turn: Turn, event: LookedUp) -> None:
    node, waiting = _question(turn), turn.state.lookups
    turn.change(lookups=max(0, waiting - 1))
    if isinstance(node, LookUp) and waiting == 1:  # else it answers an earlier one, which was left
        passing.looked_up(turn, node, event.place_name, event.brief)


def _submitted(turn: Turn, event: Submitted) -> None:
    node = _question(turn)
    if event.matter == turn.state.matter.index:
        turn.change(number=event.number)
        if isinstance(node, Submit):
            turn.go(node.next)


def _ear_lost(turn: Turn, _event: EarLost) -> None:
    node = _question(turn)
    turn.stop_listening()
    turn.change(hears=False)
    if isinstance(node, Ask | Dictate | Digits):
        if node.deaf:
            turn.stop_playing()
            turn.go(node.deaf)
        else:
            _wait(turn)


def _hung_up(turn: Turn, _event: HungUp) -> None:
    _finish(turn)


def _finish(turn: Turn) -> None:
    """Close what is open and hand over the matters; what the caller was just saying belongs to his matter."""
    node, speaking = _question(turn), turn.state.speaking
    if isinstance(node, Ask) and node.hear and speaking is not None:
        turn.open_window(speaking)
        turn.change(voiced=True)
    turn.keep(turn.state.carried)
    dictating.leave(turn)
    turn.change(
        phase="ended",
        deadline=None,
        until=None,
        playing=None,
        queue=(),
        listening=None,
        speaking=None,
        carried=None,
    )
    turn.actions.append(Finish(turn.state.matters))


HANDLERS: Mapping[type[Event], Callable[[Turn, Any], None]] = MappingProxyType(
    {
        Answered: _answered,
        Digit: _digit,
        SpeechStarted: _speech_started,
        Heard: _heard,
        PromptEnded: _prompt_ended,
        Elapsed: _elapsed,
        LookedUp: _looked_up,
        Submitted: _submitted,
        EarLost: _ear_lost,
        HungUp: _hung_up,
    }
)
"""What takes each kind of event."""

_FITTING: Mapping[str, tuple[type[Event], ...]] = MappingProxyType(
    {
        "ringing": (Answered, Elapsed, HungUp),
        "talking": tuple(kind for kind in HANDLERS if kind is not Answered),
        "leaving": (Elapsed, HungUp),
        "ended": (),
    }
)
