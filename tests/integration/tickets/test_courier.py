from __future__ import annotations

import asyncio
import inspect
import json
import os
import signal
import socket
import sys
from collections import Counter
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path

import aiohttp
import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st

from recordings.schema import outbox as table
from tickets import courier as module
from tickets import outbox
from tickets.alerting import enqueue_alerts
from tickets.bell import SOCKET, wake
from tickets.client import IntakeClient
from tickets.courier import Courier, compute_backoff

ROOT = Path(module.__file__).parents[1]


@pytest.fixture
def put(database, tmp_path):
    async def put(*tickets, call=wake):
        now = datetime.now(UTC)
        async with database.write() as connection:
            for ticket in tickets:
                document = json.dumps(ticket.to_json(), ensure_ascii=False)
                await outbox.enqueue(connection, ticket.number, ticket.revision, document, now)
        call(tmp_path)

    return put


@pytest.fixture
def rows(database):
    async def rows(**wanted):
        query = sa.select(table).order_by(table.c.id)
        for name, value in wanted.items():
            query = query.where(table.c[name] == value)
        async with database.read() as connection:
            return (await connection.execute(query)).all()

    return rows


@pytest.fixture
def settled(rows):
    async def settled():
        return not await rows(state="pending")

    return settled


@pytest.fixture
def tried(rows):
    async def tried():
        return all(row.attempts for row in await rows() if row.revision == 1)

    return tried


@pytest.fixture
def working(database, tmp_path, secret):
    """A courier at work, as in the worker process; stopped in good order at the end."""

    @asynccontextmanager
    async def working(url, timeout_s=0.5, *, alerts=True):
        client = IntakeClient(url, secret, timeout_s)
        stop = asyncio.Event()
        withheld = () if alerts else ("alert",)
        courier = Courier(database, client, tmp_path / SOCKET, withheld=withheld)
        task = asyncio.create_task(courier.run(stop))
        try:
            yield task
        finally:
            stop.set()
            await task
            await client.close()

    return working


async def until(condition, seconds=60.0):
    """Wait for ``condition``, generously: only what never comes fails."""
    async with asyncio.timeout(seconds):
        while True:
            found = condition()
            if await found if inspect.isawaitable(found) else found:
                return
            await asyncio.sleep(0.02)


async def read_held(intake):
    async with aiohttp.ClientSession() as http, http.get(f"{intake}/v1/tickets?limit=1000") as response:
        return (await response.json())["tickets"]


async def require_each_once(intake, rows, tickets):
    """Each revision is at the intake exactly once, in order, and our rows hold the receipts."""
    held = await read_held(intake)
    found = {(h["number"], r["revision"]): r["ticket"] for h in held for r in h["revisions"]}
    assert sum(len(h["revisions"]) for h in held) == len(tickets)
    assert found == {(t.number, t.revision): t.to_json() for t in tickets}
    for h in held:
        moments = [revision["accepted_at"] for revision in h["revisions"]]
        assert moments == sorted(moments)
    receipts = {row.number: row.receipt["number"] for row in await rows(state="accepted")}
    assert receipts == {h["number"]: h["intake_number"] for h in held}


def make_story(make_ticket, count):
    """``count`` tickets, every second one with a second revision."""
    tickets = []
    for index in range(count):
        tickets.append(make_ticket())
        if index % 2 == 0:
            tickets.append(make_ticket(tickets[-1].number, 2, title="补充"))
    return tickets


async def test_an_alert_reaches_the_intake_once_whatever_happens(
    working, saboteur, intake, database, tmp_path, settled, rows, make_alert
):
    alerts = [make_alert(number) for number in range(3)]
    async with database.write() as connection:
        await enqueue_alerts(connection, alerts, datetime.now(UTC))
    saboteur.mode = "lose answer"
    async with working(saboteur.url):
        await until(lambda: len(saboteur.seen) > len(alerts))
        saboteur.mode = "pass"
        wake(tmp_path)
        await until(settled)
    async with aiohttp.ClientSession() as http, http.get(f"{intake}/v1/alerts") as response:
        held = (await response.json())["alerts"]
    assert {one["alert"]["id"] for one in held} == {alert.id for alert in alerts}
    assert len(held) == len(alerts)
    assert {row.receipt["number"] for row in await rows()} == {one["intake_number"] for one in held}


async def test_where_alerts_are_off_none_is_posted_and_none_is_left_waiting(
    working, saboteur, database, tmp_path, settled, rows, put, make_alert, make_ticket
):
    async with working(saboteur.url, alerts=False):
        async with database.write() as connection:
            await enqueue_alerts(connection, [make_alert(1)], datetime.now(UTC))
        await put(make_ticket())
        wake(tmp_path)
        await until(settled)
    assert {row.kind for row in await rows(state="accepted")} == {"alert", "ticket"}
    (alert,) = [row for row in await rows() if row.kind == "alert"]
    assert (alert.receipt, alert.last_error) == (None, "not posted: intake.alerts is off")
    assert len(saboteur.seen) == 1


@pytest.mark.parametrize(
    "mode",
    [
        "refuse",
        "error",
        "hang",
        "cut",
        "half",
        "garbage",
        "empty receipt",
        "redirect",
        "endless",
        "lose answer",
        "slow",
        "busy",
    ],
)
async def test_whatever_the_intake_does_each_is_accepted_once(
    mode, put, rows, working, saboteur, intake, make_ticket, settled, tried
):
    tickets = make_story(make_ticket, 6)
    url = saboteur.url
    if mode == "refuse":
        await saboteur.refuse()
    saboteur.mode = mode
    async with working(url):
        await put(*tickets)
        await until(tried)
        if mode not in {"slow", "refuse"}:
            await until(lambda: len(saboteur.seen) >= 6)
        if mode == "refuse":
            await saboteur.listen()
        saboteur.mode = "pass"
        await until(settled)
    await require_each_once(intake, rows, tickets)
    assert not saboteur.overlaps


async def test_a_refusal_is_a_dead_letter_and_no_loop(put, rows, working, saboteur, make_ticket):
    bad, good = make_ticket(), make_ticket()
    spoilt = bad.model_copy(update={"hotline": "not digits"})
    mended = make_ticket(bad.number, 2)
    async with working(saboteur.url):
        await put(spoilt, good, mended)
        await until(lambda: rows(state="accepted", revision=2))
        await until(lambda: rows(state="accepted", number=good.number))
        await asyncio.sleep(1.5)  # longer than the poll
    (dead,) = await rows(state="dead")
    assert (dead.number, dead.revision, dead.attempts) == (bad.number, 1, 1)
    assert dead.last_error.startswith("HTTP 422: not a ticket of schema version 1")
    assert "/hotline" in dead.last_error
    assert Counter(key for _, key in saboteur.seen) == {
        f"{bad.number}-r1": 1,
        f"{good.number}-r1": 1,
        f"{bad.number}-r2": 1,
    }


async def test_who_is_shut_out_waits_and_loses_nothing(
    put, rows, database, secret, tmp_path, saboteur, make_ticket, settled, intake
):
    tickets = make_story(make_ticket, 4)
    client = IntakeClient(saboteur.url, secret, 5.0)
    courier, stop = Courier(database, client, tmp_path / SOCKET), asyncio.Event()
    saboteur.mode = "barred"
    task = asyncio.create_task(courier.run(stop))
    await put(*tickets)
    await until(lambda: courier.is_barred and courier.is_cut_off)
    assert {row.state for row in await rows()} == {"pending"}
    await until(lambda: rows(last_error="HTTP 403: not from here"))
    saboteur.mode = "pass"
    await until(settled)
    assert not courier.is_barred
    stop.set()
    await task
    await client.close()
    await require_each_once(intake, rows, tickets)


async def test_an_intake_out_of_reach_is_tried_by_one_at_a_time(
    put, working, saboteur, make_ticket, settled, intake, rows
):
    tickets = [make_ticket() for _ in range(40)]
    saboteur.mode = "error"
    async with working(saboteur.url):
        await put(*tickets)
        await until(lambda: len(saboteur.seen) >= 19)
        # After the sixteen that were under way, one by one.
        moments = [moment for moment, _ in saboteur.seen[16:]]
        assert all(later - earlier >= 0.2 for earlier, later in pairwise(moments))
        saboteur.mode = "pass"
        await until(settled)
    await require_each_once(intake, rows, tickets)


@pytest.mark.parametrize("mode", ["error", "barred"])
async def test_alerts_do_not_wait_for_an_intake_that_takes_no_tickets(
    mode, put, rows, database, secret, tmp_path, saboteur, intake, make_ticket, make_alert
):
    client = IntakeClient(saboteur.url, secret, 5.0, f"{intake}/v1/alerts")
    courier, stop = Courier(database, client, tmp_path / SOCKET), asyncio.Event()
    saboteur.mode = mode
    task = asyncio.create_task(courier.run(stop))
    await put(*(make_ticket() for _ in range(20)))
    await until(lambda: courier.is_cut_off)
    async with database.write() as connection:
        await enqueue_alerts(connection, [make_alert(1)], datetime.now(UTC))
    wake(tmp_path)
    await until(lambda: rows(kind="alert", state="accepted"))
    assert courier.is_cut_off
    assert courier.is_barred == (mode == "barred"), "whatever is heard of alerts"
    stop.set()
    await task
    await client.close()


@pytest.mark.parametrize(
    ("mode", "state"), [("half a character", "dead"), ("nested", "dead"), ("far future", "accepted")]
)
async def test_no_answer_ends_the_courier(mode, state, put, rows, working, saboteur, make_ticket):
    odd, good = make_ticket(), make_ticket()

    async def answered():
        (row,) = await rows(number=odd.number)
        return row.last_error

    saboteur.mode = mode
    async with working(saboteur.url) as task:
        await put(odd)
        await until(answered)
        saboteur.mode = "pass"
        await put(good)
        await until(lambda: rows(number=good.number, state="accepted"))
        await until(lambda: rows(number=odd.number, state=state))
        assert not task.done()


async def test_a_ticket_that_cannot_be_posted_holds_up_no_other(
    put, rows, saboteur, make_ticket, database, secret, tmp_path
):
    odd, good = make_ticket(), make_ticket()

    class Stumbling(IntakeClient):
        async def post(self, document, key, kind="ticket", *, again=False):
            if odd.number in key:
                raise ZeroDivisionError(document)
            return await super().post(document, key, kind, again=again)

    stop = asyncio.Event()
    client = Stumbling(saboteur.url, secret, 5.0)
    task = asyncio.create_task(Courier(database, client, tmp_path / SOCKET).run(stop))
    await put(odd, good)
    await until(lambda: rows(number=good.number, state="accepted"))
    await until(lambda: rows(number=odd.number, last_error="posting failed: ZeroDivisionError"))
    stop.set()
    await task
    await client.close()


async def test_retry_after_is_kept_to_even_when_others_get_through(put, working, saboteur, make_ticket):
    saboteur.mode = "busy"
    async with working(saboteur.url):
        await put(*(make_ticket() for _ in range(5)))  # enough failures to count as an outage
        await until(lambda: len(saboteur.seen) == 5)
        saboteur.mode = "pass"
        await put(*(make_ticket() for _ in range(3)))
        await until(lambda: len(saboteur.seen) == 13)
    first = {key: moment for moment, key in saboteur.seen[:5]}
    again = {key: moment for moment, key in saboteur.seen[5:] if key in first}
    assert len(again) == 5
    assert min(again[key] - first[key] for key in first) >= 1.0


async def test_the_intake_coming_back_wakes_all_who_wait(
    put, rows, working, saboteur, intake, make_ticket, database, settled
):
    tickets = [make_ticket() for _ in range(60)]
    await put(*tickets)
    # As in a long outage: most have minutes to wait yet, a few are due.
    waiting = [ticket.number for ticket in tickets[10:]]
    far = datetime.now(UTC) + timedelta(minutes=5)
    async with database.write() as connection:
        await connection.execute(sa.update(table).where(table.c.number.in_(waiting)).values(next_at=far))
    saboteur.mode = "error"
    async with working(saboteur.url):
        await until(lambda: len(saboteur.seen) >= 10)
        saboteur.mode = "pass"
        await until(settled, 45)
    await require_each_once(intake, rows, tickets)


async def test_sixteen_at_once_and_never_two_of_one_ticket(
    put, rows, working, saboteur, intake, make_ticket, settled
):
    tickets = make_story(make_ticket, 40)
    saboteur.mode = "slow"
    async with working(saboteur.url, timeout_s=10):
        await put(*tickets)
        await until(settled)
    assert saboteur.most_under_way == 16
    assert not saboteur.overlaps
    await require_each_once(intake, rows, tickets)


async def test_a_wake_is_enough_without_the_poll(put, rows, working, saboteur, make_ticket, monkeypatch):
    monkeypatch.setattr(module, "_POLL_S", 3600)
    async with working(saboteur.url, timeout_s=10):
        for _ in range(3):
            await put(make_ticket())
            count = len(await rows())
            await until(lambda count=count: len(saboteur.seen) == count, 20)


async def test_the_poll_finds_what_nobody_announced(put, rows, working, saboteur, make_ticket):
    async with working(saboteur.url, timeout_s=10):
        await put(make_ticket(), call=lambda _: None)
        await until(lambda: rows(state="accepted"), 20)


async def test_stopping_finishes_the_post_under_way(put, rows, working, saboteur, make_ticket):
    saboteur.mode = "slow"
    async with working(saboteur.url, timeout_s=10):
        await put(make_ticket(), make_ticket())
        await until(lambda: len(saboteur.seen) == 2)
    assert len(await rows(state="accepted")) == 2


async def test_a_database_away_is_waited_for_and_nothing_is_posted_twice(
    put, rows, working, saboteur, intake, make_ticket, database, settled
):
    tickets = [make_ticket(), make_ticket()]

    async def rename(old, new):
        async with database.write() as connection:
            await connection.execute(sa.text(f"ALTER TABLE {old} RENAME TO {new}"))

    saboteur.mode = "slow"
    async with working(saboteur.url, timeout_s=10):
        await put(*tickets)
        await until(lambda: len(saboteur.seen) == 2)
        await rename("outbox", "elsewhere")
        await asyncio.sleep(1.5)
        await rename("elsewhere", "outbox")

        await until(settled)
    assert len(saboteur.seen) == 2
    await require_each_once(intake, rows, tickets)


WORKER = """
import asyncio, sys
from pathlib import Path
from recordings.database import open_database
from tickets.client import IntakeClient
from tickets.bell import SOCKET
from tickets.courier import Courier

async def main(database, url, secret, run):
    client = IntakeClient(url, secret, 20.0)
    await Courier(open_database(database), client, Path(run) / SOCKET).run(asyncio.Event())

asyncio.run(main(*sys.argv[1:]))
"""


async def test_kill_9_between_the_intakes_commit_and_ours(
    put, rows, saboteur, intake, make_ticket, database_url, secret, tmp_path, settled
):
    tickets = make_story(make_ticket, 4)

    async def start():
        return await asyncio.create_subprocess_exec(
            sys.executable, "-c", WORKER, database_url, saboteur.url, secret, str(tmp_path), cwd=ROOT
        )

    saboteur.mode = "hold answer"
    first = await start()
    await put(*tickets)
    await until(lambda: len(saboteur.seen) == 4)
    await until(lambda: read_four(intake))
    os.kill(first.pid, signal.SIGKILL)
    await first.wait()
    assert len(await rows(state="pending")) == len(tickets)
    saboteur.mode = "pass"
    second = await start()
    try:
        await until(settled, 20)  # well below the lease of the dead one, which is 50 s
    finally:
        second.kill()
        await second.wait()
    await require_each_once(intake, rows, tickets)
    posts = Counter(key for _, key in saboteur.seen)
    assert {posts[f"{ticket.number}-r1"] for ticket in tickets} == {2}


async def read_four(intake):
    return len(await read_held(intake)) == 4


def test_waking_nobody_is_harmless(tmp_path):
    wake(tmp_path)
    wake(tmp_path / ("x" * 200))
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as deaf:
        deaf.bind(str(tmp_path / SOCKET))
        for _ in range(2000):  # more than its queue holds
            wake(tmp_path)
    wake(tmp_path)  # a socket file that nobody listens on any more


@given(st.integers(1, 10**6), st.floats(0, 1))
def test_backoff_doubles_from_half_a_second_to_a_minute(attempt, dice):
    assert 0 <= compute_backoff(attempt, dice) <= 60
    assert compute_backoff(attempt, 1) == min(0.5 * 2 ** min(attempt - 1, 20), 60)
