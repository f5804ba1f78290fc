from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tickets.circuit import FAILURES, Circuit


def fail(circuit: Circuit, now: float, times: int, hold_s: float | None = None) -> None:
    for _ in range(times):
        circuit.begin(1)
        circuit.fail(now, 1.0, hold_s)


def test_three_failures_in_a_row_open_it_and_one_answer_closes_it() -> None:
    circuit = Circuit(16)
    circuit.begin(4)
    assert circuit.room(0.0) == 12
    assert not circuit.fail(0.0, 1.0)
    assert not circuit.answer()
    assert not circuit.fail(0.0, 1.0)
    assert not circuit.fail(0.0, 1.0)
    assert circuit.room(0.0) == 16
    circuit.begin(1)
    assert circuit.fail(0.0, 1.0), "the third in a row"
    assert circuit.is_open
    assert circuit.room(0.0) == 0
    assert circuit.opens_in(0.0) == pytest.approx(0.5)
    assert circuit.room(0.6) == 1, "one that tries"
    circuit.begin(1)
    assert circuit.room(0.6) == 0
    assert circuit.answer()
    assert circuit.room(0.6) == 16
    assert circuit.opens_in(0.6) is None


def test_an_open_one_is_tried_ever_more_seldom_yet_every_fifteen_seconds() -> None:
    circuit, now, pauses = Circuit(16), 0.0, []
    fail(circuit, now, FAILURES)
    for _ in range(8):
        pause = circuit.opens_in(now)
        assert pause is not None
        pauses.append(pause)
        now += pause
        assert circuit.room(now) == 1
        fail(circuit, now, 1)
    assert pauses == pytest.approx([0.5, 1, 2, 4, 8, 15, 15, 15])


def test_told_to_hold_it_holds_though_it_is_closed() -> None:
    circuit = Circuit(16)
    fail(circuit, 0.0, 1, hold_s=30.0)
    assert not circuit.is_open
    assert circuit.room(29.9) == 0
    assert circuit.opens_in(0.0) == pytest.approx(30.0)
    assert circuit.room(30.0) == 16


def test_told_to_hold_it_holds_though_a_post_from_before_is_answered() -> None:
    circuit = Circuit(16)
    circuit.begin(FAILURES + 1)
    for _ in range(FAILURES):
        circuit.fail(0.0, 1.0, hold_s=30.0)
    assert circuit.answer(), "that closes it"
    assert circuit.room(29.9) == 0
    assert circuit.room(30.0) == 16


@given(
    per_second=st.floats(0.5, 200),
    steps=st.lists(st.floats(0, 2), min_size=1, max_size=200),
)
def test_its_rate_holds_on_average_and_a_burst_is_short(per_second: float, steps: list[float]) -> None:
    circuit, now, begun = Circuit(16, per_second), 100.0, 0
    for step in steps:
        now += step
        room = circuit.room(now)
        circuit.begin(room)
        begun += room
        for _ in range(room):
            circuit.answer()
    assert begun <= (now - 100.0) * per_second + max(1.0, per_second / 4) + 1e-6
    wait = circuit.opens_in(now)
    assert circuit.room(now + (wait or 0.0) + 1e-6) >= 1, "what it says comes true"
