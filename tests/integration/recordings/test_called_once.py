"""A list and an agent that reach for one citizen at the same moment: one of them calls him."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa

from recordings import agentcalls, callouts
from recordings.agentcalls import AgentCall, Clash
from recordings.callouts import Pace, Wanted
from recordings.calloutwords import Kind
from recordings.schema import calls

if TYPE_CHECKING:
    from recordings.database import Database

NOW = datetime(2026, 11, 28, 2, 0, tzinfo=UTC)
ABOUT, CITIZEN = "20261127T020000-00000001", "13800000001"
PACE = Pace(60, timedelta(hours=1), timedelta(hours=1), timedelta(hours=2))
ROW = {
    "call_id": ABOUT, "sip_call_id": "x", "caller": CITIZEN, "called": "12345", "hotline": "12345", "flow": "",
    "node": 1, "started_at": NOW, "cause": "", "interrupted": False, "folder": "", "late": "none",
}  # fmt: skip


async def ask(db: Database) -> Clash | None:
    wanted = AgentCall("a", ABOUT, "", "12345", "张敏", "6001", CITIZEN)
    async with db.write() as connection:
        return await agentcalls.ask(connection, wanted, NOW)


async def someone_waits(db: Database) -> bool:
    """Whether a connection waits for what another one holds."""
    waits = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
    async with db.read() as connection:
        return bool(await connection.scalar(sa.text(waits)))


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)  # of SQLite one writes at a time
async def test_who_asks_while_a_list_takes_the_citizen_is_told_so(database: Database) -> None:
    async with database.write() as connection:
        await connection.execute(sa.insert(calls).values(ROW))
        await callouts.add(connection, "一", [Wanted(Kind.CARE, CITIZEN)], 1, "operator", NOW)
        await callouts.turn(connection, on=True, by="operator", now=NOW)
    async with database.write() as connection:
        assert await callouts.claim(connection, 1, "x", PACE, NOW) is not None
        asking = asyncio.create_task(ask(database))
        async with asyncio.timeout(30):
            while not asking.done() and not await someone_waits(database):  # noqa: ASYNC110 - it tells nobody
                await asyncio.sleep(0.01)
    assert await asking is Clash.CITIZEN
