"""Which days an address of the overview means."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest

from console.periods import find_fault, name_period, read_scope, tell_scope, write_list, write_query
from console.problem import Problem
from tickets.overview.scope import Scope

TODAY = date(2026, 3, 1)
NOBODYS = frozenset({"12356"})


@pytest.mark.parametrize(
    ("query", "since", "until", "name"),
    [
        ({}, TODAY, TODAY, "今天"),
        ({"period": "昨天"}, date(2026, 2, 28), date(2026, 2, 28), "昨天"),
        ({"period": "近7天"}, date(2026, 2, 23), TODAY, "近7天"),
        ({"period": "近30天"}, date(2026, 1, 31), TODAY, "近30天"),
        (
            {"period": "昨天", "since": "2026-01-02", "until": "2026-01-03"},
            date(2026, 1, 2),
            date(2026, 1, 3),
            "",
        ),
        ({"since": "2026-02-23", "until": "2026-03-01"}, date(2026, 2, 23), TODAY, "近7天"),
        ({"since": "2026-02-01"}, date(2026, 2, 1), TODAY, ""),
        ({"since": "2026-05-01"}, date(2026, 5, 1), date(2026, 5, 1), ""),
        ({"until": "2026-02-01"}, date(2026, 2, 1), date(2026, 2, 1), ""),
    ],
)
def test_days_by_name_and_one_by_one(query, since, until, name):
    scope = read_scope({**query, "hotline": "12345"}, TODAY, NOBODYS)
    assert scope == Scope(since, until, "12345", NOBODYS)
    assert name_period(scope, TODAY) == name


def test_a_day_is_the_citys():
    scope = Scope(date(2026, 7, 1), date(2026, 7, 2))
    assert (scope.begin, scope.end) == (
        datetime(2026, 6, 30, 16, tzinfo=UTC),
        datetime(2026, 7, 2, 16, tzinfo=UTC),
    )


def test_a_year_and_no_more():
    assert find_fault(Scope(date(2025, 1, 1), date(2026, 1, 1))) == ""  # 366 days
    assert "366" in find_fault(Scope(date(2025, 1, 1), date(2026, 1, 2)))
    assert "晚于" in find_fault(Scope(date(2026, 1, 2), date(2026, 1, 1)))


@pytest.mark.parametrize(
    "query", [{"period": "明天"}, {"hotline": "x"}, {"since": "2026-02-30"}, {"until": "1"}]
)
def test_what_no_form_sends_is_refused(query):
    with pytest.raises(Problem):
        read_scope(query, TODAY, NOBODYS)


def test_the_scope_is_told_and_written_back():
    scope = Scope(date(2026, 1, 2), date(2026, 1, 3), "12333")
    assert tell_scope(scope) == "2026-01-02 至 2026-01-03 热线 12333"
    assert write_query(scope) == "since=2026-01-02&until=2026-01-03&hotline=12333"
    assert write_list(scope, hour="9").endswith("&since=2026-01-02&until=2026-01-03&hotline=12333&hour=9")
    assert tell_scope(Scope(TODAY, TODAY)) == "2026-03-01"
