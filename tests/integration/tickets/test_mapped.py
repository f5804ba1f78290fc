"""An intake that another city built: no key, no revisions, its own fields; each ticket is there once all the same."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa
from aiohttp import web

from recordings.schema import outbox as table
from tickets import outbox
from tickets.access import Access
from tickets.bell import SOCKET
from tickets.client import Accepted, Unavailable
from tickets.courier import Courier
from tickets.mapped import MappedClient
from tickets.mapping import read_mapping
from tickets.number import CITY_TIME
from tickets.reconciling import compare, read_day

MAPPING = """
version: 1
fields:
  gdbh: {{from: number}}
  bt: {{from: appeal.title}}
answer: {{number: data.id, ok: code, good: ["0"]}}
lookup:
  url: {address}/orders?gdbh={{number}}
  answer: {{number: id}}
  revision: version
supplement:
  url: {address}/notes
  fields:
    gdbh: {{from: number}}
    bbh: {{from: revision}}
    nr: {{from: appeal.title}}
"""


class OtherCity:
    """Takes what is posted as often as it is posted; loses some answers after it has taken."""

    def __init__(self):
        self.orders, self.notes, self.lost = [], [], {1, 4, 5}
        self.posts = 0
        self.down = False
        self.answers = asyncio.Event()
        self.answers.set()

    async def take(self, request):
        await self.answers.wait()
        if self.down:
            return web.Response(text="<p>系统维护中", content_type="text/html")
        told = await request.json()
        (self.notes if request.path == "/notes" else self.orders).append(told)
        self.posts += 1
        if self.posts in self.lost:
            request.transport.abort()
        kind = "N" if request.path == "/notes" else "C"  # a note has a number of its own
        return web.json_response({"code": 0, "data": {"id": f"{kind}-{told['gdbh']}"}})

    async def tell(self, request):
        if self.down:
            return web.Response(text="<p>系统维护中", content_type="text/html")
        number = request.query["gdbh"]
        if not any(order["gdbh"] == number for order in self.orders):
            return web.Response(status=404)
        version = max([1, *(note["bbh"] for note in self.notes if note["gdbh"] == number)])
        return web.json_response({"id": f"C-{number}", "version": version})


@pytest.fixture
async def city():
    one = OtherCity()
    app = web.Application()
    app.add_routes(
        [web.post("/orders", one.take), web.post("/notes", one.take), web.get("/orders", one.tell)]
    )
    runner = web.AppRunner(app, shutdown_timeout=0.01)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    one.address = f"http://127.0.0.1:{runner.addresses[0][1]}"
    yield one
    await runner.cleanup()


@pytest.fixture
async def client(city, secret):
    mapping = read_mapping(MAPPING.format(address=city.address))
    one = MappedClient(f"{city.address}/orders", secret, 5.0, Access(), mapping)
    yield one
    await one.close()


@pytest.fixture
async def silent(city, secret):
    """A client whose mapping knows of no revisions in their answers."""
    mapping = read_mapping(MAPPING.format(address=city.address).replace("  revision: version\n", ""))
    one = MappedClient(f"{city.address}/orders", secret, 5.0, Access(), mapping)
    yield one
    await one.close()


async def test_each_is_there_once_though_answers_are_lost_and_it_knows_no_key(
    database, city, client, silent, make_ticket, tmp_path
):
    tickets = [make_ticket() for _ in range(4)]
    further = [make_ticket(ticket.number, 2, title="补充") for ticket in tickets[:2]]
    now = datetime.now(UTC)
    async with database.write() as connection:
        for ticket in (*tickets, *further):
            document = json.dumps(ticket.to_json(), ensure_ascii=False)
            await outbox.enqueue(connection, ticket.number, ticket.revision, document, now)
    stop = asyncio.Event()
    task = asyncio.create_task(Courier(database, client, tmp_path / SOCKET, withheld=("alert",)).run(stop))
    async with asyncio.timeout(60):
        while True:
            async with database.read() as connection:
                states = set(await connection.scalars(sa.select(table.c.state)))
            if states == {"accepted"}:
                break
            await asyncio.sleep(0.05)
    stop.set()
    await task
    assert sorted(order["gdbh"] for order in city.orders) == sorted(ticket.number for ticket in tickets)
    assert sorted((note["gdbh"], note["bbh"]) for note in city.notes) == sorted(
        (t.number, 2) for t in further
    )
    async with database.read() as connection:
        lines = await read_day(connection, now.astimezone(CITY_TIME).date())
    assert {line.intake_number for line in lines} == {f"C-{ticket.number}" for ticket in tickets}
    assert sum(line.accepted for line in lines) == 6
    assert not any(line.waiting or line.refused for line in lines)
    assert await client.ask("263290100018", 1, "k") is None
    await compare_all(city, client, silent, lines)


async def compare_all(city, client, silent, lines):
    """Their books are ours, whether they tell revisions or not; what they lost is missed."""
    lost = city.orders.pop()["gdbh"]
    for one in (client, silent):
        told = await compare(one, lines)
        assert told == {line.number: "missing" if line.number == lost else "same" for line in lines}


async def test_a_page_of_something_before_it_is_neither_a_refusal_nor_an_answer(city, client, make_ticket):
    ticket = make_ticket()
    document = json.dumps(ticket.to_json(), ensure_ascii=False)
    city.lost, city.down = set(), True
    assert await client.post(document, "k") == Unavailable("their answer: it is no JSON")
    city.down = False
    assert isinstance(await client.post(document, "k", again=True), Accepted)
    city.down = True
    nothing_known = Unavailable("asked for what it has: it is no JSON")
    assert await client.post(document, "k", again=True) == nothing_known
    assert await client.ask(ticket.number, 1, "k") == nothing_known
    assert len(city.orders) == 1


async def test_a_ticket_is_kept_to_who_asks_and_then_posts_for_as_long_as_both_may_take(
    database, city, client, make_ticket, tmp_path
):
    ticket, now = make_ticket(), datetime.now(UTC)
    client.timeout_s = 60.0
    city.answers.clear()
    async with database.write() as connection:
        await outbox.enqueue(connection, ticket.number, 1, json.dumps(ticket.to_json()), now)
    stop = asyncio.Event()
    task = asyncio.create_task(Courier(database, client, tmp_path / SOCKET, withheld=("alert",)).run(stop))
    async with asyncio.timeout(60):
        while True:
            async with database.read() as connection:
                leased_until = await connection.scalar(sa.select(table.c.lease_until))
            if leased_until is not None:
                break
            await asyncio.sleep(0.05)
    city.answers.set()
    stop.set()
    await task
    assert leased_until - now > timedelta(seconds=120)
