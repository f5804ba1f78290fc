"""Golden calls over real SIP: the scripts that run sans-IO in the unit tests, through the whole house."""

from __future__ import annotations

import json
import re
import sqlite3
from contextlib import closing
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from acceptance.people import RATE, People, house_of_lines, loudest, read_channel, read_lines
from callfolder import told
from goldenticket import look
from waiting import eventually

from recordings import folders
from recordings.entries import Heard, Incoming, LegAnswered, LegEnded, Matter, Played
from tickets.number import CITY_TIME

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

pytestmark = pytest.mark.alone  # forty callers at once: beside other houses the speech server falls behind

LOUD = 3000
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
TOO_LONG = {"waits_in_vain"}  # two minutes of music: the longest wait is the dialogue's, and no telephone's
# Their caller comes by no exchange that could hand him over: test_transfers has those that do.
HANDED_OVER = {file.stem for file in GOLDEN.glob("*.yaml") if "transfer: cold" in file.read_text()}
PASSED_ON = tuple(
    sorted(
        {file.stem for file in GOLDEN.glob("*.yaml") if "\ntargets:" in file.read_text()}
        - TOO_LONG
        - HANDED_OVER
    )
)
# What is on file there, no house of ours has: test_progress has calls of its own.
ON_FILE = {
    file.stem
    for file in GOLDEN.glob("*.yaml")
    if "progress" in file.stem
    or file.stem == "query_code"
    or re.search(r"^(past|database):", file.read_text(), re.MULTILINE)
}
# Heard by the log only: their tickets depend on the moment.
OTHERS = tuple(
    sorted(
        {file.stem for file in GOLDEN.glob("*.yaml")}
        - {*TO_THE_LETTER, *ALSO, *PASSED_ON, *HANDED_OVER, *ON_FILE}
        - TOO_LONG
    )
)


def script(name: str) -> dict[str, Any]:
    written: dict[str, Any] = yaml.safe_load((GOLDEN / f"{name}.yaml").read_text())
    return written


def speaks(name: str) -> bool:
    return any("say" in step for step in script(name)["steps"])


def reaches_by_words(name: str) -> bool:
    """Whether whom the caller reaches depends on his words: they come before any key, or may tell of danger."""
    given = [step for step in script(name)["steps"] if "say" in step or "press" in step]
    return speaks(name) and ("say" in given[0] or "danger" in script(name)["targets"])


def without_expectation(name: str) -> dict[str, Any]:
    return {k: v for k, v in script(name).items() if k != "expect"}


def expected(name: str) -> dict[str, Any]:
    wanted: dict[str, Any] = script(name)["expect"]
    return wanted


class Telephones:
    """Those of the scripts' targets; a process of its own for each script in which one dies with it."""

    def __init__(self, folder: Path) -> None:
        self.numbers = {name: f"99{n:03}" for n, name in enumerate(PASSED_ON)}
        doomed = [name for name in PASSED_ON if any("dies" in deeds for deeds in deeds_of(name).values())]
        enduring = {u: d for name in PASSED_ON if name not in doomed for u, d in deeds_of(name).items()}
        shared = People(enduring, make(folder / "people"))
        own = {name: People(deeds_of(name), make(folder / name)) for name in doomed}
        self.people = {name: own.get(name, shared) for name in PASSED_ON}

    def lines(self) -> dict[str, Any]:
        """The hotlines file with one line more for each script, like the one it calls, but with its targets."""
        lines = read_lines()
        for name in PASSED_ON:
            called = script(name).get("called", lines["front"])
            line = next(line for line in reversed(lines["hotlines"]) if line["number"] == called)
            if called == lines["front"]:
                line = {
                    **line,
                    "mode": "整体并入",
                    "opening": "opening",
                    "opening_by_keys": "opening_by_keys",
                }
            targets = {
                reason: [self._target(name, reason, n, target) for n, target in enumerate(listed)]
                for reason, listed in script(name)["targets"].items()
            }
            lines["hotlines"].append({**line, "number": self.numbers[name], "targets": targets})
        return lines

    def _target(self, name: str, reason: str, n: int, target: dict[str, Any]) -> dict[str, Any]:
        made = {key: value for key, value in target.items() if key not in {"does", "closed"}}
        made["uri"] = f"sip:{user(name, reason, n)}@{self.people[name].address}"
        made["three_way"] = any("brings_in" in deed for deed in target.get("does", ()))
        if target.get("closed"):
            another_day = (datetime.now(CITY_TIME) + timedelta(days=3)).isoweekday()
            made["hours"] = [{"days": [another_day], "from": "08:00", "until": "09:00"}]
        return made

    def stop(self) -> None:
        for people in set(self.people.values()):
            people.stop()


def user(name: str, reason: str, n: int) -> str:
    return f"{name}.{reason}.{n}"


def deeds_of(name: str) -> dict[str, list[Any]]:
    return {
        user(name, reason, n): target.get("does", [])
        for reason, listed in script(name)["targets"].items()
        for n, target in enumerate(listed)
    }


def make(folder: Path) -> Path:
    folder.mkdir()
    return folder


@pytest.fixture
def telephones(tmp_path: Path) -> Iterator[Telephones]:
    telephones = Telephones(tmp_path)
    yield telephones
    telephones.stop()


@pytest.fixture
def house(make_house: Callable[..., Any], telephones: Telephones, tmp_path: Path) -> Any:
    # What the fake clock takes for the time until a dead line is noticed.
    passing = {"cap": 60, "kept_for_danger": 20, "silent_seconds": 10}
    return house_of_lines(make_house, telephones.lines(), tmp_path, passing=passing)


@pytest.mark.parametrize("others", [(), pytest.param(OTHERS, marks=pytest.mark.soak)], ids=["sure", "every"])
def test_golden_calls(house: Any, telephones: Telephones, others: tuple[str, ...]) -> None:
    every = [*TO_THE_LETTER, *ALSO, *PASSED_ON, *others]
    scripts = [
        without_expectation(n) | ({"called": telephones.numbers[n]} if n in PASSED_ON else {}) for n in every
    ]
    results = house.results(house.start_calls(scripts, 0.3))
    by_name = dict(zip(every, results, strict=True))
    # Who reaches somebody by words may not be understood at that moment, as the others.
    names = [*(name for name in PASSED_ON if not reaches_by_words(name)), *TO_THE_LETTER, *ALSO]
    sure = [name for name in names if name not in PASSED_ON or not speaks(name)]
    assert [(name, by_name[name]["failure"]) for name in sure if by_name[name]["failure"]] == []
    assert [name for name in every if by_name[name]["refused"]] == []
    for name in names:
        check(house, name, by_name[name]["sip_call_id"])
    legacy = house.final_tickets(by_name["legacy_number"]["sip_call_id"])[0]
    assert legacy["hotline"] == "12333"
    assert_nobody_is_in_the_log(house, every)


def check(house: Any, name: str, sip_call_id: str) -> None:
    """What came of the call is what its script expects."""
    wanted = expected(name)
    call_id, reason = eventually(lambda: find_call(house, sip_call_id), 60, f"the end of {name}")
    folder = eventually(lambda: next(house.data.glob(f"calls/*/*/*/{call_id}"), None), 30, f"{name} archived")
    if wanted.get("reason"):
        assert reason, name
        assert house.tickets(sip_call_id=sip_call_id) == [], name
    else:
        tickets = house.final_tickets(sip_call_id, len(wanted["tickets"]))
        tickets.sort(key=lambda t: t["number"])
        assert len(tickets) == len(wanted["tickets"]), name
        for ticket, told_of in zip(tickets, wanted["tickets"], strict=True):
            fields = {
                f: v for f, v in told_of.items() if name not in PASSED_ON or f not in {"text", "category"}
            }
            looked = {field: look(ticket, field) for field in fields}
            assert looked == fields, f"{name}: {ticket}"
    if name in TO_THE_LETTER or (name in PASSED_ON and not speaks(name)):
        played = [e.name for e in told(folder) if isinstance(e, Played)]
        assert played == wanted["trace"], name
    if name == "target_dies":
        assert [e.by for e in told(folder) if isinstance(e, LegEnded)] == ["lost"]
    if name == "passed_on_early_media":
        (answered,) = [e for e in told(folder) if isinstance(e, LegAnswered)]
        heard = read_channel(folder / folders.AUDIO, 1)
        assert loudest(heard[: round((answered.at - 2) * RATE)]) > LOUD, "nothing before the answer"


def find_call(house: Any, sip_call_id: str) -> tuple[str, str | None] | None:
    """The ended call's own id, and why it has no ticket, if it has none."""
    with closing(sqlite3.connect(f"file:{house.data / 'hotline.db'}?mode=ro", uri=True)) as db:
        query = "SELECT call_id, reason FROM calls WHERE sip_call_id = ? AND ended_at IS NOT NULL"
        found: tuple[str, str | None] | None = db.execute(query, (sip_call_id,)).fetchone()
        return found


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
    ours = {line["call_id"] for line in lines if line.get("call_id")}  # an alert's is in its id
    assert {folder.name for folder in folders} == ours  # the calls are in it
    for line in lines:
        for key in ("number", "tickets", "intake_number", "time", "call_id", "id", "target"):
            line.pop(key, None)  # of our own: a short number keyed, or a word said, may be part of them
    # What the speech server cannot listen for are phrases of our own files: nobody has said them.
    lines = [line for line in lines if not line["event"].endswith("the model's vocabulary and was dropped")]
    said = json.dumps(lines, ensure_ascii=False)
    assert [what for what in personal if what in said] == []
    assert [what for what in personal if len(what) > 6 and what in log] == []
