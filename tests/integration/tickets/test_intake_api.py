"""The published description of the intake's interface, held against the reference intake: every example is posted."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import schemathesis
import yaml
from jsonschema import Draft202012Validator

from tickets.signature import read_secret, sign

FILE = Path(__file__).parents[3] / "docs" / "intake-api.yaml"
DESCRIBED = yaml.safe_load(FILE.read_text(encoding="utf-8"))
EXAMPLES = [
    (path, name)
    for path, item in DESCRIBED["paths"].items()
    for name in item["post"]["requestBody"]["content"]["application/json"]["examples"]
]


def find(reference: Any) -> Any:
    """What stands there, or where it points to: in this file, or another beside it."""
    if "$ref" not in reference:
        return reference
    file, _, place = reference["$ref"].partition("#")
    if file:
        return json.loads((FILE.parent / file).read_text(encoding="utf-8"))
    found = DESCRIBED
    for part in place.strip("/").split("/"):
        found = found[part]
    return found


def taken(path: str) -> Any:
    return DESCRIBED["paths"][path]["post"]["requestBody"]["content"]["application/json"]


def check(path: str, status: int, kind: str, answer: Any) -> None:
    """The answer is one of those described."""
    response = find(DESCRIBED["paths"][path]["post"]["responses"][str(status)])
    Draft202012Validator(find(response["content"][kind]["schema"])).validate(answer)


@pytest.fixture
async def post(intake, secret):
    async def post(path: str, body: bytes, key: str, **changes: str) -> tuple[int, str, Any]:
        signed = sign(read_secret(secret), key, int(time.time()), body)
        headers = {"Content-Type": "application/json", "Idempotency-Key": key, **signed, **changes}
        async with http.post(f"{intake}{path}", data=body, headers=headers) as response:
            return response.status, response.content_type, await response.json(content_type=None)

    async with aiohttp.ClientSession() as http:
        yield post


def test_it_is_openapi() -> None:
    schema = schemathesis.openapi.from_path(FILE)
    schema.validate()
    assert schema.specification.version.startswith("3.1")
    assert len(list(schema.get_all_operations())) == len(DESCRIBED["paths"]) == 2


async def test_every_example_is_taken_and_answered_as_described(post) -> None:
    answers = []
    for path, name in EXAMPLES:
        document = taken(path)["examples"][name]["value"]
        Draft202012Validator(find(taken(path)["schema"])).validate(document)
        body = json.dumps(document, ensure_ascii=False).encode()
        key = document.get("id") or f"{document['number']}-r{document['revision']}"
        status, kind, answer = await post(path, body, key)
        check(path, status, kind, answer)
        assert (await post(path, body, key))[2] == answer, "once more, and the same receipt"
        answers.append((name, status))
    assert answers == [("first", 201), ("amended", 200), ("danger", 201), ("surge", 201)]


@pytest.mark.parametrize("path", DESCRIBED["paths"])
async def test_every_refusal_is_described(post, path) -> None:
    good = json.dumps(next(iter(taken(path)["examples"].values()))["value"]).encode()
    for status, body, changes in (
        (400, b"{", {}),
        (400, good, {"Idempotency-Key": ""}),
        (401, good, {"webhook-signature": "v1,bm8="}),
        (415, good, {"Content-Type": "text/plain"}),
        (422, b"{}", {}),
    ):
        got, kind, answer = await post(path, body, "key", **changes)
        assert got == status
        check(path, got, kind, answer)
