"""Each ticket's row among the matters, on both databases: with its ticket, its revisions, and of tickets before."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa
from callfolder import CallFolder, heard, silence, stated

from ivr.matter import Matter
from recordings import matters as rows
from recordings import users  # noqa: F401 - others refer to its table
from recordings.matters import MatterRow, matters
from recordings.schema import calls, tickets
from tickets import matters as counting
from tickets.decisions import decide
from tickets.filing import file_call
from tickets.matters import hour_of_week
from tickets.number import NumberBook
from tickets.review import Fields, Sheet

if TYPE_CHECKING:
    from pathlib import Path

    from recordings.database import Database

NOW = datetime(2026, 7, 1, 9, 0, tzinfo=UTC)
DRY = heard("颍州区清河街道停水两天了上次反映过没人管", 1.0, 3.0)


@pytest.fixture
def numbers(tmp_path: Path) -> NumberBook:
    return NumberBook(tmp_path / "numbers", 1)


async def read(database: Database) -> list[MatterRow]:
    async with database.read() as connection:
        return [MatterRow(*row) for row in await connection.execute(sa.select(matters))]


def dry(data: Path) -> CallFolder:
    call = CallFolder(data).begin().hear(DRY).state(stated(0, DRY, until=3.5, complete=True))
    return call.record(silence(4)).hang_up(seconds=4.0)


async def test_a_ticket_and_its_matter_are_stored_together(database, numbers, tmp_path, monkeypatch):
    call = dry(tmp_path)

    async def fail(*_: Any) -> None:
        raise sa.exc.OperationalError("", {}, Exception())

    with monkeypatch.context() as broken:
        broken.setattr(rows, "store", fail)
        with pytest.raises(sa.exc.OperationalError):
            await file_call(database, numbers, call.folder)
    async with database.read() as connection:
        assert await connection.scalar(sa.select(sa.func.count()).select_from(tickets)) == 0
    (number,) = (await file_call(database, numbers, call.folder)).numbers
    (row,) = await read(database)
    assert (row.number, row.call_id, row.caller) == (number, call.call_id, "13855812345")
    assert (row.topic, row.county, row.township, row.code) == ("停水", "颍州区", "清河街道", "341202")
    assert (row.words, row.urged, row.hour) == ("停水", "上次反映过", hour_of_week(row.at))


async def test_an_agents_decision_brings_it_up_to_date(database, numbers, tmp_path):
    (number,) = (await file_call(database, numbers, dry(tmp_path).folder)).numbers
    fields = {
        "type": "求助",
        "title": "路灯不亮",
        "content": "鼓楼街道的路灯不亮",
        "category_1": "城乡建设",
        "category_2": "",
        "category_3": "",
        "urgency": "紧急",
        "county": "颍州区",
        "township": "鼓楼街道",
        "village": "",
        "address": "",
        "contact": "13900001111",
        "confidential": False,
    }
    (before,) = await read(database)
    async with database.write() as connection:
        sheet = Sheet(fields=Fields.model_validate(fields))
        await decide(connection, before.call_id, number, 1, "张敏", "accepted", sheet, NOW)
    (row,) = await read(database)
    assert (row.topic, row.township, row.urgency, row.caller) == ("路灯", "鼓楼街道", "紧急", "13900001111")
    assert (row.words, row.urged, row.at) == ("路灯", "", before.at)


async def test_an_anonymous_lines_matter_tells_nothing_of_its_caller(database, numbers, tmp_path):
    line = {"hotline": "12356", "name": "心理援助", "department": "卫健委", "mode": "转接", "anonymous": True}
    call = CallFolder(tmp_path).begin(caller="", **line)
    agreed = {"call_back": "来电人同意回电", "contact": "13855812345", "contact_confirmed": True}
    call.state(Matter(0, complete=True, **agreed)).hang_up(seconds=8.0)
    await file_call(database, numbers, call.folder)
    (row,) = await read(database)
    assert (row.hotline, row.urgency) == ("12356", "特急")
    assert {row.caller, row.topic, row.county, row.township, row.code, row.words, row.urged} == {""}


async def test_tickets_of_before_are_taken_up_once(database, numbers, tmp_path):
    await file_call(database, numbers, dry(tmp_path).folder)
    (wanted,) = await read(database)
    async with database.write() as connection:
        await connection.execute(sa.delete(matters))
    assert await counting.backfill(database) == 1
    assert await read(database) == [wanted]
    assert await counting.backfill(database) == 0
    assert await read(database) == [wanted]


async def test_it_goes_with_its_call(database, numbers, tmp_path):
    await file_call(database, numbers, dry(tmp_path).folder)
    async with database.write() as connection:
        for table in reversed(calls.metadata.sorted_tables):
            if "call_id" in table.c and table.name not in {"calls", "matters"}:
                await connection.execute(sa.delete(table))
        await connection.execute(sa.delete(calls))
    assert await read(database) == []
