from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from callfolder import CallFolder, heard, silence, stated

from recordings.database import open_database
from tickets import metrics, outbox
from tickets.calls import CallFilter, list_calls
from tickets.filing import file_call
from tickets.number import NumberBook

if TYPE_CHECKING:
    from pathlib import Path

    from recordings.database import Database

LEAK = heard("颍上县慎城镇房子漏雨", 1.0, 3.0)
WATER = heard("我家停水三天了没人管", 4.0, 6.0)
OLD, CUT, QUIET, BOTH = (
    "20260701T083015-00000001",
    "20260702T083015-00000002",
    "20260703T083015-00000003",
    "20260704T083015-00000004",
)


@pytest.fixture
async def filed(database: Database, tmp_path: Path) -> dict[str, tuple[str, ...]]:
    """Four calls, a day apart: their ticket numbers by call id."""
    numbers = NumberBook(tmp_path / "numbers", 1)
    folders = [
        CallFolder(tmp_path, OLD).begin().hear(LEAK).state(stated(0, LEAK, until=3.5)).hang_up(),
        CallFolder(tmp_path, CUT).begin().hear(LEAK).state(stated(0, LEAK, until=3.5)).die(),
        CallFolder(tmp_path, QUIET).begin().record(silence(2)).hang_up(seconds=2.0),
        CallFolder(tmp_path, BOTH)
        .begin()
        .hear(LEAK, WATER)
        .state(stated(0, LEAK, until=3.5))
        .state(stated(1, WATER, until=6.5))
        .hang_up(),
    ]
    return {call.call_id: (await file_call(database, numbers, call.folder)).numbers for call in folders}


async def ids(database: Database, wanted: CallFilter, limit: int = 50) -> list[str]:
    async with database.read() as connection:
        return [line.call.call_id for line in await list_calls(connection, wanted, limit)]


async def test_the_calls_newest_first_with_their_tickets(database, filed):
    async with database.write() as connection:
        for parcel in await outbox.claim(connection, datetime.now(UTC), 30, 100):
            if parcel.call_id == OLD:
                await outbox.bury(connection, parcel.id, "HTTP 422", datetime.now(UTC))
    async with database.read() as connection:
        lines = await list_calls(connection, CallFilter(), 50)
    assert {line.call.call_id: tuple(t.number for t in line.tickets) for line in lines} == filed
    started = [line.call.started_at for line in lines]
    assert started == sorted(started, reverse=True)
    states = {line.call.call_id: {t.delivery for t in line.tickets} for line in lines}
    assert states == {OLD: {"dead"}, CUT: {"pending"}, QUIET: set(), BOTH: {"pending"}}


async def test_each_filter_leaves_out_the_others(database, filed):
    assert await ids(database, CallFilter(without_ticket=True)) == [QUIET]
    assert await ids(database, CallFilter(interrupted=True)) == [CUT]
    assert set(await ids(database, CallFilter(hotline="12345"))) == set(filed)
    assert await ids(database, CallFilter(hotline="12333")) == []
    assert await ids(database, CallFilter(since=datetime.now(UTC) + timedelta(hours=1))) == []
    assert len(await ids(database, CallFilter(since=datetime.now(UTC) - timedelta(hours=1)))) == len(filed)
    assert await ids(database, CallFilter(), limit=2) == (await ids(database, CallFilter()))[:2]


async def test_a_call_that_lasts_is_not_without_a_ticket(database, tmp_path):
    call = CallFolder(tmp_path, OLD).begin()
    await file_call(database, NumberBook(tmp_path / "numbers", 1), call.folder)
    assert await ids(database, CallFilter()) == [OLD]
    assert await ids(database, CallFilter(without_ticket=True)) == []


async def test_each_parcel_names_its_own_call(database, filed):
    async with database.write() as connection:
        parcels = await outbox.claim(connection, datetime.now(UTC), 30, 100)
    of_call = {number: call_id for call_id, numbers in filed.items() for number in numbers}
    assert {parcel.number: parcel.call_id for parcel in parcels} == of_call
    assert all(datetime.now(UTC) - parcel.created_at < timedelta(minutes=5) for parcel in parcels)


def value(name: str) -> float:
    found = metrics.REGISTRY.get_sample_value(name)
    assert found is not None
    return found


@pytest.mark.usefixtures("filed")
async def test_the_outbox_is_measured(database, monkeypatch):
    monkeypatch.setattr(metrics, "_PATIENCE_S", 30.0)
    now = datetime.now(UTC)
    async with database.write() as connection:
        parcels = await outbox.claim(connection, now, 30, 100)
        await outbox.bury(connection, parcels[0].id, "HTTP 422", now)
        await outbox.accept(connection, parcels[1].id, {"number": "1"}, now)
    await metrics.measure_outbox(database, now + timedelta(minutes=10))
    assert value("hotline_database_up") == 1
    assert value("hotline_outbox_dead") == 1
    assert value("hotline_outbox_pending") == len(parcels) - 2 == 2
    assert 590 < value("hotline_outbox_oldest_pending_seconds") < 900
    assert value("hotline_calls_awaiting_transcription") == 0
    async with database.write() as connection:
        for parcel in parcels[2:]:
            await outbox.accept(connection, parcel.id, {"number": "1"}, now)
    await metrics.measure_outbox(database, now)
    assert value("hotline_outbox_pending") == value("hotline_outbox_oldest_pending_seconds") == 0


async def test_a_database_that_is_away_has_no_numbers(tmp_path):
    away = open_database(f"postgresql://nobody@/nothing?host={tmp_path}")
    await metrics.measure_outbox(away, datetime.now(UTC))
    assert value("hotline_database_up") == 0
    assert value("hotline_outbox_pending") != value("hotline_outbox_pending")  # NaN
    await away.close()
