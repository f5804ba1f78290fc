"""How figures are shown: shares, bars, where they lead, and lengths of time in words."""

from __future__ import annotations

import csv
import io
from dataclasses import fields, replace
from datetime import date

import pytest

from console.exporting import write_csv
from console.figures import list_categories, list_counties, list_days, list_lines, list_measures
from tickets.overview.measures import Measures
from tickets.overview.scope import Scope
from tickets.overview.volume import Volume

SCOPE = Scope(date(2026, 7, 1), date(2026, 7, 2))
VOLUME = Volume(
    calls=8,
    hours={9: 8},
    days={date(2026, 7, 1): 8},
    lines={"12333": 2, "12345": 6},
    tickets=10,
    counties={"颍州区": 1, "开发区": 2, "颍上县": 4, "从前的县": 1, "": 2},
    categories={"": 7, "民政": 1, "城乡建设": 2},
)
NOTHING = Measures(**{field.name: 0 for field in fields(Measures)})


def test_shapes_come_first_then_zones_then_no_place_and_all_come_to_the_whole():
    rows = list_counties(
        VOLUME, SCOPE, ("颍州区", "颍上县", "界首市", "开发区"), frozenset({"颍州区", "颍上县", "界首市"})
    )
    assert [(row.name, row.count) for row in rows] == [
        ("颍上县", 4),
        ("颍州区", 1),
        ("界首市", 0),
        ("开发区", 2),
        ("从前的县", 1),
        ("没有地点", 2),
    ]
    assert sum(row.count for row in rows) == VOLUME.tickets
    assert [row.width for row in rows] == [100, 25, 0, 50, 25, 50]
    assert rows[0].share == 0.4
    # The list knows only counties of today.
    assert [bool(row.href) for row in rows] == [True, True, True, True, False, False]


def test_lines_and_categories_by_how_many_what_has_none_last():
    assert [row.name for row in list_lines(VOLUME, SCOPE, {"12345": "便民热线"})] == [
        "12345 便民热线",
        "12333",
    ]
    assert [row.name for row in list_categories(VOLUME, SCOPE)] == ["城乡建设", "民政", "没有分类"]


def test_no_two_days_of_a_period_have_one_name():
    rows = list_days(VOLUME, Scope(date(2025, 7, 1), date(2026, 7, 1)))
    assert len({row.name for row in rows}) == len(rows) == 366
    assert (rows[0].name, rows[-1].name, rows[-1].count) == ("2025-07-01", "2026-07-01", 8)
    assert [row.name for row in list_days(VOLUME, SCOPE)] == ["07-01", "07-02"]


def test_of_nothing_there_is_no_measure():
    empty = replace(NOTHING, ring_s=None, wait_s=None, call_back_s=None, review_s=None, corrections={})
    assert [one.value for one in list_measures(empty)] == [""] * 9
    assert all(one.formula for one in list_measures(empty))


@pytest.mark.parametrize(
    ("seconds", "told"),
    [
        (2.34, "2.3 秒"),
        (90.0, "1.5 分钟"),
        (9000.0, "2.5 小时"),
        (47 * 3600.0, "47.0 小时"),
        (60 * 3600.0, "2.5 天"),
    ],
)
def test_lengths_are_told_in_a_unit_of_their_size(seconds, told):
    found = replace(NOTHING, answered=1, ring_s=seconds, corrections={})
    assert list_measures(found)[1].value == told


def test_numbers_stay_numbers_and_a_formula_becomes_a_text():
    written = write_csv([("甲", 3), ("=1+1", -3), ('"引号",逗号', 0), ("\ud800", 1)]).decode("utf-8")
    assert written == '\ufeff甲,3\r\n\'=1+1,-3\r\n"""引号"",逗号",0\r\n?,1\r\n'


@pytest.mark.parametrize(
    "text", ["=1", "+1", "-1", "@A1", "\t=1", "\r1", "\n1", " =1", "\xa0=1", "\u3000\uff1d1", "\uff201"]
)
def test_a_text_that_would_be_a_formula_begins_with_an_apostrophe(text):
    ((cell, kept),) = csv.reader(io.StringIO(write_csv([(text, "颍州区=1")]).decode("utf-8-sig"), newline=""))
    assert (cell, kept) == (f"'{text}", "颍州区=1")
