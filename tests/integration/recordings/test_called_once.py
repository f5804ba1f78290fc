"""A list and an agent that reach for one citizen at the same moment: one of them calls him."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa

from gateway.calls.pagecalls import PageCalls
from recordings import agentcalls, callouts
from recordings.agentcalls import AgentCall, Clash
from recordings.callouts import Pace, Wanted
from recordings.calloutwords import Kind
from recordings.instant import read_clock
from recordings.schema import calls

if TYPE_CHECKING:
    from gateway.calls.pagecall import PageCall
    from recordings.callouts import Callout
    from recordings.database import Database

NOW = datetime(2026, 11, 28, 2, 0, tzinfo=UTC)
ABOUT, CITIZEN = "20261127T020000-00000001", "13800000001"
PACE = Pace(60, timedelta(hours=1), timedelta(hours=1), timedelta(hours=2))
ROW = {
    "call_id": ABOUT, "sip_call_id": "x", "caller": CITIZEN, "called": "12345", "hotline": "12345", "flow": "",
    "node": 1, "started_at": NOW, "cause": "", "interrupted": False, "folder": "", "late": "none",
}  # fmt: skip


def wanted(agent: str) -> AgentCall:
    return AgentCall(agent, ABOUT, "", "12345", agent, "6001", CITIZEN)


async def ask(db: Database, agent: str = "张敏") -> Clash | None:
    async with db.write() as connection:
        return await agentcalls.ask(connection, wanted(agent), NOW)


async def claim(db: Database) -> Callout | None:
    async with db.write() as connection:
        return await callouts.claim(connection, 1, "x", PACE, NOW)


async def fill(db: Database) -> None:
    """A list wants the citizen called, by whoever asks first."""
    async with db.write() as connection:
        await connection.execute(sa.insert(calls).values(ROW))
        await callouts.add(connection, "一", [Wanted(Kind.CARE, CITIZEN)], 1, "operator", NOW)
        await callouts.turn(connection, on=True, by="operator", now=NOW)


async def meets(db: Database, task: asyncio.Task[Any], others: int = 0) -> None:
    """Until it waits for what another connection holds, as so many others do, or is through."""
    waits = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
    async with asyncio.timeout(30):
        while not task.done():
            async with db.read() as connection:
                if (await connection.scalar(sa.text(waits)) or 0) > others:
                    return
            await asyncio.sleep(0.01)


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)  # of SQLite one writes at a time
async def test_who_asks_while_a_list_takes_the_citizen_is_told_so(database: Database) -> None:
    await fill(database)
    async with database.write() as connection:
        assert await callouts.claim(connection, 1, "x", PACE, NOW) is not None
        asking = asyncio.create_task(ask(database))
        await meets(database, asking)
    assert await asking is Clash.CITIZEN


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
async def test_a_list_and_another_agent_that_come_while_an_agent_asks_leave_the_citizen_to_him(
    database: Database,
) -> None:
    await fill(database)
    async with database.write() as connection:
        assert await agentcalls.ask(connection, wanted("张敏"), NOW) is None
        claiming = asyncio.create_task(claim(database))
        await meets(database, claiming)
        asking = asyncio.create_task(ask(database, "王芳"))
        await meets(database, asking, others=1)
    assert (await claiming, await asking) == (None, Clash.CITIZEN)


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)  # of SQLite all are on one machine
@pytest.mark.parametrize("ahead", [-60, 60])
async def test_a_gateway_whose_clock_is_another_makes_what_the_page_asks_for(
    database: Database, ahead: int
) -> None:
    made: list[str] = []

    def make(one: AgentCall, _reach: object) -> PageCall:
        made.append(one.call_id)
        raise ValueError("nobody is called here")

    async def moves() -> bool:
        return True

    async with database.write() as connection:
        await connection.execute(sa.insert(calls).values(ROW))
        assert await agentcalls.ask(connection, wanted("张敏"), await read_clock(connection)) is None
    own = partial(_read_wrong_clock, timedelta(seconds=ahead))
    gateway = PageCalls(database, 1, make, lambda _calls: True, moves, own)
    await gateway.look()
    async with asyncio.timeout(30):
        while gateway.calls:  # noqa: ASYNC110 - it tells nobody
            await asyncio.sleep(0.01)
    assert made == ["张敏"]


def _read_wrong_clock(ahead: timedelta) -> datetime:
    return datetime.now(UTC) + ahead
