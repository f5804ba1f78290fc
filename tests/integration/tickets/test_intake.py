from __future__ import annotations

import asyncio
import hashlib
import json
import sqlite3
import time
from contextlib import closing
from datetime import UTC, datetime, timedelta

import aiohttp
import pytest

from tickets.alert import SurgeAlert
from tickets.client import Accepted, IntakeClient, Rejected
from tickets.intake.server import serve
from tickets.signature import read_secret, sign


@pytest.fixture
async def http():
    async with aiohttp.ClientSession() as session:
        yield session


@pytest.fixture
async def client(intake, secret):
    client = IntakeClient(f"{intake}/v1/tickets", secret, 5.0)
    yield client
    await client.close()


def dump(ticket):
    return json.dumps(ticket.to_json(), ensure_ascii=False)


async def post_raw(http, intake, secret, body, *, key="k", sign_as=None, at=None, **headers):
    signed = sign(read_secret(sign_as or secret), key, int(at or time.time()), body)
    sent = {"Content-Type": "application/json", "Idempotency-Key": key, **signed, **headers}
    async with http.post(f"{intake}/v1/tickets", data=body, headers=sent) as response:
        return response.status, response.content_type, json.loads(await response.read())


async def test_a_ticket_is_accepted_and_shown(client, intake, http, make_ticket):
    ticket = make_ticket()
    before = datetime.now(UTC)
    outcome = await client.post(dump(ticket), f"{ticket.number}-r1")
    assert isinstance(outcome, Accepted)
    assert outcome.receipt.status == "受理"
    assert outcome.receipt.number.startswith("FY")
    assert before - timedelta(milliseconds=1) <= outcome.receipt.accepted_at <= datetime.now(UTC)
    async with http.get(f"{intake}/v1/tickets/{ticket.number}") as response:
        held = await response.json()
    (revision,) = held.pop("revisions")
    assert held == {"number": ticket.number, "intake_number": outcome.receipt.number, "status": "受理"}
    assert revision["ticket"] == ticket.to_json()
    assert datetime.fromisoformat(revision["accepted_at"]) == outcome.receipt.accepted_at


async def test_the_same_key_gets_the_same_answer_and_another_body_422(client, make_ticket):
    ticket = make_ticket()
    first = await client.post(dump(ticket), "key")
    assert await client.post(dump(ticket), "key") == first
    other = await client.post(dump(make_ticket()), "key")
    assert isinstance(other, Rejected)
    assert other.status == 422
    assert "another body" in other.detail


async def test_twenty_copies_at_once_are_one_ticket(client, intake, http, make_ticket):
    ticket = make_ticket()
    answers = await asyncio.gather(*(client.post(dump(ticket), "key") for _ in range(20)))
    assert len({answer.receipt for answer in answers}) == 1
    async with http.get(f"{intake}/healthz") as response:
        assert (await response.json())["tickets"] == 1


async def test_revisions_keep_the_number_and_are_all_kept(client, intake, http, make_ticket):
    ticket = make_ticket()
    second = make_ticket(ticket.number, 2, title="人民西路漏水,已补充")
    one = await client.post(dump(ticket), f"{ticket.number}-r1")
    two = await client.post(dump(second), f"{ticket.number}-r2")
    assert one.receipt.number == two.receipt.number
    assert one.receipt.accepted_at < two.receipt.accepted_at
    async with http.get(f"{intake}/v1/tickets", params={"number": ticket.number}) as response:
        (held,) = (await response.json())["tickets"]
    assert [r["revision"] for r in held["revisions"]] == [1, 2]
    assert [r["ticket"]["appeal"]["title"] for r in held["revisions"]] == [
        "人民西路漏水",
        "人民西路漏水,已补充",
    ]
    again = await client.post(dump(make_ticket(ticket.number, 2, title="别的")), "new key")
    assert isinstance(again, Rejected)
    assert "came before under another key" in again.detail


async def test_a_new_ticket_is_201_a_revision_200(http, intake, secret, make_ticket):
    ticket = make_ticket()
    for revision, status in ((1, 201), (2, 200)):
        body = dump(make_ticket(ticket.number, revision)).encode()
        for _ in range(2):
            assert (await post_raw(http, intake, secret, body, key=f"r{revision}"))[0] == status


async def test_filters_and_limit(client, intake, http, make_ticket):
    tickets = [make_ticket() for _ in range(5)]
    for ticket in tickets:
        await client.post(dump(ticket), ticket.number)

    async def numbers(**params):
        async with http.get(f"{intake}/v1/tickets", params=params) as response:
            return [held["number"] for held in (await response.json())["tickets"]]

    assert await numbers() == [ticket.number for ticket in reversed(tickets)]
    assert await numbers(limit="2") == [tickets[4].number, tickets[3].number]
    assert await numbers(sip_call_id=tickets[1].call.sip_call_id) == [tickets[1].number]
    assert await numbers(call_id=tickets[2].call.call_id) == [tickets[2].number]
    assert await numbers(call_id=tickets[2].call.call_id, number=tickets[0].number) == []


@pytest.mark.parametrize("query", ["limit=0", "limit=x", "limit=99999", "limit=" + "9" * 5000, "caller=1"])
async def test_a_bad_filter_is_refused(intake, http, query):
    async with http.get(f"{intake}/v1/tickets?{query}") as response:
        assert response.status == 400
        assert response.content_type == "application/problem+json"


async def test_what_was_accepted_outlives_the_intake(tmp_path, secret, make_ticket):
    ticket = make_ticket()
    receipts = []
    for _ in range(2):
        async with serve(tmp_path / "held.db", secret, "127.0.0.1", 0) as address:
            client = IntakeClient(f"{address}/v1/tickets", secret, 5.0)
            receipts.append((await client.post(dump(ticket), "key")).receipt)
            await client.close()
    assert receipts[0] == receipts[1]


async def test_a_wrong_or_old_signature_is_401(http, intake, secret, make_ticket):
    body = dump(make_ticket()).encode()
    other = "whsec_" + "A" * 40
    for change in ({"sign_as": other}, {"at": time.time() - 400}, {"webhook-signature": ""}):
        status, kind, problem = await post_raw(http, intake, secret, body, **change)
        assert (status, kind) == (401, "application/problem+json")
        assert problem["title"] == "signature not accepted"
    async with http.get(f"{intake}/healthz") as response:
        assert (await response.json())["tickets"] == 0


async def test_a_wrong_document_is_refused_naming_the_place_but_not_the_words(
    http, intake, secret, make_ticket
):
    document = make_ticket().to_json()
    document["appeal"]["urgency"] = "天塌了"
    del document["hotline"]
    status, _, problem = await post_raw(http, intake, secret, json.dumps(document).encode())
    assert status == 422
    assert {(e["pointer"], e["rule"]) for e in problem["errors"]} == {
        ("/", "required"),
        ("/appeal/urgency", "enum"),
    }
    assert "hotline" in str(problem)
    assert "天塌了" not in str(problem)


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"", 400),
        (b"{", 400),
        (b"[" * 100_000, 400),
        (b"\xff\xfe{\0}\0", 400),
        (b'{"a": NaN}', 400),
        (b'{"a": "\\ud800"}', 400),
        (b"[]", 422),
        (b"null", 422),
        (b" " * 5_000_000, 413),
    ],
)
async def test_what_is_no_ticket_is_a_problem(http, intake, secret, body, status):
    found, kind, problem = await post_raw(http, intake, secret, body)
    assert (found, kind, problem["status"]) == (status, "application/problem+json", status)


async def test_a_number_with_a_wrong_check_digit_is_refused(http, intake, secret, make_ticket):
    document = make_ticket().to_json()
    document["number"] = document["number"][:-1] + str((int(document["number"][-1]) + 1) % 10)
    status, _, problem = await post_raw(http, intake, secret, json.dumps(document).encode())
    assert (status, problem["title"]) == (422, "not a ticket number")


async def test_key_and_type_are_required(http, intake, secret, make_ticket):
    body = dump(make_ticket()).encode()
    assert (await post_raw(http, intake, secret, body, **{"Idempotency-Key": ""}))[0] == 400
    assert (await post_raw(http, intake, secret, body, **{"Content-Type": "text/plain"}))[0] == 415


async def test_unknown_paths_and_methods_are_problems(http, intake):
    for method, path, status in (
        ("GET", "/nothing", 404),
        ("PUT", "/v1/tickets", 405),
        ("GET", "/v1/tickets/1", 404),
    ):
        async with http.request(method, intake + path) as response:
            assert (response.status, response.content_type) == (status, "application/problem+json")
            assert (await response.json())["status"] == status


async def test_the_page_shows_tickets_and_runs_nothing_from_them(client, intake, http, make_ticket):
    async with http.get(intake) as response:
        assert "还没有工单" in await response.text()
    ticket = make_ticket(title="<script>alert(1)</script>\"'&")
    await client.post(dump(ticket), "1")
    await client.post(dump(make_ticket(ticket.number, 2, title="<img src=x onerror=alert(1)>")), "2")
    async with http.get(intake) as response:
        page = await response.text()
        policy = response.headers["Content-Security-Policy"]
    assert ticket.number in page
    assert "颍州区人民西路128号" in page
    assert "第 2 版" in page
    assert "&lt;img src=x onerror=alert(1)&gt;" in page
    assert "<img" not in page
    assert "<script" not in page
    assert "default-src 'none'" in policy


async def test_a_store_that_cannot_write_is_503_and_nothing_is_said_to_be_accepted(
    tmp_path, secret, http, make_ticket
):
    file = tmp_path / "locked.db"
    async with serve(file, secret, "127.0.0.1", 0) as address:
        blocker = sqlite3.connect(file, isolation_level=None)
        blocker.execute("BEGIN IMMEDIATE")
        ticket = make_ticket()
        status, kind, _ = await post_raw(http, address, secret, dump(ticket).encode())
        assert (status, kind) == (503, "application/problem+json")
        blocker.execute("ROLLBACK")
        assert (await post_raw(http, address, secret, dump(ticket).encode()))[0] == 201
    blocker.close()


async def test_a_taken_port_is_an_os_error(intake, tmp_path, secret):
    port = int(intake.rpartition(":")[2])
    with pytest.raises(OSError, match="in use"):
        async with serve(tmp_path / "other.db", secret, "127.0.0.1", port):
            pass


async def read_alerts(http, intake, **filters):
    async with http.get(f"{intake}/v1/alerts", params=filters) as response:
        assert response.status == 200
        return (await response.json())["alerts"]


async def test_an_alert_is_accepted_once_and_shown(client, intake, http, make_alert):
    alert = make_alert(1, "<b>着火了</b>")
    first = await client.post(alert.model_dump_json(), alert.id, "alert")
    assert isinstance(first, Accepted)
    assert first.receipt.number.startswith("YJ")
    assert await client.post(alert.model_dump_json(), alert.id, "alert") == first
    other = await client.post(make_alert(1, "别的").model_dump_json(), alert.id, "alert")
    assert isinstance(other, Rejected)
    assert "another body" in other.detail
    under_another_key = await client.post(alert.model_dump_json(), "key", "alert")
    assert isinstance(under_another_key, Rejected)
    assert under_another_key.status == 422
    await client.post(make_alert(2).model_dump_json(), "second", "alert")
    (held,) = await read_alerts(http, intake, call_id=alert.call_id)
    assert held["alert"] == json.loads(alert.model_dump_json())
    assert (held["intake_number"], held["status"]) == (first.receipt.number, "受理")
    assert len(await read_alerts(http, intake, kind="danger")) == 2
    assert await read_alerts(http, intake, kind="surge") == []
    async with http.get(intake) as response:
        page = await response.text()
    assert "险情:火灾" in page
    assert "&lt;b&gt;着火了&lt;/b&gt;" in page


def make_surge(revision, count):
    return SurgeAlert(
        id="surge-20261124T010000-7",
        at=datetime(2026, 11, 24, 1, 2, 9, tzinfo=UTC),
        revision=revision,
        topic="停水",
        county="颍州区",
        since=datetime(2026, 11, 24, 1, tzinfo=UTC),
        count=count,
        expected=0.2,
        tickets=("263280700013",),
    )


_ALERTS_OF_BEFORE = """
CREATE TABLE alerts (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    idempotency_key TEXT NOT NULL UNIQUE,
    alert_id TEXT NOT NULL UNIQUE,
    intake_number TEXT NOT NULL,
    kind TEXT NOT NULL,
    call_id TEXT NOT NULL,
    body_sha256 TEXT NOT NULL,
    document TEXT NOT NULL,
    accepted_at TEXT NOT NULL
) STRICT;
CREATE INDEX alerts_call_id ON alerts (call_id);
"""


async def test_a_surge_is_kept_under_one_number_and_shown_as_it_is_by_now_in_a_file_of_before_too(
    tmp_path, secret, http
):
    file, surge = tmp_path / "intake.db", make_surge(1, 4)
    before = surge.model_dump_json(exclude={"revision"})
    with closing(sqlite3.connect(file)) as connection, connection:
        connection.executescript(_ALERTS_OF_BEFORE)
        digest = hashlib.sha256(before.encode()).hexdigest()
        row = (
            surge.id,
            surge.id,
            "YJ20261124000001",
            "surge",
            "",
            digest,
            before,
            "2026-11-24T01:03:00+00:00",
        )
        connection.execute("INSERT INTO alerts VALUES (1, ?, ?, ?, ?, ?, ?, ?, ?)", row)
    async with serve(file, secret, "127.0.0.1", 0) as intake:
        client = IntakeClient(f"{intake}/v1/tickets", secret, 5.0)
        first = await client.post(before, surge.id, "alert")
        assert isinstance(first, Accepted)
        assert first.receipt.number == "YJ20261124000001"
        grown = make_surge(3, 9)
        for each in (grown, make_surge(2, 6), grown):  # out of order, and one once more
            answer = await client.post(each.model_dump_json(), each.key, "alert")
            assert isinstance(answer, Accepted)
            assert answer.receipt.number == first.receipt.number
        twice = await client.post(make_surge(2, 7).model_dump_json(), "key", "alert")
        assert isinstance(twice, Rejected)
        (held,) = await read_alerts(http, intake, kind="surge")
        assert held["alert"] == json.loads(grown.model_dump_json())
        async with http.get(intake) as response:
            assert "停水:9 件(通常 0.2 件),第 3 版" in await response.text()
        await client.close()
    async with serve(file, secret, "127.0.0.1", 0) as intake:
        assert await read_alerts(http, intake) == [held]


async def test_what_is_no_alert_is_refused_and_says_where(client):
    outcome = await client.post('{"kind": "danger"}', "key", "alert")
    assert isinstance(outcome, Rejected)
    assert outcome.status == 422
    assert "not an alert of schema version 1" in outcome.detail


async def test_alerts_may_have_a_door_of_their_own(intake, secret, http, make_alert):
    client = IntakeClient("http://127.0.0.1:1/v1/tickets", secret, 5.0, f"{intake}/v1/alerts")
    alert = make_alert(3)
    assert isinstance(await client.post(alert.model_dump_json(), alert.id, "alert"), Accepted)
    await client.close()
    assert len(await read_alerts(http, intake)) == 1
