from __future__ import annotations

from dataclasses import fields
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from asr.transcript import ModelFingerprint, Utterance, Word
from ivr.events import Event, LookedUp
from ivr.matter import Candidate, Matter, Spoken, Window
from recordings import entries
from tickets.entries import (
    note_event,
    note_matter,
    note_model,
    note_utterance,
    read_matter,
    read_model,
    read_utterance,
)

SAMPLES = {"float": 1.5, "str": "text", "int": 3, "bool": False, "tuple[int, ...]": (1, 2)}
PAIRS = [
    (Matter, entries.Matter, set()),
    (Spoken, entries.Spoken, set()),
    (Window, entries.Window, set()),
    (Candidate, entries.Candidate, set()),
    (Utterance, entries.Heard, {"question"}),
    (Word, entries.Word, set()),
    (ModelFingerprint, entries.Model, set()),
]


@pytest.mark.parametrize("kind", get_args(Event))
def test_every_event_has_its_entry_with_the_same_fields(kind):
    samples = SAMPLES | {"tuple[Candidate, ...]": ()}
    event = kind(**{f.name: samples.get(str(f.type), "caller") for f in fields(kind)})
    noted = note_event(event)
    assert {f.name: getattr(noted, f.name) for f in fields(noted)} == {
        f.name: getattr(event, f.name) for f in fields(event)
    }


def test_the_places_that_may_be_meant_stand_in_the_journal():
    noted = note_event(LookedUp(1.0, "王寨村", "", (Candidate("太和县", "太和县肖口镇", "x", ("太和",)),)))
    assert noted == entries.LookedUpEvent(
        1.0, "王寨村", "", (entries.Candidate("太和县", "太和县肖口镇", "x", ("太和",)),)
    )


@pytest.mark.parametrize(("told", "entry", "more"), PAIRS)
def test_no_field_is_left_out_of_the_journal(told, entry, more):
    # What is heard in the call is the caller's; whether a voice hummed in it is told with the dialogue's event.
    assert {f.name for f in fields(entry)} == {f.name for f in fields(told)} - {"speaker", "pitched"} | more


texts, numbers = st.text(), st.floats(allow_nan=False, allow_infinity=False)
spoken = st.builds(Spoken, texts, numbers, numbers, numbers, st.booleans())
words = st.lists(st.builds(Word, texts, numbers, numbers, numbers), max_size=2).map(tuple)
digits = st.text("0123456789", max_size=12)


@given(
    st.builds(
        Matter,
        st.integers(0, 9),
        spoken=st.lists(spoken, max_size=2).map(tuple),
        windows=st.lists(st.builds(Window, numbers, st.none() | numbers), max_size=2).map(tuple),
        contact=digits,
    )
)
def test_a_matter_comes_back(matter):
    assert read_matter(note_matter(matter)) == matter


@given(st.builds(Utterance, texts, words, numbers, numbers, numbers, numbers, st.booleans()))
def test_a_phrase_comes_back(utterance):
    noted = note_utterance(utterance, "dictate")
    assert (noted.question, read_utterance(noted)) == ("dictate", utterance)


def test_a_model_comes_back():
    model = ModelFingerprint("big", "b1", demo=False)
    assert read_model(note_model(model)) == model


def test_a_kind_of_appeal_that_is_not_known_is_none():
    assert read_matter(entries.Matter(0, appeal="求决")).appeal is None
