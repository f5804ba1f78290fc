"""Journals as the commit 742726d wrote them, before there was a codec: a whole call, an anonymous one, one cut off."""

from __future__ import annotations

import json
from collections import Counter
from datetime import UTC, datetime
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import pytest

from recordings import entries, journal
from tickets.draft import draft
from tickets.number import CITY_TIME
from tickets.record import CallRecord, fold

if TYPE_CHECKING:
    from collections.abc import Iterator

JOURNALS = Path(__file__).parent / "journals"
BEGAN = datetime(2026, 11, 27, 7, 48, 35, tzinfo=UTC)

WHOLE, ANONYMOUS, CUT_OFF = FORMER = (
    "20261127T074835-18bbb5c5",
    "20261127T074836-e7071a97",
    "20261127T075136-d94a7747",
)
SENTENCE = "我要投诉颍州区清河街道小区夜间施工噪音扰民"


def read(folder: Path, call_id: str) -> entries.Reading:
    place = folder / call_id
    place.mkdir(parents=True)
    kept = JOURNALS / f"{call_id}.jsonl"
    (place / journal.NAME).write_bytes(kept.read_bytes())
    return journal.read(place)


def record(folder: Path, call_id: str) -> CallRecord:
    return fold(call_id, read(folder, call_id), None, 30.0, ())


@pytest.mark.parametrize("call_id", FORMER)
def test_every_line_is_known(tmp_path, call_id):
    reading = read(tmp_path, call_id)
    assert reading.strange == {}
    assert len(reading.entries) == len(journal.load(tmp_path / call_id))
    for written in reading.entries:
        assert entries.decode(entries.encode(written.entry)) == written.entry


def test_a_whole_call(tmp_path):
    told = record(tmp_path, WHOLE)
    (matter,) = [t.matter for t in told.matters]
    assert matter.text == SENTENCE
    assert (matter.appeal, matter.place_name, matter.confirmed, matter.complete) == (
        "投诉",
        "颍州区清河街道",
        True,
        True,
    )
    assert (told.caller, told.hung_up_by, told.interrupted) == ("13900000400", "gateway", False)
    assert told.live.complete
    assert told.line
    assert told.line.opening.startswith("您好")
    keys = [
        w.entry.key
        for w in read(tmp_path / "again", WHOLE).entries
        if isinstance(w.entry, entries.DigitEvent)
    ]
    assert keys == ["#", "1"]


def test_an_anonymous_call(tmp_path):
    told = record(tmp_path, ANONYMOUS)
    assert told.line
    assert told.line.anonymous
    assert (len(told.matters), told.live.utterances) == (1, ())


def test_a_call_that_was_cut_off(tmp_path):
    kinds = Counter(written.entry.kind for written in read(tmp_path, CUT_OFF).entries)
    assert (kinds["number"], kinds["finished"]) == (1, 0)
    told = fold(CUT_OFF, journal.read(tmp_path / CUT_OFF), None, 30.0, None)
    assert told.ended_at is None
    assert [t.matter.text for t in told.matters] == [SENTENCE]


STRANGE = [
    None,
    True,
    -1,
    2**31,
    10**30,
    0.5,
    -1e308,
    1e308,
    "",
    "none",
    "\0",
    "\ud800",
    "９" * 20,
    [],
    [[]],
    {},
]
STRANGE += [{"a": {}}, "2026-11-27", "0500-01-01", "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-12:00"]


def leaves(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    if path:
        yield path
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, part in inner:
        yield from leaves(part, (*path, key))


def spoil(line: dict[str, Any], path: tuple[Any, ...], value: Any) -> dict[str, Any]:
    spoilt: Any = json.loads(json.dumps(line))
    part = spoilt
    for key in path[:-1]:
        part = part[key]
    part[path[-1]] = value
    return cast("dict[str, Any]", spoilt)


@pytest.mark.parametrize("call_id", [WHOLE, ANONYMOUS])
def test_no_value_of_a_line_keeps_a_call_from_its_tickets(call_id):
    lines = [json.loads(line) for line in (JOURNALS / f"{call_id}.jsonl").read_bytes().splitlines()]
    spoiled = set()
    for position, line in [*enumerate(lines)][::-1]:
        # Each value of each kind of line once, in the last of them, which is what counts.
        names = [(line["kind"], line.get("name"), path) for path in leaves(line)]
        paths = [name[-1] for name in names if name not in spoiled]
        spoiled.update(names)
        for path, value in product(paths, STRANGE):
            spoilt = [*lines[:position], spoil(line, path, value), *lines[position + 1 :]]
            told = fold(call_id, entries.read_lines(spoilt, BEGAN), None, 30.0, ())
            moments = told.started_at, told.answered_at, told.ended_at
            papers = [drafted.issue("261820700014", 1) for drafted in draft(told)]
            assert papers or told.reason, (path, value)
            assert all(json.loads(paper.encode()) for paper in papers)
            text = f"{told}"
            assert "\0" not in text
            assert text.encode()
            assert all(moment is None or moment.astimezone(CITY_TIME).year >= 1970 for moment in moments)
