"""What a call would have become by another flow: its events taken once more, as long as they still fit.

As long as both flows do the same, the new one takes what happened, as it happened. From where they part, prompts end at
once, and to each question the caller answers what he answered to the question of that name; where he was asked nothing
of that name he is taken to have been silent, nobody to have come to the telephone, and the course is a guess.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from ivr import actions, events
from ivr.flow import Connect, LookUp, Submit
from ivr.machine import advance

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ivr.events import Event
    from ivr.flow import Flow
    from ivr.matter import Matter
    from ivr.state import State

    Finder = Callable[[actions.LookUp], events.LookedUp]
    """Looks up what the caller said; its ``at`` does not matter."""

_MOST_STEPS: Final = 5000
_SLACK_S: Final = 1.0  # by which a busy machine may have looked late
_NUMBER: Final = "0" * 12  # a number that was never given
_OURS: Final = (events.PromptEnded, events.LookedUp, events.Submitted, events.Resumed, events.HungUp)
_EARS: Final = (events.EarLost, events.EarChecked)
_PEOPLE: Final = (events.Calling, events.Connected, events.Refused, events.Parted, events.HandedOver)


@dataclass(frozen=True, slots=True)
class Course:
    """What became of a call: what it was told, in order, its matters, and who ended it (``lost``: nobody is known)."""

    told: tuple[str, ...]
    matters: tuple[Matter, ...]
    ended_by: str


@dataclass(frozen=True, slots=True)
class Replayed:
    """Both courses of a call. ``question`` is where they part, None when they do not; ``guessed``: see above.

    ``prompts`` are what the first flow plays, by the id of their ``Play``.
    """

    before: Course
    after: Course
    question: str | None
    guessed: bool
    prompts: dict[int, str]


class _Run:
    def __init__(self, flow: Flow, state: State) -> None:
        self.flow, self.state = flow, state
        self.told: list[str] = []
        self.prompts: dict[int, str] = {}
        self.wish: actions.LookUp | None = None
        self.now = 0.0
        self.ended_by = "lost"

    def take(self, event: Event) -> tuple[str, ...]:
        """Take one event; what the dialogue does that the caller, a ticket or a target notices."""
        self.now = event.at
        if isinstance(event, events.HungUp) and not self.state.ended:
            self.ended_by = event.by
        self.state, wanted = advance(self.flow, self.state, event)
        told = tuple(text for action in wanted if (text := self._tell(action)))
        self.told += told
        return told

    def _tell(self, action: actions.Action) -> str:
        match action:
            case actions.Play(id=number, prompt=prompt):
                self.prompts[number] = prompt.name
                return prompt.name
            case actions.LookUp():
                self.wish = action
                return ""
            case actions.Submit():
                return "(submit)"
            case actions.Connect(reason=reason):
                return f"(connect {reason})"
            case actions.Hangup():
                return "(hang up)"
        return ""

    def is_overdue(self, at: float) -> bool:
        """Whether its deadline would have passed before then."""
        return self.state.deadline is not None and self.state.deadline < at - _SLACK_S

    @property
    def course(self) -> Course:
        return Course(tuple(self.told), self.state.matters, self.ended_by)


def replay(
    before: tuple[Flow, State], after: tuple[Flow, State], happened: Sequence[Event], find: Finder
) -> Replayed:
    """Take what happened in a call by the flow ``before``, each with its first state, and by the flow ``after``."""
    old, new = _Run(*before), _Run(*after)
    for i, event in enumerate(happened):
        question = new.state.question
        if new.is_overdue(event.at) and not old.is_overdue(event.at):
            return _part(old, new, happened[i:], question, find)
        if old.take(event) != new.take(event):
            return _part(old, new, happened[i + 1 :], new.state.question or question, find)
    return Replayed(old.course, new.course, None, guessed=False, prompts=old.prompts)


def _part(old: _Run, new: _Run, rest: Sequence[Event], question: str, find: Finder) -> Replayed:
    moves: list[tuple[str, Event]] = []
    for event in rest:
        moves.append((old.state.question, event))
        old.take(event)
    guessed = _go_on(new, moves, old.ended_by, find)
    return Replayed(old.course, new.course, question, guessed, old.prompts)


def _go_on(run: _Run, moves: list[tuple[str, Event]], ended_by: str, find: Finder) -> bool:
    """Lead the call to its end by what the caller did; whether something had to be guessed."""
    left: list[tuple[str, Event]] = [
        (question, event) for question, event in moves if not isinstance(event, _OURS)
    ]
    guessed = False
    for _ in range(_MOST_STEPS):
        if run.state.ended:
            break
        answer = _answer(run, find)
        if answer is None:
            skipped, answer = _next_move(run, left)
            guessed = guessed or skipped
        if answer is None and not left and ended_by != "gateway":
            answer = events.HungUp(run.now, "caller" if ended_by == "caller" else "lost")
        if answer is None:
            guessed, answer = True, _suppose(run)
        run.take(answer)
    return guessed


def _answer(run: _Run, find: Finder) -> Event | None:
    """What the gateway itself answers; None while it waits for somebody."""
    state, node = run.state, run.flow.nodes.get(run.state.question)
    if state.playing is not None:
        return events.PromptEnded(run.now, state.playing)
    if state.phase == "leaving":
        return events.HungUp(run.now, "gateway")
    if isinstance(node, LookUp) and run.wish is not None:
        wish, run.wish = run.wish, None
        return replace(find(wish), at=run.now)
    if isinstance(node, Submit):
        return events.Submitted(run.now, state.matter.index, _NUMBER)
    return None


def _next_move(run: _Run, left: list[tuple[str, Event]]) -> tuple[bool, Event | None]:
    """What the caller, or who was called, did next in the question that waits; whether anything was passed over."""
    here = next((i for i, (question, _) in enumerate(left) if question == run.state.question), None)
    if here is None:
        return False, None
    passed_over = [event for _, event in left[:here]]
    for event in passed_over:
        if isinstance(event, _EARS):
            run.take(replace(event, at=max(run.now, event.at)))
    event = left[here][1]
    del left[: here + 1]
    at = max(run.now, event.at)
    if isinstance(event, events.Elapsed):
        at = max(at, run.state.deadline or at)
    if isinstance(event, _PEOPLE):
        event = replace(event, id=run.state.reaching or 0)
    if isinstance(event, events.Informed):
        event = replace(event, id=run.state.inquiry)
    skipped = any(not isinstance(each, (*_EARS, events.Informed)) for each in passed_over)
    return skipped, replace(event, at=at)


def _suppose(run: _Run) -> Event:
    """Nobody knows: the caller is silent, and who is called does not answer."""
    node = run.flow.nodes.get(run.state.question)
    if isinstance(node, Connect) and run.state.reaching is not None and run.state.phase == "talking":
        return events.Refused(run.now, run.state.reaching, "no_answer")
    return events.Elapsed(max(run.now, run.state.deadline or run.now))
