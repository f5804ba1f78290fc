from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from pydantic import ValidationError

from tickets.ticket import SCHEMA_FILE, Receipt, Ticket, make_schema

SCHEMA = json.loads(SCHEMA_FILE.read_text(encoding="utf-8"))
MOMENT = "2026-11-24T01:02:03.250000Z"


def make_document(**changes: Any) -> dict[str, Any]:
    document: dict[str, Any] = {
        "number": "263280700013",
        "revision": 1,
        "hotline": "12345",
        "call": {
            "call_id": "20261124T010203-0badcafe",
            "sip_call_id": "a84b4c76e66710",
            "caller": "13855812345",
            "called": "055812345",
            "started_at": MOMENT,
            "answered_at": MOMENT,
        },
        "caller": {"number": "13855812345", "contact": "13855812345"},
        "appeal": {"title": "人民西路漏水", "content": "人民西路一百二十八号漏水三天了"},
        "transcript": {"complete": True},
    }
    return {**document, **changes}


def test_the_committed_schema_is_the_generated_one() -> None:
    assert make_schema() == SCHEMA, "run: python -m tickets.ticket > tickets/schema/ticket-v1.json"
    Draft202012Validator.check_schema(SCHEMA)


def test_what_the_model_writes_the_schema_accepts_and_the_model_reads_again() -> None:
    ticket = Ticket.model_validate(make_document())
    document = json.loads(json.dumps(ticket.to_json()))
    Draft202012Validator(SCHEMA).validate(document)
    assert Ticket.model_validate(document) == ticket


def test_a_document_states_every_field() -> None:
    document = Ticket.model_validate(make_document()).to_json()
    assert set(document) == set(SCHEMA["properties"])
    assert document["status"] == "待审核"
    assert document["channel"] == "电话"
    assert document["recording"] is None
    assert document["appeal"]["urgency"] == "一般"
    assert document["handling"] == {
        "lead_unit": "",
        "support_units": [],
        "due_at": None,
        "supervised": False,
        "urged": 0,
        "satisfaction": "",
    }
    assert (document["caller"]["follow_up"], document["appeal"]["repeats"]) == (None, "")
    assert (document["place"]["longitude"], document["place"]["latitude"]) == (None, None)
    del document["place"]
    assert not Draft202012Validator(SCHEMA).is_valid(document)


def test_a_ticket_from_before_version_1_had_all_its_fields_is_still_accepted() -> None:
    whole = Ticket.model_validate(make_document()).to_json()
    document = json.loads(json.dumps(whole))
    for part, gained in (
        (document, ("line", "handling")),
        (document["caller"], ("follow_up", "identity")),
        (document["appeal"], ("repeats",)),
        (document["place"], ("longitude", "latitude")),
    ):
        for name in gained:
            del part[name]
    Draft202012Validator(SCHEMA).validate(document)
    assert Ticket.model_validate(document).to_json() == whole


def test_a_line_is_found_where_a_number_may_stand() -> None:
    document = Ticket.model_validate(make_document()).to_json()
    line = {"name": "税务", "department": "税务局", "mode": "设分中心", "found_by": "p-called-party-id"}
    assert not Draft202012Validator(SCHEMA).is_valid({**document, "line": line})


def test_every_field_beyond_the_call_says_what_it_means() -> None:
    """What the gateway leaves to others is in the schema with its meaning, or not at all."""
    parts = SCHEMA["$defs"]
    described = {
        "CallerPart": ["follow_up", "identity"],
        "AppealPart": ["repeats"],
        "PlacePart": ["longitude", "latitude"],
        "HandlingPart": list(parts["HandlingPart"]["properties"]),
    }
    for part, names in described.items():
        for name in names:
            assert parts[part]["properties"][name]["description"], f"{part}.{name}"


def test_what_an_intake_fills_in_is_a_ticket_too() -> None:
    handling = {
        "lead_unit": "颍州区住房和城乡建设局",
        "support_units": ["颍州区城市管理局"],
        "due_at": "2026-12-01T10:00:00+08:00",
        "supervised": True,
        "urged": 2,
        "satisfaction": "基本满意",
    }
    document = Ticket.model_validate(make_document(handling=handling)).to_json()
    Draft202012Validator(SCHEMA).validate(document)
    assert document["handling"] == {**handling, "due_at": "2026-12-01T02:00:00Z"}


def test_times_leave_in_utc() -> None:
    beijing = datetime(2026, 11, 24, 9, 2, 3, 250000, timezone(timedelta(hours=8)))
    call = {**make_document()["call"], "started_at": beijing}
    document = Ticket.model_validate(make_document(call=call)).to_json()
    assert document["call"]["started_at"] == MOMENT
    assert datetime.fromisoformat(document["call"]["started_at"]) == beijing.astimezone(UTC)


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("number",), "12345"),
        (("number",), "二六三二八"),
        (("revision",), 0),
        (("hotline",), ""),
        (("surprise",), 1),
        (("call", "caller"), "+8613855812345"),
        (("call", "started_at"), "2026-11-24T01:02:03"),
        (("call", "duration_s"), -1),
        (("call", "hung_up_by"), "nobody"),
        (("appeal", "type"), "闲聊"),
        (("appeal", "urgency"), ""),
        (("place",), {"code": "3412"}),
        (("place",), {"latitude": 341.2}),
        (("appeal", "repeats"), "二六三"),
        (("handling",), {"urged": -1}),
        (("handling",), {"due_at": "2026-11-24"}),
        (("recording",), {"path": "/etc/passwd", "seconds": 1, "channels": 2}),
        (("recording",), {"path": "calls/a.wav", "seconds": 1, "channels": 3}),
        (
            ("transcript", "utterances"),
            [{"start": 0, "end": 1, "text": "a", "confidence": 1.1, "confirmed": True}],
        ),
    ],
)
def test_model_and_schema_refuse_the_same(path: tuple[str, ...], value: Any) -> None:
    given = make_document()
    full = Ticket.model_validate(given).to_json()
    for document in (given, full):
        place = document
        for name in path[:-1]:
            place = place[name]
        place[path[-1]] = value
    with pytest.raises(ValidationError):
        Ticket.model_validate(given)
    assert not Draft202012Validator(SCHEMA).is_valid(full)


def test_numbers_that_json_does_not_know_are_refused() -> None:
    call = {**make_document()["call"], "duration_s": float("nan")}
    with pytest.raises(ValidationError):
        Ticket.model_validate(make_document(call=call))


def test_a_receipt_may_say_more() -> None:
    receipt = Receipt.model_validate_json(
        '{"number": "FY1", "status": "受理", "accepted_at": "2026-11-24T01:02:03.000004+00:00", "desk": 4}'
    )
    assert (receipt.number, receipt.status, receipt.accepted_at.microsecond) == ("FY1", "受理", 4)
