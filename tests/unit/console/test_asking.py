from __future__ import annotations

from datetime import date

import pytest

from console.asking import read_filter, read_place, write_address
from console.listing import Filter, Position, list_days
from console.problem import Problem
from recordings.worklist import State


def test_nothing_asked_is_what_waits():
    assert read_filter({}) == Filter(state=State.OPEN)


def test_everything_asked_is_read():
    query = {
        "state": "全部",
        "hotline": "12333",
        "county": "颍州区",
        "since": "2026-07-01",
        "until": "2026-07-02",
        "q": "人民西路 漏水",
        "category": "城乡建设",
        "hour": "0",
    }
    assert read_filter(query) == Filter(
        *(None, "12333", "颍州区", date(2026, 7, 1), date(2026, 7, 2), ("人民西路", "漏水")),
        category="城乡建设",
        hour=0,
    )


@pytest.mark.parametrize(
    "query",
    [
        {"state": "x"},
        {"hotline": "1' OR 1=1"},
        {"county": "火星区"},
        {"since": "gestern"},
        {"until": "2026-02-30"},
        {"q": "水" * 51},
        {"hour": "24"},
        {"category": "水" * 101},
    ],
)
def test_what_no_form_of_ours_sends_is_refused(query):
    with pytest.raises(Problem) as refused:
        read_filter(query)
    assert refused.value.status == 400


def test_a_place_in_the_list_is_written_and_read_back():
    address = write_address({"q": "漏水", "state": "", "x": "y"}, Position(3, "20260701T083015-0a1b2c3d"))
    assert address == "/?q=%E6%BC%8F%E6%B0%B4&behind=3.20260701T083015-0a1b2c3d"
    assert read_place("3.20260701T083015-0a1b2c3d") == Position(3, "20260701T083015-0a1b2c3d")
    assert read_place("") is None
    with pytest.raises(Problem):
        read_place("3.'; DROP TABLE calls")


def test_a_day_is_the_citys_day():
    since, until = list_days(Filter(None, since=date(2026, 7, 1), until=date(2026, 7, 1)))
    assert since.right.value == "20260630T160000"
    assert until.right.value == "20260701T160000"
