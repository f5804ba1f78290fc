from __future__ import annotations

from dataclasses import asdict

import pytest

from asr.transcript import Utterance, Word
from gateway.calls.anonymity import withhold
from ivr.events import Answered, Digit, Heard
from ivr.matter import Matter

NUMBER = "13855812345"


@pytest.mark.parametrize(
    ("kind", "fields"),
    [
        ("event", {"name": "Answered", **asdict(Answered(0.0, NUMBER, "12356"))}),
        ("event", {"name": "Heard", **asdict(Heard(3.0, NUMBER, 0.9, 1.0, 3.0, -20.0))}),
        (
            "heard",
            asdict(Utterance(NUMBER, (Word(NUMBER, 1.0, 2.0, 0.9),), 1.0, 2.0, 0.9, -20.0, confirmed=True)),
        ),
        ("matter", asdict(Matter(0, call_back="来电人想找人说话", contact=NUMBER))),
    ],
)
def test_nothing_tells_who_called_or_what_was_said(kind: str, fields: dict) -> None:
    kept = withhold(kind, fields)
    assert NUMBER not in str(kept)
    assert kept.keys() == fields.keys()


def test_keys_are_not_kept_for_they_spell_numbers() -> None:
    assert withhold("event", {"name": "Digit", **asdict(Digit(3.0, "7"))})["key"] == ""


def test_a_number_is_kept_once_the_caller_has_agreed() -> None:
    agreed = asdict(Matter(0, contact=NUMBER, contact_confirmed=True))
    assert withhold("matter", agreed) == agreed


def test_our_own_words_are_kept() -> None:
    played = {"id": 0, "name": "aid", "text": "您好", "start": 0.1}
    assert withhold("played", played) == played
