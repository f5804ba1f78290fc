from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from pydantic import ValidationError

from tickets.alert import SCHEMA_FILE, DangerAlert, SurgeAlert, make_schema

SCHEMA = json.loads(SCHEMA_FILE.read_text(encoding="utf-8"))
NOW = datetime(2026, 11, 24, 1, 2, 3, 250000, tzinfo=UTC)
CALL = "20261124T010203-0badcafe"


def danger(**changes: Any) -> DangerAlert:
    told: dict[str, Any] = {
        "id": f"danger-{CALL}-0",
        "at": NOW,
        "call_id": CALL,
        "hotline": "12345",
        "line": "政务服务便民热线",
        "caller": "13855812345",
        "risk": "fire",
        "words": "我家着火了",
    }
    return DangerAlert(**(told | changes))


def surge(**changes: Any) -> SurgeAlert:
    told: dict[str, Any] = {
        "id": "surge-20261124T01-water",
        "at": NOW,
        "topic": "城乡建设/供水/停水",
        "since": NOW,
        "count": 4,
        "expected": 0.3,
        "tickets": ("263280700013",),
    }
    return SurgeAlert(**(told | changes))


def test_the_committed_schema_is_the_generated_one() -> None:
    assert make_schema() == SCHEMA, "run: python -m tickets.alert > tickets/schema/alert-v1.json"
    Draft202012Validator.check_schema(SCHEMA)


@pytest.mark.parametrize(
    "alert", [danger(), danger(risk=None, words="", caller=""), surge(), surge(revision=2)]
)
def test_what_the_model_writes_the_schema_accepts_and_the_model_reads_again(alert: Any) -> None:
    document = json.loads(alert.model_dump_json())
    Draft202012Validator(SCHEMA).validate(document)
    assert type(alert).model_validate(document) == alert


@pytest.mark.parametrize(
    "changes",
    [
        {"kind": "surge"},
        {"risk": "boredom"},
        {"number": "1"},
        {"caller": "+86"},
        {"at": "yesterday"},
        {"id": ""},
    ],
)
def test_the_schema_refuses_what_is_no_alert(changes: dict[str, Any]) -> None:
    document = json.loads(danger().model_dump_json()) | changes
    assert not Draft202012Validator(SCHEMA).is_valid(document)
    with pytest.raises(ValidationError):
        DangerAlert.model_validate(document)


def test_each_revision_of_a_surge_has_a_key_of_its_own_and_one_without_is_the_first() -> None:
    assert (surge().key, surge(revision=2).key) == (surge().id, f"{surge().id}-r2")
    document = json.loads(surge().model_dump_json())
    del document["revision"]
    Draft202012Validator(SCHEMA).validate(document)
    assert SurgeAlert.model_validate(document) == surge()
    assert not Draft202012Validator(SCHEMA).is_valid(document | {"revision": 0})


@pytest.mark.parametrize("name", sorted(json.loads(danger().model_dump_json())))
def test_every_field_is_required(name: str) -> None:
    document = json.loads(danger().model_dump_json())
    del document[name]
    assert not Draft202012Validator(SCHEMA).is_valid(document)
