"""The dialogue: an event in, a new state and actions out. No clock, no I/O: the driver brings the time."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from ivr import collecting, connecting, dictating, hearing, inquiring, passing
from ivr.actions import Finish
from ivr.entering import WAITING, enter, question, wait
from ivr.events import (
    Alarmed,
    Answered,
    Calling,
    Connected,
    Digit,
    EarChecked,
    EarLost,
    Elapsed,
    HandedOver,
    Heard,
    HungUp,
    Informed,
    LookedUp,
    Parted,
    PromptEnded,
    Refused,
    Resumed,
    SpeechStarted,
    Submitted,
    WordsBegan,
)
from ivr.flow import DANGER_KEY, Ask, Connect, Digits, End, Inquire, LookUp, Submit
from ivr.matter import Matter
from ivr.state import State
from ivr.turn import Turn

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from ivr.actions import Action, Prompt
    from ivr.events import Event
    from ivr.flow import Flow
    from ivr.matter import AppealType

_UNANSWERED = 60.0  # seconds a call may take from start() to Answered
_EARLY = 0.001  # seconds that a timer may come early by rounding
_AHEAD = 32  # keys: an answer, a telephone number and what ends it


def start(
    flow: Flow,
    *,
    openings: Mapping[str, Prompt] = MappingProxyType({}),
    appeal: AppealType | None = None,
    reasons: frozenset[str] = frozenset(),
    at_once: bool = False,
    offer_person: bool = False,
    ticket: str = "",
    recalls: bool = False,
) -> State:
    """A dialogue before its call is answered.

    ``openings`` replace the prompts of these questions, ``appeal`` is the kind of appeal unless the caller names
    another, ``reasons`` are those for which somebody can be reached: all are the `Hotline`'s. ``at_once``: the caller
    is passed to a person without a question; ``offer_person``: he is offered one first. ``ticket`` is the number of the
    one that a call which we place is about. ``recalls``: it can be asked whether he has called before.
    Raises ValueError for an opening that cannot be said.
    """
    for prompt in openings.values():
        if flow.slots.get(prompt.name) != frozenset(prompt.slots):
            raise ValueError(f"the opening {prompt.name!r} is no prompt, or its slots are not those given")
    matters = (Matter(0, appeal),)
    return State(
        "ringing",
        _UNANSWERED,
        matters,
        openings=openings,
        preset=appeal,
        reasons=reasons,
        at_once=at_once,
        offer_person=offer_person,
        ticket=ticket,
        recalls=recalls,
    )


def advance(flow: Flow, state: State, event: Event) -> tuple[State, tuple[Action, ...]]:
    """Take one event. The actions are to be performed in order; an ended dialogue takes nothing any more.

    Events that do not fit (a second ``Answered``, an answer nobody waits for, ``Elapsed`` before the deadline) change
    nothing.
    """
    turn = Turn(flow, state, event.at)
    if isinstance(event, _FITTING[state.phase]):
        HANDLERS[type(event)](turn, event)
        enter(turn)
    return turn.state, tuple(turn.actions)


def _answered(turn: Turn, event: Answered) -> None:
    turn.change(phase="talking", caller=event.caller, hears=event.hears, ear=event.hears)
    centre = turn.flow.nodes.get(turn.flow.centre or "")
    first = turn.flow.duty if turn.state.at_once else turn.flow.start
    passed_on = isinstance(centre, Connect) and centre.reason in turn.state.reasons
    target = centre.name if isinstance(centre, Connect) and passed_on else first
    if turn.state.offer_person and turn.flow.offer_person and target == turn.flow.start:
        turn.queue((turn.flow.offer_person,))
    elif (
        target == turn.flow.start and turn.state.recalls and turn.flow.recall and event.caller and event.hears
    ):
        target = turn.flow.recall
    turn.go(target)


def _digit(turn: Turn, event: Digit) -> None:
    node, key, matter = question(turn), event.key, turn.state.matter
    turn.change(speaking=None)
    rescue = None if isinstance(node, Digits) else turn.rescue(key)
    settled = isinstance(
        node, LookUp | Inquire | Submit | Connect | End
    )  # once a call back is noted, 0 changes nothing here
    noted = matter.danger if key == DANGER_KEY else bool(matter.call_back) and settled
    if rescue and not noted:
        turn.stop_playing()
        turn.go(rescue)
    elif isinstance(node, LookUp | Inquire | Submit):
        turn.change(ahead=(turn.state.ahead + key)[:_AHEAD])
    elif rescue is None and type(node) in WAITING:
        WAITING[type(node)].press(turn, node, key)
    else:
        wait(turn)


def _prompt_ended(turn: Turn, event: PromptEnded) -> None:
    if event.id == turn.state.playing:
        turn.change(playing=None, paused=False)
        wait(turn)


def _elapsed(turn: Turn, event: Elapsed) -> None:
    deadline = turn.state.deadline
    if deadline is not None and event.at < deadline - _EARLY:
        return
    node = question(turn)
    if turn.state.phase in ("ringing", "leaving"):
        _finish(turn)
    elif isinstance(node, LookUp):
        passing.looked_up(turn, node, LookedUp(event.at, "", ""))
    elif isinstance(node, Inquire):
        inquiring.give_up(turn, node)
    elif isinstance(node, Submit):
        turn.go(node.failed)
    elif turn.state.paused:  # no word came: it was no speech
        turn.resume_playing()
    elif turn.state.playing is not None:
        turn.stop_playing()
        wait(turn)
    else:
        WAITING[type(node)].elapse(turn, node)


def _looked_up(turn: Turn, event: LookedUp) -> None:
    node, waiting = question(turn), turn.state.lookups
    turn.change(lookups=max(0, waiting - 1))
    if waiting != 1:  # it answers an earlier one, which was left
        return
    if isinstance(node, LookUp):
        passing.looked_up(turn, node, event)
    elif isinstance(node, Digits):
        collecting.looked_up(turn, node, event)


def _informed(turn: Turn, event: Informed) -> None:
    node = question(turn)
    if isinstance(node, Inquire):
        inquiring.informed(turn, node, event)


def _submitted(turn: Turn, event: Submitted) -> None:
    node = question(turn)
    if event.matter == turn.state.matter.index:
        turn.change(number=event.number)
        if isinstance(node, Submit):
            turn.go(node.next)


def _follow(turn: Turn, event: Calling | Connected | Refused | Parted | HandedOver) -> None:
    """How it goes with whom the caller is to be passed on to; of an attempt that was given up, nothing counts."""
    node = question(turn)
    talking = isinstance(event, Parted)
    if (
        isinstance(node, Connect)
        and event.id == turn.state.reaching
        and talking == (turn.state.phase == "connected")
    ):
        match event:
            case Calling():
                connecting.calling(turn, node, event)
            case Connected():
                connecting.connected(turn, node, event)
            case Refused():
                connecting.refused(turn, node, event)
            case Parted():
                connecting.parted(turn, node, event)
            case HandedOver():
                connecting.handed_over(turn, event)


def _resumed(turn: Turn, event: Resumed) -> None:
    """Give the caller the time that he had left when he put the line on hold."""
    deadline, until = turn.state.deadline, turn.state.until
    turn.change(
        deadline=None if deadline is None else deadline + event.held,
        until=None if until is None else until + event.held,
    )


def _hung_up(turn: Turn, _event: HungUp) -> None:
    _finish(turn)


def _finish(turn: Turn) -> None:
    """Close what is open and hand over the matters; what the caller was just saying belongs to his matter."""
    node, speaking = question(turn), turn.state.speaking
    if isinstance(node, Ask) and node.hear and speaking is not None:
        turn.open_window(speaking)
        turn.change(voiced=True)
    turn.keep(turn.state.carried)
    dictating.leave(turn)
    if isinstance(node, Connect):
        connecting.hang_up(turn, node)
    turn.change(
        phase="ended",
        deadline=None,
        until=None,
        playing=None,
        paused=False,
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
        SpeechStarted: hearing.speech_started,
        WordsBegan: hearing.words_began,
        Alarmed: hearing.alarmed,
        Heard: hearing.heard,
        PromptEnded: _prompt_ended,
        Elapsed: _elapsed,
        LookedUp: _looked_up,
        Informed: _informed,
        Submitted: _submitted,
        EarLost: hearing.ear_lost,
        EarChecked: hearing.ear_checked,
        Resumed: _resumed,
        Calling: _follow,
        Connected: _follow,
        Refused: _follow,
        Parted: _follow,
        HandedOver: _follow,
        HungUp: _hung_up,
    }
)
"""What takes each kind of event."""

_FITTING: Mapping[str, tuple[type[Event], ...]] = MappingProxyType(
    {
        "ringing": (Answered, Elapsed, HungUp),
        "talking": tuple(kind for kind in HANDLERS if kind is not Answered),
        "connected": (Elapsed, Submitted, LookedUp, Informed, EarLost, EarChecked, Resumed, Parted, HungUp),
        "leaving": (Elapsed, HungUp),
        "ended": (),
    }
)
