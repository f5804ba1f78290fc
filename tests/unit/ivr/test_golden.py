from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from goldenticket import look

from config.document import load
from config.script import Script
from recordings.entries import InformedEvent, Reading, encode, read_lines
from tickets.draft import draft
from tickets.record import fold

if TYPE_CHECKING:
    from conftest import Rehearsal

BEGAN = datetime(2026, 11, 25, 1, tzinfo=UTC)
GOLDEN = Path(__file__).parents[2] / "golden"
SCRIPTS = sorted(GOLDEN.glob("*.yaml"))


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda p: p.stem)
def test_golden_call(path: Path, rehearse):
    script = load(Script, path)
    call = rehearse(script)
    if script.expect.trace is not None:
        assert tuple(call.trace) == script.expect.trace
    assert call.finished is not None
    assert all(w.end is not None for m in call.finished for w in m.windows)
    record = fold("20261125T010000-0a1b2c3d", Reading(tuple(call.journal), {}), None, call.now, None)
    tickets = [json.loads(d.issue("263297000014", 1)) for d in draft(record)]
    for expected, ticket in zip(script.expect.tickets, tickets, strict=True):
        given = expected.model_dump(exclude_none=True)
        assert {field: look(ticket, field) for field in given} == given
    assert script.expect.reason == (record.reason is not None)
    assert script.expect.rated == {number: rating for number, (rating, _) in record.ratings.items()}
    assert strangers(call) == []


def strangers(call: Rehearsal) -> list[str]:
    """What of the call the journal could not say in words that are read again."""
    lines = [json.loads(json.dumps(encode(one.entry))) for one in call.journal]
    reading = read_lines([{**line, "wall": "2026-11-25T01:00:00Z"} for line in lines], BEGAN)
    assert [one.entry for one in reading.entries] == [one.entry for one in call.journal]
    return [what.name for what in reading.strange]


def test_a_database_that_hangs_delays_no_opening_by_more_than_300_ms(rehearse):
    call = rehearse(load(Script, GOLDEN / "past_unknown_database_hangs.yaml"))
    first = next(one for one in call.journal if isinstance(one.entry, InformedEvent))
    assert (first.entry.of, first.entry.outcome, first.entry.at) == ("past", "away", 0.3)
    assert call.trace[0] == "opening"


def test_who_has_called_before_is_told_nothing_of_it(rehearse):
    told = {
        name for path in SCRIPTS if load(Script, path).past for name in rehearse(load(Script, path)).trace[:1]
    }
    assert told == {"go_on", "same_matter", "aid"}
    for name in ("go_on", "same_matter"):  # no slot, nothing of the ticket in it
        assert rehearse(load(Script, SCRIPTS[0])).hotline.flow.slots[name] == frozenset()


def test_the_golden_calls_are_all_there():
    assert len(SCRIPTS) >= 13
    called = {load(Script, path).called for path in SCRIPTS}
    assert {"12345", "12331", "12333", "12366", "12356"} <= called, "one line of each mode"
