"""Golden calls over real SIP: the scripts that run sans-IO in the unit tests, through the whole house."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from callfolder import told
from goldenticket import look

from recordings.entries import Heard, Incoming, Matter, Played

pytestmark = pytest.mark.alone

GOLDEN = Path(__file__).parents[1] / "golden"
# By prompts too: these leave no room for what depends on the moment.
TO_THE_LETTER = ("happy", "keyed_contact", "two_matters")
ALSO = (
    "aid_danger",
    "aid_number_keyed",
    "anonymous",
    "corrected_place",
    "danger",
    "hash_ends_dictation",
    "legacy_number",
    "person",
    "wrong_keys",
)
# Who is passed on needs somebody to be passed on to: see test_passing.py.
PASSED_ON = {file.stem for file in GOLDEN.glob("*.yaml") if "\ntargets:" in file.read_text()}
# Heard by the log only: their tickets depend on the moment.
OTHERS = tuple(sorted({file.stem for file in GOLDEN.glob("*.yaml")} - {*TO_THE_LETTER, *ALSO} - PASSED_ON))


def without_expectation(name: str) -> dict[str, Any]:
    script: dict[str, Any] = yaml.safe_load((GOLDEN / f"{name}.yaml").read_text())
    return {k: v for k, v in script.items() if k != "expect"}


def expected(name: str) -> dict[str, Any]:
    wanted: dict[str, Any] = yaml.safe_load((GOLDEN / f"{name}.yaml").read_text())["expect"]
    return wanted


def test_golden_calls(house: Any) -> None:
    names = TO_THE_LETTER + ALSO
    every = [*names, *OTHERS]
    results = house.results(house.start_calls([without_expectation(n) for n in every], 0.3))
    by_name = dict(zip(every, results, strict=True))
    assert [(name, by_name[name]["failure"]) for name in names if by_name[name]["failure"]] == []
    assert [name for name in OTHERS if by_name[name]["refused"]] == []
    for name, result in zip(names, results[: len(names)], strict=True):
        wanted = expected(name)
        tickets = house.final_tickets(result["sip_call_id"], len(wanted["tickets"]))
        tickets.sort(key=lambda t: t["number"])
        assert len(tickets) == len(wanted["tickets"]), name
        for ticket, fields in zip(tickets, wanted["tickets"], strict=True):
            looked = {field: look(ticket, field) for field in fields}
            assert looked == fields, f"{name}: {ticket}"
        if name in TO_THE_LETTER:
            folder = house.data / Path(tickets[0]["recording"]["path"]).parent
            played = [e.name for e in told(folder) if isinstance(e, Played)]
            assert played == wanted["trace"], name
    legacy = house.final_tickets(results[names.index("legacy_number")]["sip_call_id"])[0]
    assert legacy["hotline"] == "12333"
    assert_nobody_is_in_the_log(house, every)


def assert_nobody_is_in_the_log(house: Any, names: list[str]) -> None:
    """No number, no word: neither as the script has them, nor as they were heard, asked for or read back."""
    folders = [folder for where in ("calls/*/*/*/*", "spool/*") for folder in house.data.glob(where)]
    journals = [told(folder) for folder in folders]
    assert len(journals) == len(names)
    personal: set[str] = set()
    for name in names:
        text = (GOLDEN / f"{name}.yaml").read_text()
        personal |= set(re.findall(r"\d{7,}", text))
        personal |= {
            step["say"] for step in yaml.safe_load(text)["steps"] if isinstance(step, dict) and "say" in step
        }
    for entries in journals:
        for entry in entries:
            match entry:
                case Heard(text=text, words=words):
                    personal |= {text, *(word.text for word in words)}
                case Matter():
                    personal |= {entry.place, entry.place_name, entry.brief, entry.contact}
                case Played(text=text):
                    personal.add(text)
                case Incoming(caller=caller):
                    personal.add(caller)
    personal.discard("")
    assert len(personal) > 100
    log = house.log()
    lines = [json.loads(line) for line in log.splitlines() if line.startswith("{")]
    ours = {line["call_id"] for line in lines if "call_id" in line}
    assert {folder.name for folder in folders} == ours  # the calls are in it
    for line in lines:
        for key in ("number", "tickets", "intake_number", "time", "call_id"):
            line.pop(key, None)  # digits of our own: a short number keyed by a caller may be part of them
    # What the speech server cannot listen for are phrases of our own files: nobody has said them.
    lines = [line for line in lines if not line["event"].endswith("the model's vocabulary and was dropped")]
    said = json.dumps(lines, ensure_ascii=False)
    assert [what for what in personal if what in said] == []
    assert [what for what in personal if len(what) > 6 and what in log] == []
