"""The dialogue on a fake clock: the driver's part and the caller's part of a scripted call, without any I/O."""

from __future__ import annotations

import heapq
import itertools
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from reaching import Reach

from asr.endpoint import REST_SECONDS
from config.categories import read_categories
from config.document import embedded, load
from config.prompts import PromptTexts, Tone
from config.script import Cough, Pause, Press, Say, SayFile, Script, Wait
from ivr.actions import (
    Action,
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
    StopListening,
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
    Elapsed,
    Event,
    HandedOver,
    Heard,
    HungUp,
    Informed,
    Parted,
    PromptEnded,
    Refused,
    SpeechStarted,
    Submitted,
)
from ivr.hearing import FAINT
from ivr.hotline import Called
from ivr.hotlines import read_hotlines
from ivr.machine import advance, start
from ivr.words import normalise
from recordings import entries
from recordings.entries import Written
from tickets.entries import note_event, note_news
from tickets.lookup import answer
from tickets.meaning.risk_rules import phrases
from tickets.meaning.watch import Watch
from tickets.number import is_valid

if TYPE_CHECKING:
    from collections.abc import Callable

    from ivr.flow import Flow
    from ivr.hotline import Hotline, Hotlines
    from ivr.matter import Matter
    from ivr.state import State
    from recordings.entries import Entry

QUIET = 0.6
TODAY = date(2026, 11, 25)
BEGAN = datetime(2026, 11, 25, 1, 0, tzinfo=UTC)


@dataclass
class Rehearsal:
    """Plays a script's caller against the dialogue; what it did is in the fields."""

    hotline: Hotline
    texts: PromptTexts
    script: Script
    state: State
    now: float = 0.0
    trace: list[str] = field(default_factory=list)
    played: list[Play] = field(default_factory=list)
    actions: list[Action] = field(default_factory=list)
    submitted: list[Matter] = field(default_factory=list)
    finished: tuple[Matter, ...] | None = None
    journal: list[Written] = field(default_factory=list)
    legs: dict[int, Entry] = field(default_factory=dict)
    _due: list[tuple[float, int, Event | None, Entry | None]] = field(default_factory=list)
    _order: itertools.count[int] = field(default_factory=itertools.count)
    _playing: Play | None = None
    _rest: float | None = None  # seconds left of a prompt that stands still
    _listening: Listen | None = None
    _phrase: Say | SayFile | None = None
    _phrase_start: float = 0.0
    _watch: Watch = field(default_factory=Watch)
    _quiet_since: float | None = None  # when the last prompt was over
    _prompts: int = 0  # prompts heard to their end since the last step that spoke, pressed or waited

    def run(self) -> None:
        line = entries.Line(
            name=self.hotline.name,
            department=self.hotline.department,
            mode=self.hotline.mode,
            appeal=self.hotline.appeal or "",
            category=self.hotline.category,
        )
        invited = entries.Incoming(
            caller=self.script.caller,
            called=self.script.called,
            hotline=self.hotline.number,
            line=replace(line, anonymous=self.hotline.anonymous, found_by="request-uri"),
        )
        self.note(invited)
        self.note(entries.Answered())
        self.take(Answered(0.0, self.script.caller, self.script.called, hears=self.script.asr == "up"))
        for step in self.script.steps:
            assert not self.state.ended, f"the call ended before {step}"
            self.step(step)
        while not self.state.ended:
            assert self.now < 900, "the call does not end"
            self.run_once(self.now + 1000)
        self.note(entries.Finished())
        if self.hotline.anonymous:
            self.journal = [replace(one, entry=entries.withhold(one.entry)) for one in self.journal]

    def step(self, step: object) -> None:
        match step:
            case Wait():
                self.wait_for_prompt(step.timeout)
            case Say() | SayFile():
                self.say(step)
            case Cough():
                self.cough(step)
            case Press():
                self._prompts = 0
                for key in step.press:
                    self.flush()
                    if self.state.phase != "connected":  # then it is the target's
                        self.take(Digit(self.now, key))
                    self.run_until(self.now + 0.2)
            case Pause():
                self.run_until(self.now + step.pause)
            case _:
                self.flush()
                self.take(HungUp(self.now, "caller"))

    def wait_for_prompt(self, timeout: float) -> None:
        give_up = self.now + timeout
        while self._playing or not self._prompts or self.now < (self._quiet_since or 0) + QUIET:
            assert self.now < give_up, f"no prompt within {timeout} s, after {self.trace}"
            assert not self.state.ended, "the call ended while the caller waited for a prompt"
            quiet = None if self._playing or not self._prompts else (self._quiet_since or 0) + QUIET
            self.run_once(give_up if quiet is None else min(give_up, quiet))
        self._prompts = 0

    def say(self, say: Say | SayFile) -> None:
        while not say.over and (self._playing or self.now < (self._quiet_since or -QUIET) + QUIET):
            self.run_once(self.now + QUIET)
        text = say.say if isinstance(say, Say) else say.text
        self._prompts = 0
        self._phrase, self._phrase_start = say, self.now
        if self._listening is not None:
            self.take(SpeechStarted(self.now))
        for length in range(1, len(text) + 1):
            self.run_until(self.now + 0.25)
            if risk := self.spot(say, text[:length], settled=False):
                self.take(risk)
        if self._phrase is not None and self._listening is not None:
            if risk := self.spot(say, text, settled=True):
                self.schedule(self.now + REST_SECONDS, risk)
            self.schedule(self.now + self._listening.end_silence, self.heard(say))

    def spot(self, say: Say | SayFile, words: str, *, settled: bool) -> Alarmed | None:
        """The ear's part: danger in what is being said, as the gateway looks for it."""
        listen, quiet = self._listening, isinstance(say, Say) and say.level < FAINT
        if self._phrase is None or listen is None or not listen.words or quiet or self.hotline.anonymous:
            return None
        if listen.phrases is not None:
            words = restrict(words, (*listen.phrases, *phrases()))
        if listen.phrases is not None and not settled:
            return None
        risk = self._watch.follow(normalise(words), self._phrase_start, settled=settled)
        return risk and Alarmed(0.0, risk.kind, normalise(words), self._phrase_start)

    def cough(self, step: Cough) -> None:
        begin, listening = self.now, self._listening
        self._prompts = 0
        if listening is not None:
            self.take(SpeechStarted(begin, begin))
        self.run_until(begin + 0.4)
        if listening is not None and self._listening is listening:
            heard = Heard(0.0, "", 0.0, begin, self.now, step.level, pitched=False)
            self.schedule(self.now + listening.end_silence, heard)

    def heard(self, say: Say | SayFile) -> Heard:
        text = normalise(say.say if isinstance(say, Say) else say.text)
        level = say.level if isinstance(say, Say) else -20.0
        if self._listening is not None and self._listening.phrases is not None:
            text = restrict(text, (*self._listening.phrases, *(() if self.hotline.anonymous else phrases())))
        faint, understood = level < -42, self._listening is None or self._listening.words
        if faint or not understood:
            return Heard(0.0, "", 0.0, self._phrase_start, self.now, level, confirmed=understood)
        return Heard(0.0, text, 0.95, self._phrase_start, self.now, level)

    def flush(self) -> None:
        """The driver's part at a key and at a hang-up: what was being said is heard first."""
        heard = [d for d in self._due if isinstance(d[2], Alarmed | Heard)]
        self._due = [d for d in self._due if d not in heard]
        heapq.heapify(self._due)
        for _, _, event, _ in sorted(heard):
            self.take(event)

    # -- the driver

    def schedule(self, at: float, event: Event | None, entry: Entry | None = None) -> None:
        heapq.heappush(self._due, (at, next(self._order), event, entry))

    def note(self, entry: Entry) -> None:
        """The driver's part in the journal, before each effect."""
        self.journal.append(Written(BEGAN + timedelta(seconds=self.now), entry))

    def run_until(self, at: float) -> None:
        while self.now < at and not self.state.ended:
            self.run_once(at)

    def run_once(self, limit: float) -> None:
        """Go to the next thing that happens, at the limit at the latest."""
        deadline = self.state.deadline
        assert deadline is not None
        due = self._due[0][0] if self._due else limit + 1
        self.now = max(self.now, min(limit, due, deadline))
        if due <= self.now:
            _, _, event, entry = heapq.heappop(self._due)
            if entry is not None:
                self.note(entry)
                self.legs[entry.leg] = entry
            stopped = isinstance(event, PromptEnded) and (not self._playing or event.id != self._playing.id)
            if event is not None and not stopped:
                self.take(event)
        elif deadline <= self.now:
            self.take(Elapsed(self.now))

    def take(self, event: Event) -> None:
        object.__setattr__(event, "at", self.now)
        if isinstance(event, Heard):
            self._phrase = None
            self._watch.end(event.text, event.start)
        if isinstance(event, PromptEnded):
            self.silence()
        if isinstance(event, HungUp):
            self.end_legs("caller" if event.by == "caller" else "gateway")
            self.note(entries.HungUp(event.by, "", self.now))
        self.note(note_event(event))
        before = self.state
        self.state, actions = advance(self.hotline.flow, self.state, event)
        for news in note_news(before, self.state):
            self.note(news)
        for action in actions:
            self.perform(action)

    def silence(self) -> None:
        if self._playing:
            self._playing, self._quiet_since = None, self.now
            self._prompts += 1

    def perform(self, action: Action) -> None:  # noqa: C901 - one case for each kind of action
        self.actions.append(action)
        match action:
            case Play() | PausePlaying() | ResumePlaying() | StopPlaying():
                self.sound(action)
            case Listen() | StopListening():
                self._listening = action if isinstance(action, Listen) else None
                self._phrase, self._watch = None, Watch()
                self._due = [d for d in self._due if not isinstance(d[2], Alarmed | Heard)]
                heapq.heapify(self._due)
            case LookUp():
                self.schedule(self.now + 0.01, answer(action, 0.0, TODAY))
            case Inquire():
                self.schedule(*self.inform_in_time(action))
            case Rate():
                self.note(entries.Rated(action.ticket, action.rating))
            case Submit():
                self.submitted.append(action.matter)
                number = action.matter.joins or f"26327010001{action.matter.index}"
                self.note(entries.Number(action.matter.index, number))
                self.schedule(self.now + 0.05, Submitted(0.0, action.matter.index, number))
            case Alert():
                self.note(entries.Alarm(action.matter, action.risk, action.words))
            case Connect() | Part():
                self.pass_on(action)
            case Hangup():
                self.schedule(self.now + 0.05, HungUp(0.0, "gateway"))
            case Finish():
                assert self.finished is None
                self.finished = action.matters

    def inform_in_time(self, asked: Inquire) -> tuple[float, Informed]:
        """The driver's part, see ``gateway.calls.inquiring``."""
        if self.script.database == "hangs":
            return self.now + 0.3, Informed(0.0, asked.id, "away", of=asked.of)
        return self.now + 0.05, replace(self.inform(asked), of=asked.of)

    def inform(self, asked: Inquire) -> Informed:
        """The database's part, see ``tickets.inquiry``."""
        if asked.of == "past":
            past = self.script.past
            return (
                Informed(0.0, asked.id, "found", past.number, cut=past.cut)
                if past
                else Informed(0.0, asked.id, "none")
            )
        if asked.of == "code":
            return Informed(0.0, asked.id, "found", asked.ticket, text="123，456")
        known = [
            one
            for one in self.script.on_file
            if (one.calling if asked.of == "caller" else one.number == asked.ticket)
        ]
        if asked.of == "ticket" and not is_valid(asked.ticket):
            return Informed(0.0, asked.id, "mistyped")
        if not known or (asked.of == "answer" and asked.code != known[0].code):
            return Informed(0.0, asked.id, "none")
        found = Informed(0.0, asked.id, "found", known[0].number, known[0].status, known[0].handled)
        return replace(found, text=known[0].answer) if asked.of == "answer" else found

    def sound(self, action: Play | PausePlaying | ResumePlaying | StopPlaying) -> None:
        match action:
            case Play():
                assert self._playing is None, "a prompt over a prompt"
                assert self.state.phase != "connected", "a prompt into the talk"
                self._playing = action
                self.trace.append(action.prompt.name)
                self.played.append(action)
                self.schedule(self.now + self.length(action), PromptEnded(0.0, action.id))
            case PausePlaying():
                assert self._playing is not None, "nothing to pause"
                assert self._rest is None, "paused twice"
                (due,) = (d for d in self._due if d[2] == PromptEnded(0.0, self._playing.id))
                self._due.remove(due)
                heapq.heapify(self._due)
                self._rest = due[0] - self.now
            case ResumePlaying():
                assert self._playing is not None, "nothing to resume"
                assert self._rest is not None, "not paused"
                self.schedule(self.now + self._rest, PromptEnded(0.0, self._playing.id))
                self._rest = None
            case StopPlaying():
                self._rest = None
                self.silence()

    def pass_on(self, action: Connect | Part) -> None:
        if isinstance(action, Connect):
            reach = Reach(action, self.script.targets, self.now, len(self.legs))
            for at, event, entry in reach.happenings():
                self.schedule(at, event, entry)
            return
        self.end_legs("gateway")
        told = (Calling, Connected, Refused, Parted, HandedOver)
        self._due = [d for d in self._due if not isinstance(d[2], told) and d[3] is None]
        heapq.heapify(self._due)

    def end_legs(self, by: str) -> None:
        """What was dialled and has not ended, ends with the call, or when it is given up."""
        for leg, entry in self.legs.items():
            if not isinstance(entry, entries.LegEnded):
                talked = self.now - entry.at if isinstance(entry, entries.LegAnswered) else 0.0
                self.legs[leg] = entries.LegEnded(leg, self.now, by, "", talked)
                self.note(self.legs[leg])

    def length(self, play: Play) -> float:
        text = self.texts.prompts[play.prompt.name]
        return text.seconds if isinstance(text, Tone) else 0.2 * len(text.format(**play.prompt.slots))


def restrict(text: str, phrases: tuple[str, ...]) -> str:
    """What a recogniser restricted to these phrases makes of the text."""
    heard = ""
    while text:
        phrase = max((p for p in phrases if text.startswith(p)), key=len, default="")
        heard, text = heard + phrase, text[len(phrase) or 1 :]
    return heard


@pytest.fixture(scope="session")
def texts() -> PromptTexts:
    return load(PromptTexts, embedded("prompts.yaml"))


@pytest.fixture(scope="session")
def flow(texts: PromptTexts) -> Flow:
    return compile_flow(embedded("flows/default.yaml"), texts)


@pytest.fixture(scope="session")
def hotlines(texts: PromptTexts, flow: Flow) -> Hotlines:
    return read_hotlines(embedded("hotlines.yaml"), texts, flow, read_categories())


@pytest.fixture
def rehearse(hotlines: Hotlines, texts: PromptTexts) -> Callable[..., Rehearsal]:
    """Run a script (or the steps of one, as YAML) and return what happened."""

    def run(script: Script | str, line: Hotline | None = None, ticket: str = "", **header: str) -> Rehearsal:
        if isinstance(script, str):
            head = {"name": "inline", "caller": "13855812345"} | header
            lines = [f'{key}: "{value}"' for key, value in head.items()]
            script = load(Script, "\n".join([*lines, f"steps: {script}"]))
        called = (Called(script.called, "request-uri"), Called(script.forwarded_from, "diversion"))
        line = line or hotlines.find(called, TODAY).hotline
        reasons = frozenset(script.targets)
        recalls = (script.past is not None or script.database == "hangs") and not line.anonymous
        more = {"reasons": reasons, "ticket": ticket, "recalls": recalls}
        state = start(line.flow, openings=line.openings, appeal=line.appeal, **more)
        rehearsal = Rehearsal(line, texts, script, state)
        rehearsal.run()
        return rehearsal

    return run
