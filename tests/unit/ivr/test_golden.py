from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from config.document import load
from config.script import ExpectedTicket, Script

if TYPE_CHECKING:
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
    found = [as_ticket(m, script.caller) for m in call.finished]
    for expected, ticket in zip(script.expect.tickets, found, strict=True):
        given = expected.model_dump(exclude_none=True)
        assert {k: v for k, v in ticket.model_dump().items() if k in given} == given
    assert script.expect.reason == (not found)
    assert all(w.end is not None for m in call.finished for w in m.windows)


def as_ticket(matter: Matter, caller: str) -> ExpectedTicket:
    return ExpectedTicket(
        text=matter.text,
        appeal=matter.appeal,
        place_name=matter.place_name,
        contact=matter.contact or caller,
        call_back=bool(matter.call_back),
        danger=matter.danger,
        confirmed=matter.confirmed,
        text_pending=not matter.text and bool(matter.windows),
    )


def test_the_golden_calls_are_all_there():
    assert len(SCRIPTS) >= 13
