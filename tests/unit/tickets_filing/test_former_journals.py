"""Journals as the commit 742726d wrote them, before there was a codec: a whole call, an anonymous one, one cut off."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from recordings import entries, journal
from tickets.record import CallRecord, fold

WHOLE, ANONYMOUS, CUT_OFF = FORMER = (
    "20261127T074835-18bbb5c5",
    "20261127T074836-e7071a97",
    "20261127T075136-d94a7747",
)
SENTENCE = "我要投诉颍州区清河街道小区夜间施工噪音扰民"


def read(folder: Path, call_id: str) -> entries.Reading:
    place = folder / call_id
    place.mkdir(parents=True)
    kept = Path(__file__).parent / "journals" / f"{call_id}.jsonl"
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
