"""Who is let go when the speech server is behind, by a clock and delays of the test's own."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest

from asr.admission import LONGEST_DELAY, OVERDUE_WAIT
from asr.crowd import Crowd

THREADS, SPEED = 2, 5.0


@dataclass
class Late:
    """Turns whose oldest work has not been done for so many seconds."""

    threads: int = THREADS
    seconds: dict[str, float] = field(default_factory=dict)

    def delay(self, purpose: str) -> float:
        return self.seconds.get(purpose, 0.0)


@dataclass
class Speaker:
    """A stream that goes when it is told to."""

    crowd: Crowd
    spoke_at: float
    purpose: str = "dictation"
    told: str = ""

    def leave(self, reason: str) -> None:
        self.told = reason
        self.crowd.leave(self)


@pytest.fixture
def clock(monkeypatch):
    now = [100.0]
    monkeypatch.setattr("asr.crowd.time.monotonic", lambda: now[0])
    return now


@pytest.fixture
def turns():
    return Late()


@pytest.fixture
def crowd(turns):
    return Crowd(turns, SPEED)


@pytest.fixture
def speakers(crowd, clock):
    speakers = [Speaker(crowd, clock[0]) for _ in range(4)]
    for speaker in speakers:
        crowd.enter(speaker)
    return speakers


def speak_on(speakers, clock, seconds: float) -> None:
    clock[0] += seconds
    for speaker in speakers:
        speaker.spoke_at = clock[0]


def told(speakers) -> list[bool]:
    return [bool(speaker.told) for speaker in speakers]


def test_while_nothing_is_done_the_newest_go_one_a_second_and_nobody_is_let_in(crowd, turns, clock, speakers):
    turns.seconds["dictation"] = OVERDUE_WAIT + 1
    assert "5.0 s" in crowd.refuse("dictation")
    crowd.relieve("dictation")
    crowd.relieve("dictation")
    assert told(speakers) == [False, False, False, True]
    assert "5.0 s" in speakers[3].told
    speak_on(speakers, clock, 0.5)
    crowd.relieve("dictation")
    assert told(speakers) == [False, False, False, True], "it has to show in the delay first"
    speak_on(speakers, clock, 0.6)
    crowd.relieve("dictation")
    assert told(speakers) == [False, False, True, True]
    turns.seconds.clear()
    speak_on(speakers, clock, 2.0)
    crowd.relieve("dictation")
    assert told(speakers) == [False, False, True, True]
    assert crowd.refuse("dictation") == ""


def test_while_too_much_waits_they_go_at_once(crowd, speakers):
    crowd.load.arrived("dictation", THREADS * SPEED * OVERDUE_WAIT + 1)
    crowd.relieve("dictation")
    crowd.relieve("dictation")
    assert told(speakers) == [False, False, True, True]


def test_a_question_waits_for_no_dictation_and_a_recording_for_both(crowd, turns):
    turns.seconds["dictation"] = LONGEST_DELAY + 1
    assert crowd.refuse("dictation")
    assert crowd.refuse("question") == ""
    assert "try again later" in crowd.refuse("late")
    turns.seconds["question"] = turns.seconds.pop("dictation")
    assert crowd.refuse("question")
    assert crowd.refuse("dictation")
