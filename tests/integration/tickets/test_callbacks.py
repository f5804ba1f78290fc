"""The intake tells what became of its tickets: signed, never counted twice, in whatever order it comes."""

from __future__ import annotations

import asyncio
import json
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import aiohttp
import pytest
import sqlalchemy as sa
import yaml
from jsonschema import Draft202012Validator
from yarl import URL

from gateway.service.callbacks import taking_call_backs
from gateway.site.intake import IntakeSettings
from recordings.progress import read_progress, status_changes
from recordings.schema import calls, tickets
from tickets.callbacks import listen
from tickets.signature import read_secret, sign

DESCRIBED = yaml.safe_load(
    (Path(__file__).parents[3] / "docs" / "intake-api.yaml").read_text(encoding="utf-8")
)
HOOK = DESCRIBED["webhooks"]["status"]["post"]
EXAMPLES = HOOK["requestBody"]["content"]["application/json"]["examples"]
NUMBER = "263320100018"
HALF_HEAD = "POST /v1/status HTTP/1.1\r\nHost: x\r\n"
HALF_BODY = f"{HALF_HEAD}Content-Length: 9\r\n\r\n{{"
NOW = datetime(2026, 11, 28, 1, 2, 3, tzinfo=UTC)


@pytest.fixture
async def door(database, secret):
    async with database.write() as connection:
        told = {
            "sip_call_id": "s",
            "caller": "13855812345",
            "called": "12345",
            "hotline": "12345",
            "flow": "default",
        }
        more = {"node": 1, "started_at": NOW, "cause": "", "interrupted": False, "folder": "", "late": "none"}
        await connection.execute(sa.insert(calls).values(call_id="c", **told, **more))
        ticket = {"number": NUMBER, "revision": 1, "call_id": "c", "matter": 0, "document": "{}"}
        await connection.execute(sa.insert(tickets).values(**ticket, content_sha256="", created_at=NOW))
    async with listen(database, secret, "127.0.0.1", 0) as address:
        yield address


@pytest.fixture
async def tell(door, secret):
    async def tell(document, message="m1", *, ago=0, headers=None, key=secret):
        body = document if isinstance(document, bytes) else json.dumps(document, ensure_ascii=False).encode()
        signed = sign(read_secret(key), message, int(time.time()) - ago, body)
        more = {"Content-Type": "application/json", **signed, **(headers or {})}
        async with http.post(door, data=body, headers=more) as response:
            return response.status, await response.json(content_type=None)

    async with aiohttp.ClientSession() as http:
        yield tell


async def read(database):
    async with database.read() as connection:
        return await read_progress(connection, [NUMBER])


async def test_every_example_is_taken_and_the_later_moment_counts(tell, database):
    schema = Draft202012Validator(DESCRIBED["components"]["schemas"]["StatusChange"])
    for name in ("closed", "assigned"):  # the later one first
        schema.validate(EXAMPLES[name]["value"])
        assert await tell(EXAMPLES[name]["value"], name) == (
            201,
            {"number": NUMBER, "status": EXAMPLES[name]["value"]["status"]},
        )
    assert [one.status for one in await read(database)] == ["派单", "结案"]
    assert (await read(database))[-1].note == EXAMPLES["closed"]["value"]["note"]


async def test_a_message_that_comes_again_counts_once(tell, database):
    first = EXAMPLES["assigned"]["value"]
    assert (await tell(first))[0] == 201
    assert (await tell(first))[0] == 200
    status, problem = await tell(EXAMPLES["closed"]["value"])
    assert (status, problem["title"]) == (422, "already taken")
    assert [one.status for one in await read(database)] == ["派单"]


async def test_what_is_refused_leaves_nothing_and_quotes_nothing(tell, database):
    good = EXAMPLES["closed"]["value"]
    other = "whsec_b3RoZXIgc2VjcmV0LCAzMiBieXRlcyBsb25nISEhISE="
    for status, document, options in (
        (401, good, {"key": other}),
        (401, good, {"ago": 301}),
        (401, good, {"headers": {"webhook-id": "another"}}),
        (400, good, {"message": "m" * 256}),
        (400, good, {"message": "甲"}),
        (404, good | {"number": "263320100026"}, {}),
        (415, good, {"headers": {"Content-Type": "text/plain"}}),
        (422, b"{", {}),
        (422, good | {"status": "张三的秘密"}, {}),
        (422, good | {"more": "张三的秘密"}, {}),
        (422, good | {"at": "2026-11-30"}, {}),
        (422, good | {"at": "0001-01-01T00:00:00+08:00"}, {}),  # which UTC has no word for
        (422, good | {"unit": "甲\u202e乙"}, {}),
    ):
        got, problem = await tell(document, **options)
        assert (got, problem["status"]) == (status, status)
        assert str(status) in HOOK["responses"]
        assert "张三" not in json.dumps(problem, ensure_ascii=False)
    async with database.read() as connection:
        assert await connection.scalar(sa.select(sa.func.count()).select_from(status_changes)) == 0


async def test_a_database_away_is_told_and_the_message_comes_again(tell, database):
    async with database.write() as connection:
        await connection.execute(sa.text("ALTER TABLE status_changes RENAME TO elsewhere"))
    assert (await tell(EXAMPLES["closed"]["value"]))[0] == 503
    async with database.write() as connection:
        await connection.execute(sa.text("ALTER TABLE elsewhere RENAME TO status_changes"))
    assert (await tell(EXAMPLES["closed"]["value"]))[0] == 201


@pytest.mark.parametrize(
    ("bound", "sent", "answer"),
    [
        ("_CONNECTED_S", "", b""),
        ("_CONNECTED_S", HALF_HEAD, b""),
        ("_WHOLE_S", HALF_BODY, b"HTTP/1.1 408 "),
    ],
)
async def test_who_sends_nothing_whole_is_disconnected(bound, sent, answer, database, secret, monkeypatch):
    monkeypatch.setattr(f"tickets.callbacks.{bound}", 0.2)
    async with listen(database, secret, "127.0.0.1", 0) as address:
        reader, writer = await asyncio.open_connection("127.0.0.1", URL(address).port)
        writer.write(sent.encode())
        async with asyncio.timeout(30):
            assert await reader.read(len(answer) or -1) == answer
        writer.close()


async def test_a_door_that_was_taken_opens_as_soon_as_it_is_free(database, secret):
    taken = await asyncio.start_server(lambda _reader, writer: writer.close(), "127.0.0.1", 0)
    port = taken.sockets[0].getsockname()[1]
    settings = IntakeSettings.model_validate({"secret": secret, "callbacks": {"port": port}})
    async with taking_call_backs(settings, database, again_s=0.05), aiohttp.ClientSession() as http:

        async def answer():
            try:
                async with http.post(f"http://127.0.0.1:{port}/v1/status", data=b"{}") as response:
                    return response.status
            except aiohttp.ClientError:
                return None

        assert await answer() is None
        taken.close()
        await taken.wait_closed()
        async with asyncio.timeout(30):
            while await answer() != 401:  # noqa: ASYNC110 - nothing tells that a port of another process opens
                await asyncio.sleep(0.02)


async def test_a_moment_to_come_does_not_outlast_what_is_told_later(tell, database):
    began = datetime.now(UTC)
    status, answer = await tell(EXAMPLES["closed"]["value"] | {"at": "2062-11-28T00:00:00Z"}, "far")
    assert (status, answer["detail"][:37]) == (201, "at lies more than 5 minutes ahead of ")
    soon = (datetime.now(UTC) + timedelta(minutes=4)).isoformat()
    assert await tell(EXAMPLES["assigned"]["value"] | {"at": soon}, "soon") == (
        201,
        {"number": NUMBER, "status": "派单"},
    )
    first, last = await read(database)
    assert (first.status, last.status) == ("结案", "派单")
    assert began <= first.at <= datetime.now(UTC)
    assert last.at == datetime.fromisoformat(soon)


async def test_a_moment_that_was_never_set_is_before_all_others(tell, database):
    for name, at in (("closed", "0001-01-01T00:00:00Z"), ("assigned", EXAMPLES["assigned"]["value"]["at"])):
        assert (await tell(EXAMPLES[name]["value"] | {"at": at}, name))[0] == 201
    first, last = await read(database)
    assert (first.status, first.at, last.status) == ("结案", datetime(1, 1, 1, tzinfo=UTC), "派单")
