from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from asr.admission import LONGEST_DELAY, LONGEST_WAIT, OVERDUE_WAIT, Admission
from asr.protocol import PURPOSES


@pytest.fixture
def load():
    """Two threads of five seconds of audio a second each."""
    return Admission(2, 5.0)


def test_an_idle_server_lets_in_as_many_as_it_keeps_up_with_and_recordings_beside_them(load):
    assert load.capacity == 10
    for purpose in PURPOSES:
        assert load.refuse(purpose, ["dictation"] * 9 + ["late"] * 500) == ""


def test_a_speed_of_bad_times_keeps_no_few_callers_out_of_an_idle_server(load):
    for _ in range(40):
        load.decoded(0.2, 1.0)
    assert load.capacity < 1
    assert load.refuse("dictation", ["dictation"] * 3) == ""
    assert "5 speak at once" in load.refuse("dictation", ["dictation"] * 4)
    load.arrived("dictation", 0.2)
    assert load.refuse("dictation", []) == "", "who comes alone"
    assert "2 speak at once" in load.refuse("dictation", ["dictation"])


def test_who_would_wait_too_long_is_refused_and_told_how_long(load):
    load.arrived("dictation", 16.0)
    assert "1.6 s" in load.refuse("dictation", [])
    assert load.refuse("question", []) == "", "dictation does not stand before a question"
    load.arrived("dictation", -10.0)
    assert load.refuse("dictation", []) == ""


def test_only_as_many_may_speak_as_decoding_keeps_up_with(load):
    assert load.refuse("dictation", ["dictation"] * 9) == ""
    assert "11 speak at once" in load.refuse("dictation", ["dictation"] * 10), "what waits shows it too late"
    assert load.refuse("dictation", ["late"] * 10) == "", "recordings give way"
    assert load.refuse("question", ["dictation"] * 10) == ""
    load.arrived("dictation", 2.0)
    assert load.refuse("dictation", ["dictation"] * 9) == "", "some of it always waits"


def test_the_silence_that_phrases_begin_with_lets_in_nobody_else(load):
    """It costs next to nothing; their words come after it. Recognisers were made before."""
    for _ in range(10):
        load.decoded(4.0, 0.8)
    for _ in range(8):
        load.decoded(0.6, 0.005)
    assert "12 speak at once" in load.refuse("dictation", ["dictation"] * 11)
    for _ in range(80):
        load.decoded(0.6, 0.06)
    assert load.refuse("dictation", ["dictation"] * 11) == "", "words that are decoded as fast do"


def test_a_recording_waits_while_live_speech_does(load):
    load.arrived("question", 6.0)
    assert "try again later" in load.refuse("late", [])
    load.arrived("question", -6.0)
    load.arrived("late", 100.0)
    assert load.refuse("late", []) == ""
    assert not load.is_overdue("late")
    assert load.refuse("dictation", ["late"] * 20) == ""


def test_somebody_has_to_go_before_clients_lose_their_patience(load):
    load.arrived("dictation", 10 * OVERDUE_WAIT + 1)
    assert load.is_overdue("dictation")
    assert not load.is_overdue("question")
    assert LONGEST_WAIT < OVERDUE_WAIT < 8.0


def test_a_slower_machine_is_found_out(load):
    for _ in range(40):
        load.decoded(0.5, 1.0)
    assert load.capacity < 2


def test_a_machine_that_others_have_taken_lets_nobody_in_however_fast_it_was(load):
    """The speed is learnt from what is done; here nothing comes to its end."""
    assert load.refuse("dictation", [], delay=LONGEST_DELAY) == ""
    assert "1.6 s" in load.refuse("dictation", [], delay=LONGEST_DELAY + 0.1)
    assert "try again later" in load.refuse("late", [], delay=0.6)
    assert not load.is_overdue("dictation", OVERDUE_WAIT)
    assert load.is_overdue("dictation", OVERDUE_WAIT + 0.1)
    assert not load.is_overdue("late", OVERDUE_WAIT + 0.1)


@given(st.lists(st.tuples(st.sampled_from(PURPOSES), st.floats(0, 60), st.floats(0.001, 10))))
def test_what_comes_and_goes_leaves_nothing(events):
    load = Admission(2, 5.0)
    for purpose, seconds, took in events:
        load.arrived(purpose, seconds)
        load.decoded(seconds, took)
        load.arrived(purpose, -seconds)
    assert all(load.backlog(p) == pytest.approx(0, abs=1e-6) for p in PURPOSES)
    assert all(load.refuse(p, []) == "" for p in PURPOSES)
    assert load.capacity >= 0
