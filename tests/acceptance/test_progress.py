"""进度随时查, 效果随时评 over real SIP: who may hear what of a ticket, and what he thinks of the outcome."""

from __future__ import annotations

import json
import sqlite3
import time
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.request import Request, urlopen

import pytest
import yaml
from callfolder import told
from waiting import eventually, free_port

from recordings.entries import Played
from tickets.signature import read_secret, sign

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = (
    pytest.mark.soak
)  # its dialogue is that of the golden calls progress_*, what may be told test_inquiry's

OWNER, SHY, STRANGER = "13855812345", "05582345678", "13700000000"
ANSWER = "已责令施工单位夜间停工"
TOLD = yaml.safe_load((Path(__file__).parents[1] / "golden" / "keyed_contact.yaml").read_text())
ASKS: list[Any] = [{"wait": "prompt"}, {"say": "查进度"}, {"wait": "prompt"}]


def answers(*keys: str) -> list[Any]:
    return [step for key in keys for step in ({"press": key}, {"wait": "prompt"})]


def read(house: Any, query: str, *values: str) -> Any:
    with closing(sqlite3.connect(f"file:{house.data / 'hotline.db'}?mode=ro", uri=True)) as db:
        found = db.execute(query, values).fetchone()
        return found and found[0]


def played(house: Any, sip_call_id: str) -> dict[str, str]:
    """What was said in a call, by the prompts' names in order; of each the last text."""
    query = "SELECT call_id FROM calls WHERE sip_call_id = ? AND ended_at IS NOT NULL"
    call_id = eventually(lambda: read(house, query, sip_call_id), 60, "the end of the call")
    folder = eventually(lambda: next(house.data.glob(f"calls/*/*/*/{call_id}"), None), 30, "its folder")
    entries = [entry for entry in told(folder) if isinstance(entry, Played)]
    return {f"{number} {entry.name}": entry.text for number, entry in enumerate(entries)}


def names(said: dict[str, str]) -> list[str]:
    return [name.split()[1] for name in said]


def test_who_may_hear_what_of_a_ticket(make_house: Callable[..., Any]) -> None:
    port = free_port()
    house = make_house(intake={"callbacks": {"port": port}})
    house.start()
    script = {key: value for key, value in TOLD.items() if key != "expect"}
    filed = house.calls([script | {"caller": OWNER}, script | {"caller": SHY}])
    mine, shy = (house.final_tickets(call["sip_call_id"])[0]["number"] for call in filed)

    secret = yaml.safe_load(house.config.read_text())["intake"]["secret"]
    closed = {"version": 1, "number": mine, "status": "结案", "at": "2026-11-20T08:40:00Z", "note": ANSWER}
    body = json.dumps(closed).encode()
    head = {"Content-Type": "application/json", **sign(read_secret(secret), "m1", int(time.time()), body)}
    with urlopen(Request(f"http://127.0.0.1:{port}/v1/status", body, head), timeout=15) as answer:
        assert answer.status == 201
    with closing(
        sqlite3.connect(house.data / "hotline.db", timeout=15)
    ) as db:  # as an agent would, by a review
        (document,) = db.execute("SELECT document FROM tickets WHERE number = ?", (shy,)).fetchone()
        hidden = json.loads(document)
        hidden["caller"]["confidential"] = True
        db.execute("UPDATE tickets SET document = ? WHERE number = ?", (json.dumps(hidden), shy))
        db.commit()
    code = read(house, "SELECT code FROM query_codes WHERE number = ?", mine)
    wrong = f"{(int(code) + 1) % 10**6:06d}"
    mistyped = mine[:-1] + str((int(mine[-1]) + 1) % 10)

    calls = {
        "right": (OWNER, [*ASKS, *answers("1", "1", wrong, code)]),
        "mistyped": (STRANGER, [*ASKS, *answers(f"{mistyped}#", f"{mine}#")]),
        "unknown": (STRANGER, [*ASKS, *answers("263290100018#")]),
        "confidential": (SHY, [*ASKS, *answers(f"{shy}#")]),
    }
    scripts = [
        {"name": name, "caller": caller, "steps": [*steps, "hang_up"]}
        for name, (caller, steps) in calls.items()
    ]
    results = dict(zip(calls, house.results(house.start_calls(scripts, 0.3)), strict=True))
    assert {name: result["failure"] for name, result in results.items() if result["failure"]} == {}
    said = {name: played(house, result["sip_call_id"]) for name, result in results.items()}

    right = ["opening", "progress", "rate", "rated", "progress_more", "ask_code", "wrong_code", "ask_code"]
    assert names(said["right"]) == [*right, "progress_answer", "progress_more"]
    assert "已经办结" in said["right"]["1 progress"]
    assert ANSWER in said["right"]["8 progress_answer"]
    eventually(
        lambda: read(house, "SELECT rating FROM ratings WHERE number = ?", mine) == "满意", 30, "the rating"
    )

    assert names(said["mistyped"]) == [
        "opening",
        "ask_ticket",
        "wrong_ticket",
        "ask_ticket",
        "progress",
        "rate",
    ]
    assert names(said["unknown"]) == ["opening", "ask_ticket", "unknown_ticket", "ask_ticket"]
    assert names(said["confidential"]) == ["opening", "ask_ticket", "progress", "progress_more"]
    for name in ("mistyped", "unknown", "confidential"):
        assert not any(ANSWER in text for text in said[name].values())
    assert all(house.tickets(sip_call_id=result["sip_call_id"]) == [] for result in results.values())
    assert house.faults() == []
