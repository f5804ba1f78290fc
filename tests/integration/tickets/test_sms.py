"""Messages to callers: each once, whatever the operator's gateway does, whoever dies."""

from __future__ import annotations

import asyncio
import itertools
import json
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa
from aiohttp import web

from recordings.callbacks import Missed, Owed
from recordings.schema import calls, tickets
from recordings.schema import outbox as table
from tickets import outbox
from tickets.client import IntakeClient, Lost
from tickets.courier import Courier
from tickets.sms.message import LATELY, Message, Writer, give_up_old
from tickets.sms.provider import read_provider
from tickets.sms.sender import SmsClient
from tickets.sms.texting import Texting
from tickets.sms.wording import Templates

FILE = """
version: 1
url: {url}
json: {{to: "{{to}}", text: "{{text}}", id: "{{id}}", key: "{{secret}}"}}
idempotent: {idempotent}
taken: [{{field: code, of: ["0"]}}]
duplicate: [{{field: code, of: [again]}}]
refused: [{{field: code, of: [empty number]}}]
number: msgid
"""
TEMPLATES = Templates(form="如需文字办理，请打开 https://fy.example/t")
SIGNATURE = "【阜阳12345】"


class Operator:
    """An SMS gateway that does what ``does`` says next, and then what it should; ``phones`` have what it has sent."""

    def __init__(self, *, knows_ids):
        self.knows_ids = knows_ids
        self.does = iter(())
        self.asked, self.phones, self.ids = 0, [], set()
        self.hung, self.held = asyncio.Event(), asyncio.Event()

    async def take(self, request):
        self.asked += 1
        told = await request.json()
        assert told["key"] == "s3cret"
        what = next(self.does, "send")
        if what == "refuse":
            return web.json_response({"code": "busy"}, status=503)
        if what == "no number":
            return web.json_response({"code": "empty number"})
        if self.knows_ids and told["id"] in self.ids:
            return web.json_response({"code": "again"})
        self.ids.add(told["id"])
        self.phones.append((told["to"], told["text"]))
        if what == "hang":
            self.hung.set()
            await self.held.wait()
        if what == "break":
            request.transport.abort()
        response = web.json_response({"code": 0, "msgid": f"m{len(self.phones)}"})
        if what == "twice":
            await response.prepare(request)
            await response.write_eof()
            request.transport.write(b'HTTP/1.1 200 OK\r\nContent-Length: 11\r\n\r\n{"code": 0}')
        return response


@pytest.fixture(params=[True, False], ids=["knows ids", "knows no ids"])
async def operator(request):
    one = Operator(knows_ids=request.param)
    app = web.Application()
    app.router.add_post("/send", one.take)
    runner = web.AppRunner(app, shutdown_timeout=0.01)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    one.url = f"http://127.0.0.1:{runner.addresses[0][1]}/send"
    yield one
    one.held.set()
    await runner.cleanup()


@pytest.fixture
def working(database, tmp_path, secret, operator):
    """A courier at work; ``intake`` is where its tickets go."""
    folders = itertools.count()

    @asynccontextmanager
    async def working(intake="http://127.0.0.1:1/v1/tickets", timeout_s=60):
        text = FILE.format(url=operator.url, idempotent=str(operator.knows_ids).lower())
        client, sms = IntakeClient(intake, secret, 3.0), SmsClient(read_provider(text), "s3cret", timeout_s)
        texting = Texting(sms, Writer(TEMPLATES, SIGNATURE))
        stop = asyncio.Event()
        courier = Courier(database, client, tmp_path / f"{next(folders)}.sock", texting=texting)
        task = asyncio.create_task(courier.run(stop))
        try:
            yield task
        finally:
            stop.set()
            await asyncio.wait({task})
            await sms.close()
            await client.close()

    return working


async def tell_missed(database, callers, now=None):
    at = now or datetime.now(UTC)
    missed = [
        Owed(f"{at:%Y%m%dT%H%M%S}-{n:08x}", caller, "12345", at, Missed.REFUSED, 1, at)
        for n, caller in enumerate(callers)
    ]
    async with database.write() as connection:
        for part in (missed[::2], missed[1::2]):
            await Writer(TEMPLATES, SIGNATURE).tell_missed(connection, part)


async def read_messages(database):
    async with database.read() as connection:
        rows = await connection.execute(sa.select(table).where(table.c.kind == "sms").order_by(table.c.id))
        return rows.all()


async def settled(database, count):
    async with asyncio.timeout(60):
        while True:
            rows = await read_messages(database)
            if len(rows) == count and all(row.state != "pending" for row in rows):
                return rows
            await asyncio.sleep(0.02)


async def test_each_message_once_whatever_the_gateway_does_and_however_many_workers(
    database, operator, working
):
    callers = [f"1385581{n:04}" for n in range(8)]
    operator.does = iter(["refuse", "hang", "twice", "break", "no number", "refuse"])
    await tell_missed(database, callers * 2)  # who calls again is told once
    # The one that hangs is waited for; no other may take so long, on however busy a machine.
    async with working(timeout_s=3), working(timeout_s=3):
        rows = await settled(database, len(callers))
    refused = [row for row in rows if row.state == "dead" and "empty number" in row.last_error]
    lost = [row for row in rows if row.state == "dead" and row not in refused]
    assert len(refused) == 1
    reached = {json.loads(row.document)["to"] for row in rows if row not in refused}
    assert sorted(to for to, _ in operator.phones) == sorted(reached), "each once"
    assert {text for _, text in operator.phones} == {TEMPLATES.write("missed", SIGNATURE)}
    # Of what hung or broke off nobody knows, nor of what was answered twice in one piece.
    assert len(lost) in ({0} if operator.knows_ids else {2, 3})
    assert all("nobody knows whether it was sent" in row.last_error for row in lost)
    async with database.read() as connection:
        assert await outbox.take_stock(connection) == outbox.Stock(0, None, 0, 0), (
            "no dead letter of a ticket's"
        )


async def test_a_worker_that_dies_in_the_middle_leaves_no_message_to_be_sent_twice(
    database, operator, working, monkeypatch
):
    monkeypatch.setattr("tickets.courier._LEASE_S", 0.0)
    operator.does = iter(["refuse", "hang"])
    await tell_missed(database, ["13855812345"])
    async with working(timeout_s=3) as first:  # for so long his message is nobody else's
        async with asyncio.timeout(60):
            await operator.hung.wait()
        first.cancel()
        await asyncio.wait({first})
    async with working():
        (row,) = await settled(database, 1)
    assert len(operator.phones) == 1
    assert row.state == ("accepted" if operator.knows_ids else "dead")
    assert operator.asked == (3 if operator.knows_ids else 2)


async def file_ticket(database, ticket):
    call = {"caller": "13855812345", "called": "12345", "hotline": "12345", "flow": "default", "cause": ""}
    async with database.write() as connection:
        await connection.execute(
            sa.insert(calls).values(
                call_id=ticket.call.call_id,
                sip_call_id="s",
                node=1,
                started_at=ticket.call.started_at,
                interrupted=False,
                folder="",
                late="none",
                **call,
            )
        )
        await put_on_file(connection, ticket)
        await outbox.enqueue(
            connection, ticket.number, ticket.revision, ticket.model_dump_json(), datetime.now(UTC)
        )


async def put_on_file(connection, ticket, matter=0):
    row = {
        "number": ticket.number,
        "revision": ticket.revision,
        "call_id": ticket.call.call_id,
        "matter": matter,
    }
    told = {"document": ticket.model_dump_json(), "content_sha256": "", "created_at": datetime.now(UTC)}
    await connection.execute(sa.insert(tickets).values(**row, **told))


async def test_who_is_told_of_his_ticket_and_who_must_not_be(
    database, operator, working, intake, make_ticket
):
    now = datetime.now(UTC)

    def ticket(**caller):
        one = make_ticket()
        call = one.call.model_copy(update={"started_at": caller.pop("started_at", now)})
        whose = one.caller.model_copy(update=caller)
        return one.model_copy(update={"call": call, "caller": whose})

    told, keyed = ticket(), ticket(number="05582212345", contact="13955812345")
    writes = ticket(call_back="来电人不便说话，按键求助，须回电；回电时不要透露来电内容")
    others = [
        ticket(confidential=True),
        ticket(anonymous=True, number="", contact=""),
        ticket(call_back="来电无人说话，须回电；回电时不要透露来电内容"),
        ticket(number="05582212345", contact="05582212345"),
        ticket(started_at=now - LATELY - timedelta(minutes=1)),
        ticket().model_copy(
            update={"notes": ("来电人说有危险", "已转110,通话65秒")}
        ),  # nobody need call back
    ]
    half, rest = ticket(), ticket()
    for one in (told, keyed, writes, half, *others):
        await file_ticket(database, one)
    async with database.write() as connection:  # he says in his second matter that he is in danger
        danger = rest.model_copy(update={"call": half.call, "notes": ("来电人说有危险",)})
        await put_on_file(connection, danger, matter=1)
    again = told.model_copy(update={"revision": 2})
    async with database.write() as connection:
        await outbox.enqueue(connection, again.number, 2, again.model_dump_json(), now)
    async with working(f"{intake}/v1/tickets"), asyncio.timeout(60):
        while True:
            async with database.read() as connection:
                if not (await outbox.take_stock(connection)).pending:
                    break
            await asyncio.sleep(0.02)
        await settled(database, 3)
    assert sorted(operator.phones) == sorted(
        [
            ("13855812345", TEMPLATES.write("ticket", SIGNATURE, number=told.number)),
            ("13955812345", TEMPLATES.write("ticket", SIGNATURE, number=keyed.number)),
            ("13855812345", TEMPLATES.write("form", SIGNATURE)),
        ]
    )


async def test_what_has_waited_for_a_day_is_no_news(database, operator, working):
    await tell_missed(database, ["13855812345"], datetime.now(UTC) - LATELY - timedelta(minutes=1))
    async with working():
        (row,) = await settled(database, 1)
    assert (row.state, operator.asked) == ("dead", 0)


async def test_what_is_being_sent_is_not_given_up(database):
    created, now = datetime.now(UTC) - LATELY, datetime.now(UTC)
    await tell_missed(database, ["13855812345"], created)
    async with database.write() as connection:
        (parcel,) = await outbox.claim(connection, now, 30.0, 1, ("sms",))
        later = now + timedelta(seconds=1)
        assert await give_up_old(connection, later) == 0
        await outbox.postpone(connection, parcel.id, "busy", later, held=False)
        assert await give_up_old(connection, later) == 1


@pytest.mark.parametrize(
    "answer",
    [b"HTTP/1.1 500 E\r\nContent-Length: %d\r\n\r\n%b", b"NONSENSE %d %b"],
    ids=["repeats what it was sent", "is no HTTP"],
)
async def test_no_reason_repeats_the_secret_or_the_number(answer):
    async def serve(reader, writer):
        asked = (await reader.readuntil(b"\r\n\r\n")).split()[1]
        writer.write(answer % (len(asked), asked))
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/s?m={{to}}&k={{secret}}&c={{text}}"
    client = SmsClient(
        read_provider(f"version: 1\nmethod: GET\nurl: {url}\ntaken: [{{contains: OK}}]"), "g heim!", 9
    )
    message = Message(to="13855812345", text="您好 1", what="ticket")
    outcome = await client.post(message.model_dump_json(), "k")
    await client.close()
    server.close()
    assert isinstance(outcome, Lost)
    assert not [word for word in ("heim", "13855812345", "您好", "%E6") if word in outcome.reason], (
        outcome.reason
    )
