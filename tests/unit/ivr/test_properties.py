from __future__ import annotations

import math
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from config.document import embedded, load
from config.prompts import PromptTexts
from ivr.actions import (
    Alert,
    Connect,
    Finish,
    Hangup,
    Inquire,
    Listen,
    LookUp,
    Part,
    PausePlaying,
    Play,
    Rate,
    ResumePlaying,
    StopPlaying,
    Submit,
)
from ivr.compile import compile_flow
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
from ivr.flow import Digits
from ivr.flow import Inquire as InquireNode
from ivr.flow import LookUp as LookUpNode
from ivr.flow import Submit as SubmitNode
from ivr.machine import advance, start
from ivr.matter import Candidate

if TYPE_CHECKING:
    from ivr.actions import Action
    from ivr.events import Event
    from ivr.flow import Flow
    from ivr.matter import Matter
    from ivr.state import State

TEXTS = load(PromptTexts, embedded("prompts.yaml"))
FLOW = compile_flow(embedded("flows/default.yaml"), TEXTS)
AID = compile_flow(embedded("flows/psychological_aid.yaml"), TEXTS)
SAID = (
    "",
    "喂",
    "是的",
    "不对",
    "不是,是颍州区",
    "没有了",
    "还有我家停水三天了没人管",
    "转人工",
    "再说一遍",
    "不知道",
    "颍上县慎城镇房子漏雨",
    "幺三八五五八幺二三四五",
    "嗯",
    "举报",
    "转人工我家着火",
    "对啊你们赶紧派人来",
    "不对水管破了",
    "没别的事了",
    "谢谢",
    "查进度",
    "查询码",
    "不满意",
    "二六三二七零一零零零一四",
)
REASONS = frozenset({"person", "danger", "centre", "counsel"})
PROMPTS_OF_A_CALL = 19 * 4 * 5 + 200  # far above any real call, far below a loop


class Line:
    """Takes events and checks what must always hold."""

    def __init__(self, flow: Flow = FLOW, reasons: frozenset[str] = frozenset()) -> None:
        self.flow, self.reasons = flow, reasons
        self.state: State = start(flow, reasons=reasons)
        self.reaching: int | None = None
        self.connects = 0
        self.now = 0.0
        self.playing: int | None = None
        self.paused = False
        self.hung_up = False
        self.finished: tuple[Matter, ...] | None = None
        self.complete: dict[int, bool] = {}
        self.numbers: list[int] = []
        self.plays = 0
        self.events = 0
        self.check()

    def take(self, event: Event) -> tuple[Action, ...]:
        ended = self.state.ended
        if isinstance(event, PromptEnded) and event.id == self.playing:
            self.playing, self.paused = None, False
        over = {"talking": (Refused, HandedOver), "connected": Parted}.get(self.state.phase, ())
        if isinstance(event, over) and event.id == self.reaching:
            self.reaching = None
        self.state, actions = advance(self.flow, self.state, event)
        self.events += 1
        assert not (ended and actions)
        assert len(actions) <= 8
        for action in actions:
            self.perform(action)
        self.check()
        return actions

    def perform(self, action: Action) -> None:  # noqa: C901 - one case for each kind of action
        assert self.finished is None, "an action after Finish"
        match action:
            case Play() | PausePlaying() | ResumePlaying() | StopPlaying():
                self.sound(action)
            case Listen():
                assert action.words == self.state.hears, "without an ear only the voice is followed"
                assert action.end_silence > 0
                assert action.phrases is None or action.phrases
            case LookUp():
                assert action.text
            case Inquire():
                assert action.ticket or action.of in {"caller", "code"}
                assert action.code or action.of != "answer"
            case Rate():
                assert action.ticket
            case Submit():
                assert action.matter.complete
            case Connect():
                assert self.reaching is None, "two at once"
                assert action.id == self.connects, "the ids count up"
                assert action.reason in self.reasons
                self.reaching, self.connects = action.id, action.id + 1
            case Part():
                assert action.id == self.reaching
                self.reaching = None
            case Hangup():
                assert self.playing is None
                assert self.reaching is None
                self.hung_up = True
            case Finish():
                self.finished = action.matters

    def sound(self, action: Play | PausePlaying | ResumePlaying | StopPlaying) -> None:
        match action:
            case Play():
                assert not self.hung_up, "a prompt after Hangup"
                assert self.playing is None, "a prompt over a prompt"
                assert self.state.phase != "connected", "a prompt into the talk"
                assert action.id == self.plays, "the ids count up"
                slots = self.flow.slots[action.prompt.name]
                assert slots == action.prompt.slots.keys()
                assert all(action.prompt.slots.values())
                self.playing, self.plays = action.id, self.plays + 1
            case PausePlaying():
                assert self.playing is not None, "nothing to pause"
                assert not self.paused, "paused twice"
                self.paused = True
            case ResumePlaying():
                assert self.playing is not None, "nothing to resume"
                assert self.paused, "not paused"
                self.paused = False
            case StopPlaying():
                assert self.playing is not None
                self.playing, self.paused = None, False

    def check(self) -> None:
        state = self.state
        if state.ended:
            assert state.deadline is None
            assert self.finished == state.matters
            assert all(w.end is not None for m in state.everything for w in m.windows)
        else:
            assert state.deadline is not None
            assert math.isfinite(state.deadline)
            assert state.deadline >= 0
            assert (state.playing, state.paused) == (self.playing, self.paused)
            assert state.reaching == self.reaching
            assert not state.ahead or isinstance(
                self.flow.nodes[state.question], LookUpNode | InquireNode | SubmitNode
            )
            assert state.phase != "connected" or (state.reaching is not None and state.listening is None)
        open_windows = [w for m in state.everything for w in m.windows if w.end is None]
        assert len(open_windows) <= 1
        assert all(w.end is None or w.end >= w.start for m in state.everything for w in m.windows)
        assert [m.index for m in state.everything] == list(range(len(state.everything)))
        assert len(state.everything) + len(state.following) <= self.flow.matters
        assert [m.index for m in state.following] == [
            len(state.everything) + i for i in range(len(state.following))
        ]
        for index, complete in self.complete.items():
            assert state.everything[index].complete >= complete
        self.complete = {m.index: m.complete for m in state.everything}

    def ended_prompt(self) -> None:
        if self.playing is not None and not self.paused:
            self.take(PromptEnded(self.now, self.playing))

    def time_passes(self) -> None:
        """Nothing happens but time: prompts end, deadlines pass."""
        assert self.state.deadline is not None
        if self.playing is not None and not self.paused:
            self.now += 3
            self.ended_prompt()
        else:
            self.now = max(self.now, self.state.deadline)
            self.take(Elapsed(self.now))


SOMEWHERE = Candidate("太和县", "太和县肖口镇", "太和县肖口镇王寨村", ("太和县", "肖口镇"))


def heard(now: float, text: str, level: float = -20.0, *, confirmed: bool = True) -> Heard:
    return Heard(now, text, 0.9 if text else 0.0, max(0.0, now - 2), now, level, confirmed)


happening = st.one_of(
    st.builds(lambda key: lambda n: [Digit(n.now, key)], st.sampled_from("0123456789*#")),
    st.just(lambda n: [SpeechStarted(n.now)]),
    st.just(lambda n: [SpeechStarted(n.now, n.now), WordsBegan(n.now, n.now)]),
    st.builds(
        lambda risk, late: (
            lambda n: [
                Alarmed(n.now, risk, "我家着火了", n.now - late),
                Heard(n.now, "我家着火了快来", 0.9, n.now - late, n.now, -20.0),
            ]
        ),
        st.sampled_from(("fire", "self_harm")),
        st.sampled_from((0.0, 2.0)),
    ),
    st.just(lambda n: [Alarmed(n.now, "fire", "我家着火了", n.now)]),
    st.builds(
        lambda text, level, confirmed: lambda n: [heard(n.now, text, level, confirmed=confirmed)],
        st.sampled_from(SAID),
        st.sampled_from((-10.0, -45.0, -60.0)),
        st.booleans(),
    ),
    st.just("prompt"),
    st.just("prompt"),
    st.just("time"),
    st.builds(lambda i: lambda n: [PromptEnded(n.now, i)], st.integers(0, 5)),
    st.just(lambda n: [Elapsed(n.now)]),
    st.builds(
        lambda place, brief, count, further: (
            lambda n: [LookedUp(n.now, place, brief, (SOMEWHERE,) * count, further)]
        ),
        st.sampled_from(("", "颍州区")),
        st.sampled_from(("", "漏雨")),
        st.sampled_from((0, 2, 3, 9)),
        st.sampled_from(((), (1,), (2, 4), (1, 2, 3, 4, 5, 6), (99,))),
    ),
    st.builds(
        lambda outcome, handled, text, late: (
            lambda n: [
                Informed(n.now, n.state.inquiry - late, outcome, "263270100014", "已经办结", handled, text)
            ]
        ),
        st.sampled_from(("found", "none", "mistyped", "away")),
        st.booleans(),
        st.sampled_from(("", "已责令停工")),
        st.sampled_from((0, 0, 1)),
    ),
    st.builds(lambda m: lambda n: [Submitted(n.now, m, "263270100014")], st.integers(0, 2)),
    st.just(lambda n: [EarLost(n.now)]),
    st.builds(lambda there: lambda n: [EarChecked(n.now, there)], st.booleans()),
    st.builds(lambda held: lambda n: [Resumed(n.now, held)], st.floats(0, 300)),
    st.just(lambda n: [Answered(n.now, "", "12345")]),
    st.builds(lambda i: lambda n: [Calling(n.now, i, "坐席")], st.integers(0, 3)),
    st.just(lambda n: [Calling(n.now, n.connects - 1, "坐席")]),
    st.just(lambda n: [Connected(n.now, n.connects - 1, "坐席")]),
    st.builds(lambda i: lambda n: [Connected(n.now, i, "坐席")], st.integers(0, 3)),
    st.builds(
        lambda late, why: lambda n: [Refused(n.now, n.connects - 1 - late, why)],
        st.integers(0, 1),
        st.sampled_from(("closed", "busy", "no_answer", "failed", "no_target")),
    ),
    st.builds(
        lambda late, by, talked: lambda n: [Parted(n.now, n.connects - 1 - late, by, talked)],
        st.integers(0, 1),
        st.sampled_from(("target", "gateway", "lost")),
        st.sampled_from((0.0, 9.0, 60.0)),
    ),
    st.builds(lambda late: lambda n: [HandedOver(n.now, n.connects - 1 - late, "坐席")], st.integers(0, 5)),
)
passing = st.floats(0, 20, allow_nan=False)
story = st.lists(st.tuples(passing, happening), max_size=60)
flows = st.sampled_from((FLOW, AID))
lines = st.builds(Line, flows, st.sampled_from((frozenset(), REASONS)))
answered = st.builds(
    lambda caller, hears: Answered(0.0, caller, "12345", hears),
    st.sampled_from(("13855812345", "", "12", "05582345678")),
    st.booleans(),
)


def tell(line: Line, first: Answered, events: list) -> None:
    line.take(first)
    for seconds, what in events:
        if line.state.ended:
            return
        line.now += seconds
        if what == "prompt":
            line.ended_prompt()
        elif what == "time":
            line.time_passes()
        else:
            for event in what(line):
                line.take(event)


@given(lines, answered, story)
@settings(max_examples=400, deadline=None)
def test_whatever_happens_a_hang_up_ends_it(line: Line, first: Answered, events: list):
    tell(line, first, events)
    line.take(HungUp(line.now, "caller"))
    assert line.state.ended
    assert line.finished is not None
    assert line.take(Elapsed(line.now + 100)) == ()


@given(lines, answered, story)
@settings(max_examples=200, deadline=None)
def test_whatever_happened_since_it_was_offered_nine_tells_of_danger(
    line: Line, first: Answered, events: list
):
    flow = line.flow
    tell(line, first, [(0.0, "time"), (0.0, "time"), *events])
    state = line.state
    if state.phase != "talking" or not state.offered or isinstance(flow.nodes[state.question], Digits):
        return
    before = state.matter.danger
    actions = line.take(Digit(line.now, "9"))
    assert line.state.matter.danger
    assert before or any(isinstance(a, Submit) and a.matter.danger for a in actions)
    connects = [a.reason for a in actions if isinstance(a, Connect)]
    assert before or not line.reasons or connects == ["danger"]
    line.take(Submitted(line.now, line.state.matter.index, "263270100014"))
    playing = line.playing
    line.take(Digit(line.now, "9"))
    assert line.playing == playing


@given(lines, answered, story, st.sampled_from(("fire", "self_harm")))
@settings(max_examples=200, deadline=None)
def test_whatever_happened_words_of_danger_are_passed_on_and_filed_at_once(
    line: Line, first: Answered, events: list, risk: str
):
    tell(line, first, events)
    state, before = line.state, len(line.state.everything)
    if state.phase != "talking" or state.listening is None or state.matter.danger:
        return
    actions = line.take(Alarmed(line.now, risk, "我家着火了", line.now))
    if line.flow is AID:
        assert (actions, line.state.matter) == ((), state.matter), "words of danger mean nothing on this line"
        return
    matter = line.state.matter
    assert matter.danger
    assert [a for a in actions if isinstance(a, Alert)] == [Alert(matter.index, risk, "我家着火了")]
    assert any(isinstance(a, Submit) and a.matter.danger for a in actions)
    assert not line.reasons or [a.reason for a in actions if isinstance(a, Connect)] == ["danger"]
    assert "我家着火了" in matter.text
    whole = "我家着火了快来救人"
    if line.state.listening is not None:
        line.take(Heard(line.now, whole, 0.9, line.now, line.now, -20.0))
        assert whole in line.state.matter.text
    assert line.take(Alarmed(line.now, risk, "又着火了", line.now)) == ()
    assert len(line.state.everything) <= before + 1


@given(lines, answered, story)
@settings(max_examples=200, deadline=None)
def test_whatever_happened_time_alone_ends_it(line: Line, first: Answered, events: list):
    tell(line, first, events)
    for _ in range(PROMPTS_OF_A_CALL):
        if line.state.ended:
            break
        line.time_passes()
    assert line.state.ended


@given(st.lists(happening, max_size=10))
@settings(max_examples=50, deadline=None)
def test_before_the_answer_only_the_end_counts(events: list):
    line = Line()
    for what in events:
        for event in what(line) if callable(what) else []:
            if not isinstance(event, Answered):
                assert line.take(event) == ()
    line.take(HungUp(0.0, "lost"))
    assert line.finished == ()


@given(answered, story)
@settings(max_examples=200, deadline=None)
def test_the_aid_line_takes_nothing_down_and_keeps_a_number_only_by_consent(first: Answered, events: list):
    line = Line(AID, REASONS)
    tell(line, first, events)
    line.take(HungUp(line.now, "caller"))
    (matter,) = line.state.everything
    assert (matter.text, matter.windows, matter.place) == ("", (), "")
    assert not matter.complete or matter.contact_confirmed or matter.danger


def cough(now: float) -> list[Event]:
    return [SpeechStarted(now), Heard(now, "", 0.0, max(0.0, now - 0.4), now, -30.0)]


STUBBORN = {
    "0": lambda n: [Digit(n, "0")],
    "*": lambda n: [Digit(n, "*")],
    "#": lambda n: [Digit(n, "#")],
    "1": lambda n: [Digit(n, "1")],
    "2": lambda n: [Digit(n, "2")],
    "7": lambda n: [Digit(n, "7")],
    "silence": lambda _: [],
    "cough": cough,
    "babble": lambda n: [SpeechStarted(n), heard(n, "", -30.0)],
    "murmur": lambda n: [SpeechStarted(n), heard(n, "", -45.0)],
    "echo": lambda n: [heard(n, "", -60.0)],
    "speech without end": lambda n: [SpeechStarted(n)],
    **{said: (lambda n, s=said: [SpeechStarted(n), heard(n, s)]) for said in SAID if said},
}


@pytest.mark.parametrize(
    ("pause", "hears", "reasons"),
    [
        (0.5, True, frozenset()),
        (0.5, False, frozenset()),
        (3.0, True, frozenset()),
        (3.0, False, frozenset()),
        (3.0, True, REASONS),
    ],
    ids=["0.5-up", "0.5-down", "3.0-up", "3.0-down", "3.0-targets"],
)
@pytest.mark.parametrize("habit", STUBBORN)
@pytest.mark.parametrize("flow", [FLOW, AID], ids=lambda flow: flow.name)
def test_a_caller_who_only_ever_does_one_thing_cannot_hold_the_line(
    flow: Flow, habit: str, pause: float, hears: bool, reasons: frozenset[str]
):
    line = Line(flow, reasons)
    line.take(Answered(0.0, "13855812345", "12345", hears))
    for _ in range(20_000):
        if line.state.ended:
            break
        line.now += pause
        line.ended_prompt()
        for event in STUBBORN[habit](line.now):
            line.take(event)
        line.take(LookedUp(line.now, "王寨村", "漏雨", (SOMEWHERE,) * line.plays, (2,)))
        line.take(Calling(line.now, line.connects - 1, "坐席"))
        if line.connects % 2:
            line.take(Refused(line.now, line.connects - 1, "busy"))
        line.take(Submitted(line.now, line.state.matter.index, "263270100014"))
        if line.state.deadline is not None and line.state.deadline <= line.now:
            line.take(Elapsed(line.now))
    assert line.state.ended
    assert line.plays <= PROMPTS_OF_A_CALL
    assert line.now <= 3600
