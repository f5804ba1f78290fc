"""Surges found in the table, on both databases: one row each, which grows, is acknowledged, and leaves as an alert."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import aiohttp
import pytest
import sqlalchemy as sa
from mattermaking import enter, told

from console.policy import Role
from console.users import add_user
from recordings.matters import MatterRow, surges
from recordings.schema import outbox
from tickets.client import IntakeClient
from tickets.courier import Courier
from tickets.hotwords import find_hot_words
from tickets.intake.server import serve
from tickets.surges import detection, register
from tickets.surges.watch import SurgeWatch

if TYPE_CHECKING:
    from collections.abc import Sequence

    from recordings.database import Database

NOW = datetime(2026, 7, 1, 9, 0, tzinfo=UTC)  # a Wednesday, five in the afternoon
HOUR = timedelta(hours=1)
SECRET = "whsec_dGhlIHRlc3RzJyBvd24gc2VjcmV0LCAzMiBieXRlcyE="
HERE = ("颍州区", "清河街道")
THERE = ("颍东区", "向阳街道")


def usual() -> list[MatterRow]:
    """Three weeks in which each place has some of each topic, at all hours."""
    topics, places = ("停水", "噪音", "物业"), (HERE, THERE)
    return [
        told(n, NOW - timedelta(weeks=3) + n * 2.9 * HOUR, topics[n % 3], places[n // 3 % 2])
        for n in range(170)
    ]


def burst(first: int, ages_min: Sequence[float], topic: str = "停水", words: str = "") -> list[MatterRow]:
    return [
        told(first + n, NOW - timedelta(minutes=age), topic, HERE, words) for n, age in enumerate(ages_min)
    ]


async def read(database: Database) -> list[register.Surge]:
    async with database.read() as connection:
        return [register.Surge(*row) for row in await connection.execute(sa.select(surges))]


async def read_all(database: Database, query: sa.Select[Any]) -> list[Any]:
    async with database.read() as connection:
        return list(await connection.scalars(query))


async def alerts(database: Database) -> list[dict[str, Any]]:
    async with database.read() as connection:
        found = await connection.scalars(sa.select(outbox.c.document).where(outbox.c.kind == "alert"))
        return [json.loads(document) for document in found]


async def test_a_surge_is_one_row_and_one_alert_however_often_it_is_looked_at(database):
    await enter(database, usual())
    await enter(database, burst(1000, (100, 70, 40, 10), words="停水 水管"))
    watch = SurgeWatch(database)
    (new,) = await watch.look(NOW)
    assert (new.topic, new.county, new.township, new.count) == ("停水", *HERE, 4)
    assert (new.began_at, new.last_at) == (NOW - 100 / 60 * HOUR, NOW - 10 / 60 * HOUR)
    assert "件" in new.reason
    assert await watch.look(NOW + HOUR / 60) == []
    assert await SurgeWatch(database).look(NOW + HOUR / 60) == []
    (alert,) = await alerts(database)
    assert (alert["kind"], alert["topic"], alert["county"], alert["township"]) == ("surge", "停水", *HERE)
    assert (alert["count"], alert["words"]) == (4, ["停水", "水管"])
    assert alert["tickets"] == [f"{n:012}" for n in range(1000, 1004)]
    assert alert["expected"] < 1
    assert await read(database) == [new]


async def test_the_intake_gets_it_once(database, tmp_path):
    await enter(database, usual())
    await enter(database, burst(1000, (100, 70, 40, 10), words="停水 水管"))
    stop = asyncio.Event()
    async with (
        serve(tmp_path / "intake.db", SECRET, "127.0.0.1", 0) as intake,
        aiohttp.ClientSession() as http,
    ):
        client = IntakeClient(f"{intake}/v1/tickets", SECRET, 5.0)
        posting = asyncio.create_task(Courier(database, client, tmp_path / "courier.sock").run(stop))
        (new,) = await SurgeWatch(database).look(NOW)
        await enter(database, [told(2000, NOW + HOUR, "停水", HERE)])
        assert await SurgeWatch(database).look(NOW + HOUR) == []
        accepted = sa.select(outbox.c.idempotency_key).where(outbox.c.state == "accepted")
        async with asyncio.timeout(30):
            while True:
                if keys := await read_all(database, accepted):
                    break
                await asyncio.sleep(0.05)
        stop.set()
        await posting
        await client.close()
        async with http.get(f"{intake}/v1/alerts") as answer:
            (held,) = (await answer.json())["alerts"]
    assert keys == [f"surge-20260701T072000-{new.id}"]
    assert held["alert"] == (await alerts(database))[0]


async def test_the_alert_is_told_anew_when_there_are_half_as_many_more(database, tmp_path):
    await enter(database, usual())
    await enter(database, burst(1000, (100, 70, 40, 10), words="停水 水管"))
    watch = SurgeWatch(database)
    (new,) = await watch.look(NOW)
    await enter(database, [told(2000, NOW + HOUR, "停水", HERE)])
    assert await watch.look(NOW + HOUR) == []
    assert len(await alerts(database)) == 1
    await enter(database, [told(2001, NOW + 2 * HOUR, "停水", HERE)])
    for _ in range(2):  # another look, by another watch, has no more to tell
        assert await SurgeWatch(database).look(NOW + 2 * HOUR) == []
    await enter(database, [told(2002 + n, NOW + 3 * HOUR, "停水", HERE) for n in range(4)])
    assert await watch.look(NOW + 3 * HOUR) == []
    told_of = await alerts(database)
    assert [(each["revision"], each["count"], len(each["tickets"])) for each in told_of] == [
        (1, 4, 4),
        (2, 6, 6),
        (3, 10, 10),
    ]
    assert {(each["id"], each["since"]) for each in told_of} == {(told_of[0]["id"], told_of[0]["since"])}
    keys = sa.select(outbox.c.idempotency_key).where(outbox.c.kind == "alert").order_by(outbox.c.id)
    name = f"surge-20260701T072000-{new.id}"
    assert await read_all(database, keys) == [name, f"{name}-r2", f"{name}-r3"]

    stop = asyncio.Event()
    async with (
        serve(tmp_path / "intake.db", SECRET, "127.0.0.1", 0) as intake,
        aiohttp.ClientSession() as http,
    ):
        client = IntakeClient(f"{intake}/v1/tickets", SECRET, 5.0)
        posting = asyncio.create_task(Courier(database, client, tmp_path / "courier.sock").run(stop))
        async with asyncio.timeout(30):
            while True:
                if not await read_all(database, sa.select(outbox.c.id).where(outbox.c.state != "accepted")):
                    break
                await asyncio.sleep(0.05)
        stop.set()
        await posting
        await client.close()
        async with http.get(f"{intake}/v1/alerts") as answer:
            (held,) = (await answer.json())["alerts"]
    assert held["alert"] == told_of[-1]


async def test_it_grows_with_its_matters_until_it_has_been_quiet_for_twelve_hours(database):
    await enter(database, usual())
    await enter(database, burst(1000, (100, 70, 40, 10)))
    watch = SurgeWatch(database)
    await watch.look(NOW)
    await enter(database, [told(2000, NOW + 8 * HOUR, "停水", HERE)])
    assert await watch.look(NOW + 9 * HOUR) == []
    (grown,) = await read(database)
    assert (grown.count, grown.last_at) == (5, NOW + 8 * HOUR)
    async with database.read() as connection:
        (behind,) = (await register.read_members(connection, [grown])).values()
    assert [matter.number for matter in behind] == [*(f"{n:012}" for n in range(1000, 1004)), f"{2000:012}"]
    await enter(database, [told(2001, NOW + 21 * HOUR, "停水", HERE)])
    assert await watch.look(NOW + 21.1 * HOUR) == []
    assert await read(database) == [grown]
    assert len(await alerts(database)) == 1


async def test_other_topics_at_the_place_and_the_topic_elsewhere_are_none(database):
    await enter(database, usual())
    await enter(
        database, [told(1000 + n, NOW - n * HOUR / 6, topic, HERE) for n, topic in enumerate("甲乙丙丁戊")]
    )
    townships = ("鼓楼街道", "文峰街道", "清河街道", "颍西街道", "三塔集镇")
    elsewhere = [
        told(2000 + n, NOW - n * HOUR / 6, "停水", ("颍州区", name)) for n, name in enumerate(townships)
    ]
    await enter(database, elsewhere)
    assert await SurgeWatch(database).look(NOW) == []


async def test_nothing_is_unusual_before_there_are_days_to_learn_from(database):
    await enter(database, burst(1000, (4000, 100, 70, 40, 10)))
    assert await SurgeWatch(database).look(NOW) == []


async def test_matters_to_come_are_not_seen(database):
    await enter(database, usual())
    await enter(database, burst(1000, (40, 10, -10, -40)))
    assert await SurgeWatch(database).look(NOW) == []
    assert len(await SurgeWatch(database).look(NOW + HOUR)) == 1


async def test_two_workers_enter_it_once(database):
    await enter(database, usual())
    await enter(database, burst(1000, (100, 70, 40, 10)))
    async with database.read() as connection:
        seen = await detection.look(connection, NOW)

    async def update() -> list[register.Change]:
        async with database.write() as connection:
            return await register.update(connection, seen, NOW)

    changes = await asyncio.gather(*(update() for _ in range(4)))
    assert sorted(map(len, changes)) == [0, 0, 0, 1]
    assert len(await read(database)) == 1


async def test_who_acknowledges_first_stays(database):
    await enter(database, usual())
    await enter(database, burst(1000, (100, 70, 40, 10)))
    (new,) = await SurgeWatch(database).look(NOW)
    async with database.write() as connection:
        for name in ("张敏", "王芳"):
            await add_user(connection, name, "no password", [Role.AGENT], NOW)
    for name, minutes in (("张敏", 1), ("王芳", 2)):
        async with database.read() as connection:
            unseen = await register.read_unseen(connection, NOW)
        assert [surge.id for surge in unseen] == ([new.id] if name == "张敏" else [])
        async with database.write() as connection:
            found = await register.acknowledge(connection, new.id, name, NOW + timedelta(minutes=minutes))
        assert found
        assert (found.seen_by, found.seen_at) == ("张敏", NOW + HOUR / 60)
    async with database.write() as connection:
        assert await register.acknowledge(connection, 999, "张敏", NOW) is None


async def test_the_watch_looks_by_the_clock_and_ends_when_told(database, monkeypatch):
    moved = datetime.now(UTC) - NOW
    shifted = [
        told(int(row.number), row.at + moved, row.topic, (row.county, row.township))
        for row in [*usual(), *burst(1000, (100, 70, 40, 10))]
    ]
    await enter(database, shifted)
    looked, look = asyncio.Event(), SurgeWatch.look

    async def tell(self: SurgeWatch, now: datetime) -> list[register.Surge]:
        found = await look(self, now)
        looked.set()
        return found

    monkeypatch.setattr(SurgeWatch, "look", tell)
    stop = asyncio.Event()
    running = asyncio.create_task(SurgeWatch(database).run(stop))
    await asyncio.wait_for(looked.wait(), 60)
    stop.set()
    await asyncio.wait_for(running, 10)
    assert len(await read(database)) == 1


@pytest.mark.parametrize("hours", [3, 24])
async def test_hot_words_are_those_of_more_matters_than_usual(database, hours):
    before = [
        told(n, NOW - timedelta(days=1 + n // 4, minutes=20 * (n % 4)), "物业", HERE, "物业 小区")
        for n in range(56)
    ]
    now = burst(1000, (100, 70, 40, 10), "停水", "停水 小区") + burst(1010, (90, 20), "噪音", "噪音 小区")
    await enter(database, before + now)
    async with database.read() as connection:
        found = await find_hot_words(connection, NOW, hours, 10)
    assert [word.word for word in found] == ["停水"]
    assert (found[0].count, found[0].usual) == (4, 0.0)
    assert found[0].ratio > 50
