from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from config.document import load
from config.script import ExpectedTicket, Script

if TYPE_CHECKING:
    from conftest import Rehearsal

    from ivr.hotline import Hotline
    from ivr.matter import Matter

GOLDEN = Path(__file__).parents[2] / "golden"
SCRIPTS = sorted(GOLDEN.glob("*.yaml"))


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda p: p.stem)
def test_golden_call(path: Path, rehearse):
    script = load(Script, path)
    call = rehearse(script)
    if script.expect.trace is not None:
        assert tuple(call.trace) == script.expect.trace
    assert call.finished is not None
    found = [as_ticket(m, script.caller, call.hotline) for m in told(call)]
    for expected, ticket in zip(script.expect.tickets, found, strict=True):
        given = expected.model_dump(exclude_none=True)
        assert {k: v for k, v in ticket.model_dump().items() if k in given} == given
    assert script.expect.reason == (not found)
    assert all(w.end is not None for m in call.finished for w in m.windows)


def told(call: Rehearsal) -> list[Matter]:
    """The matters that make a ticket: on an anonymous line those that the caller wants to be known."""
    assert call.finished is not None
    return [m for m in call.finished if m.contact_confirmed or m.danger or not call.hotline.anonymous]


def as_ticket(matter: Matter, caller: str, hotline: Hotline) -> ExpectedTicket:
    return ExpectedTicket(
        text=matter.text,
        appeal=matter.appeal,
        category="_".join(hotline.category),
        place_name=matter.place_name,
        contact="" if hotline.anonymous else matter.contact or caller,
        call_back=bool(matter.call_back) or hotline.mode in {"设分中心", "转接"},
        danger=matter.danger,
        confirmed=matter.confirmed,
        text_pending=not matter.text and bool(matter.windows),
        passed_to="",
    )


def test_the_golden_calls_are_all_there():
    assert len(SCRIPTS) >= 13
    called = {load(Script, path).called for path in SCRIPTS}
    assert {"12345", "12331", "12333", "12366", "12356"} <= called, "one line of each mode"
