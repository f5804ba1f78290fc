"""A bad day for delivery, in real processes: whatever dies, each ticket is accepted once, its revisions in order."""

from __future__ import annotations

import asyncio
import json
import os
import random
import signal
import sys
import time
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path

import aiohttp
import pytest
import sqlalchemy as sa
import yaml
from callfolder import CallFolder, heard, stated
from waiting import RTP_PORTS, free_port

from recordings import entries
from recordings.schema import outbox as table
from tickets import outbox
from tickets.bell import SOCKET
from tickets.client import IntakeClient
from tickets.courier import Courier
from tickets.filing import file_call
from tickets.number import NumberBook

ROOT = Path(__file__).parents[3]
CALLS = 1000
DAY = 3200
PER_SECOND = 20
LEAK = heard("颍上县慎城镇房子漏雨", 1.0, 4.0)


class House:
    """The processes of one machine, which die and come again."""

    def __init__(self, folder, database, url, secret, node):
        self.data = folder / f"data-{node}"
        (self.data / "run").mkdir(parents=True)
        self.config = folder / f"gateway-{node}.yaml"
        settings = {
            "node": node,
            "sip": {"host": "127.0.0.1", "port": free_port(), "rtp_first_port": RTP_PORTS},
            "database": {"url": database},
            "intake": {"url": url, "secret": secret, "timeout_seconds": 5.0},
            "log": {"level": "error"},
        }
        self.config.write_text(yaml.safe_dump(settings))
        self.running = {}

    async def start(self, role):
        given = {**os.environ, "RUNTIME_DIRECTORY": str(self.data / "run")}
        command = ["-m", "gateway", "--config", str(self.config), "--data", str(self.data), role]
        self.running[role] = await asyncio.create_subprocess_exec(
            sys.executable, *command, cwd=ROOT, env=given
        )

    async def kill(self, role):
        process = self.running.pop(role)
        if process.returncode is None:
            process.send_signal(signal.SIGKILL)
        await process.wait()
        assert process.returncode == -signal.SIGKILL, f"{role} ended by itself: {process.returncode}"


@asynccontextmanager
async def running(houses, roles):
    try:
        for house, role in roles:
            await house.start(role)
        yield
    finally:
        for house in houses:
            for process in house.running.values():
                if process.returncode is None:
                    process.kill()
                await process.wait()


async def read_states(database):
    async with database.read() as connection:
        counted = sa.select(table.c.state, sa.func.count()).group_by(table.c.state)
        return dict((await connection.execute(counted)).all())


async def read_held(intake):
    """What the intake holds, by number."""
    async with aiohttp.ClientSession() as http, http.get(f"{intake}/v1/tickets?limit=1000") as response:
        return {one["number"]: one["revisions"] for one in (await response.json())["tickets"]}


@pytest.mark.soak
@pytest.mark.timeout(1500)
async def test_a_thousand_calls_through_kills_and_a_failing_intake(
    database, database_url, secret, saboteur, intake, tmp_path
):
    """The gateway's sweep files calls that were cut off; every second one has a ticket from before."""
    dice = random.Random(20261128)
    postgresql = database_url.startswith("postgresql")
    first = House(tmp_path, database_url, saboteur.url, secret, 1)
    second = House(tmp_path, database_url, saboteur.url, secret, 2)
    numbers = NumberBook(first.data / "numbers", 1)
    for index in range(CALLS):
        call = CallFolder(first.data, f"20261128T083015-{index:08x}").begin()
        call.hear(LEAK).state(stated(0, LEAK, until=5.0))
        if index % 2:
            call.note(
                entries.Number(0, await asyncio.to_thread(numbers.next, datetime(2026, 11, 28, tzinfo=UTC)))
            )
            await file_call(database, numbers, call.folder)
        call.journal.close()
    saboteur.mode = "third"
    roles = [(first, "gateway"), (first, "worker"), *([(second, "worker")] if postgresql else [])]
    kills = dict.fromkeys(roles, 0)
    dies_at = {role: dice.randint(1, 40) for role in roles}  # so far its work has come then
    async with running([first, second], roles), asyncio.timeout(1200):
        while True:
            await asyncio.sleep(0.05)  # between two looks: a database tells nobody
            states = await read_states(database)
            if states.get("pending", 0) == 0 and states.get("accepted", 0) == CALLS + CALLS // 2:
                break
            for role in roles:
                house, name = role
                done = sum(states.values()) - CALLS // 2 if name == "gateway" else states.get("accepted", 0)
                if done >= dies_at[role]:
                    await house.kill(name)
                    kills[role] += 1
                    dies_at[role] = done + dice.randint(20, 200)
                    await house.start(name)
    assert all(count >= 2 for count in kills.values()), kills
    assert await read_states(database) == {"accepted": CALLS + CALLS // 2}
    held = await read_held(intake)
    assert len(held) == CALLS
    assert len({revisions[0]["ticket"]["call"]["call_id"] for revisions in held.values()}) == CALLS
    for revisions in held.values():
        assert [one["revision"] for one in revisions] == list(range(1, len(revisions) + 1))
        moments = [one["accepted_at"] for one in revisions]
        assert moments == sorted(moments)
    assert sum(len(revisions) for revisions in held.values()) == CALLS + CALLS // 2
    async with database.read() as connection:
        ours = {row.idempotency_key: row.document for row in await connection.execute(sa.select(table))}
    theirs = {one["idempotency_key"]: one["ticket"] for revisions in held.values() for one in revisions}
    assert {key: json.loads(document) for key, document in ours.items()} == theirs
    assert not saboteur.overlaps or postgresql, "two posts of one ticket at once"


@pytest.mark.soak
@pytest.mark.timeout(900)
async def test_a_days_tickets_are_there_five_minutes_after_the_intake_is_back(
    database, secret, saboteur, intake, make_ticket, tmp_path
):
    now = datetime.now(UTC)
    async with database.write() as connection:
        for _ in range(DAY):
            ticket = make_ticket()
            await outbox.enqueue(connection, ticket.number, 1, json.dumps(ticket.to_json()), now)
    saboteur.mode = "error"
    client, stop = IntakeClient(saboteur.url, secret, 5.0), asyncio.Event()
    courier = Courier(database, client, tmp_path / SOCKET, per_second=PER_SECOND)
    task = asyncio.create_task(courier.run(stop))
    async with asyncio.timeout(120):
        while len(saboteur.seen) < 10:  # noqa: ASYNC110 - it counts what comes, ever more seldom, and tells nobody
            await asyncio.sleep(0.1)
    assert courier.is_cut_off
    before = len(saboteur.seen)
    saboteur.mode = "pass"
    back = time.monotonic()
    async with asyncio.timeout(600):
        while (await read_states(database)).get("pending", 0):  # noqa: ASYNC110 - a database tells nobody
            await asyncio.sleep(0.2)
    took = time.monotonic() - back
    stop.set()
    await task
    await client.close()
    print(f"{DAY} tickets in {took:.0f} s at {PER_SECOND} a second")
    assert took <= 300
    moments = [moment for moment, _ in saboteur.seen[before:]]
    for index, moment in enumerate(moments):  # its rate is kept to: in any ten seconds
        later = sum(1 for one in moments[index : index + 12 * PER_SECOND] if one < moment + 10)
        assert later <= 11 * PER_SECOND
    async with aiohttp.ClientSession() as http, http.get(f"{intake}/healthz") as response:
        assert (await response.json())["tickets"] == DAY
