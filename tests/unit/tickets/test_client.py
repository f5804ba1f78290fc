from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tickets.client import Accepted, Barred, Rejected, Unavailable, _judge, read_hold

NOW = datetime(2026, 11, 24, 1, 2, 3, tzinfo=UTC)


@given(
    status=st.integers(200, 599),
    answer=st.binary() | st.recursive(st.text(), st.lists).map(repr).map(str.encode),
)
def test_no_answer_is_beyond_judging(status: int, answer: bytes) -> None:
    assert isinstance(_judge(status, answer, None), Accepted | Barred | Rejected | Unavailable)


@given(
    st.text(st.characters(codec=None, categories=("Cs", "Cc", "L"))),
    st.sampled_from(["title", "detail", "errors"]),
)
def test_any_database_can_keep_what_a_refusal_says(said: str, name: str) -> None:
    outcome = _judge(422, json.dumps({name: said}).encode(), None)
    assert isinstance(outcome, Rejected)
    assert "\0" not in outcome.detail
    assert len(outcome.detail.encode()) <= 4 * 500


def test_half_a_character_costs_that_character_only() -> None:
    assert _judge(422, rb'{"title": "no", "detail": "a\ud83d\u0000b"}', None) == Rejected(422, "no: a?b")


def test_an_answer_nested_beyond_all_sense_is_text() -> None:
    assert _judge(400, b"[" * 60_000, None) == Rejected(400, "[" * 500)


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("7", 7.0),
        ("99999999999999999999", 600.0),
        ("Tue, 24 Nov 2026 01:02:33 GMT", 30.0),
        ("Tue, 24 Nov 2026 01:00:00 GMT", 0.0),
        ("Mon, 01 Jan 99999999999 00:00:00 GMT", None),
        ("Fri, 31 Dec 9999 23:59:59 -2359", 600.0),
        ("Mon, 01 Jan 2026 00:00:00 +99999999999999", None),
        ("soon", None),
        ("", None),
    ],
)
def test_how_long_the_intake_asks_to_be_left_alone(value: str, seconds: float | None) -> None:
    assert read_hold(value, NOW) == seconds


_HOLDS = st.text() | st.from_regex(
    r"[A-Z][a-z]{2}, \d+ [A-Z][a-z]{2} \d+ \d+:\d+:\d+ ([+-]\d+|GMT)", fullmatch=True
)


@given(_HOLDS)
def test_no_wish_to_be_left_alone_is_beyond_reading(value: str) -> None:
    hold = read_hold(value, NOW)
    assert hold is None or 0 <= hold <= 600
