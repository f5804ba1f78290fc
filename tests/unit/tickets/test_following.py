from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest

from tickets.following import follow
from tickets.number import NumberBook

TAKEN = datetime(2026, 11, 28, 7, 30, tzinfo=UTC)


@pytest.fixture
def make(tmp_path):
    return lambda day, node=1: NumberBook(tmp_path, node).next(day)


def test_a_revision_follows_the_one_before_it(make):
    number = make(date(2026, 11, 28))
    assert follow(number, 1, {}) == 2
    assert follow(number, 1, {2: TAKEN}) == 2  # another node's
    assert follow(make(date(2026, 11, 29)), 1, {1: TAKEN}) == 2  # of after it


@pytest.mark.parametrize("day", [date(2026, 11, 28), date(2025, 12, 31)])
def test_after_a_node_was_taken_over_its_tickets_go_on_above_all_that_was_lost(make, day):
    number = make(day)
    first = follow(number, 1, {1: TAKEN})
    assert first > 400_000
    assert follow(number, first, {1: TAKEN}) == first + 1
    assert follow(number, 1, {1: TAKEN + timedelta(minutes=20)}) > first + 15  # restored once more
    assert first < 2**31


def test_the_day_is_that_of_the_city(make):
    late = datetime(2026, 11, 28, 16, 30, tzinfo=UTC)  # half past midnight of the 29th there
    assert follow(make(date(2026, 11, 29)), 1, {1: late}) > 2
