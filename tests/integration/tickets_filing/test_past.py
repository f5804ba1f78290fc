"""Who has called before: a call that was cut off and the next make one ticket; on both databases."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa
from callfolder import CallFolder, heard, stated

from gateway.calls.beside import Beside
from gateway.calls.inquiring import Inquiring
from ivr.actions import Inquire
from recordings import entries
from recordings.progress import query_codes
from recordings.schema import outbox, tickets, worklist
from tickets.decisions import ReviewRefused, decide, take_back
from tickets.filing import file_call
from tickets.inquiry import Inquiries
from tickets.number import NumberBook, take_next
from tickets.past import CUT_OFF_FOR, REPEATS_FOR, tell_past
from tickets.review import Fields, Sheet, read_fields

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from pathlib import Path

    from ivr.events import Informed
    from recordings.database import Database

CALLER = "13855812345"
LEAK = heard("颍上县慎城镇房子漏雨", 1.0, 4.0)
WALL = heard("墙也裂了", 1.0, 2.0)
FIRST, SECOND, THIRD = (f"20260701T0{hour}0000-0a1b2c3d" for hour in (1, 2, 3))


async def ask(database: Database, caller: str = CALLER, later: Any = None) -> Informed:
    async with database.read() as connection:
        return await tell_past(
            connection, 1, caller, datetime.now(UTC) + later if later else datetime.now(UTC)
        )


async def read(database: Database, query: Any) -> list[Any]:
    async with database.read() as connection:
        return [tuple(row) for row in await connection.execute(query)]


async def change(database: Database, number: str, part: str, **changes: Any) -> None:
    """As if the last revision had been filed so."""
    async with database.write() as connection:
        where = tickets.c.number == number
        text = await connection.scalar(sa.select(tickets.c.document).where(where))
        document = json.loads(text)
        document[part] |= changes
        await connection.execute(sa.update(tickets).where(where).values(document=json.dumps(document)))


@pytest.fixture
def numbers(tmp_path: Path) -> NumberBook:
    return NumberBook(tmp_path / "numbers", 1)


@pytest.fixture
async def cut(database: Database, numbers: NumberBook, tmp_path: Path) -> tuple[CallFolder, str]:
    call = (
        CallFolder(tmp_path / "one", FIRST).begin(caller=CALLER).hear(LEAK).state(stated(0, LEAK, until=4.5))
    )
    (number,) = (await file_call(database, numbers, call.hang_up(by="lost").folder)).numbers
    return call, number


async def test_a_call_that_was_cut_off_is_gone_on_with_through_another_gateway(
    database, numbers, cut, tmp_path
):
    call, number = cut
    assert await ask(database) == replace(await ask(database), outcome="found", ticket=number, cut=True)
    matter = stated(0, WALL, until=2.5, complete=True, confirmed=True, joins=number)
    again = CallFolder(tmp_path / "two", SECOND).begin(caller=CALLER).hear(WALL).state(matter).hang_up()
    other = NumberBook(tmp_path / "other", 2)
    filed = await file_call(database, other, again.folder)
    assert (filed.numbers, filed.changed) == ((number,), True)
    rows = await read(database, sa.select(tickets).order_by(tickets.c.revision))
    assert [(row[0], row[1], row[2]) for row in rows] == [(number, 1, FIRST), (number, 2, SECOND)]
    last = json.loads(rows[1][4])
    assert (last["appeal"]["content"], last["place"]["township"]) == (
        "颍上县慎城镇房子漏雨墙也裂了",
        "慎城镇",
    )
    assert last["notes"][0].startswith("接续此前中断的通话")
    assert "来电人未办完即挂机" not in last["notes"]
    assert [
        row[0] for row in await read(database, sa.select(outbox.c.idempotency_key).order_by(outbox.c.id))
    ] == [
        f"{number}-r1",
        f"{number}-r2",
    ]
    assert len(await read(database, sa.select(query_codes))) == 1
    listed = sa.select(worklist.c.call_id, worklist.c.state, worklist.c.title).order_by(worklist.c.call_id)
    assert [row[:2] for row in await read(database, listed)] == [(FIRST, "无工单"), (SECOND, "待审核")]
    for book, folder in ((numbers, call.folder), (other, again.folder)):
        assert not (await file_call(database, book, folder)).changed  # filed anew, neither says anything else
    assert len(await read(database, sa.select(tickets))) == 2
    # It was told to the end: the next call is asked whether it is the same matter.
    assert ((await ask(database)).ticket, (await ask(database)).cut) == (number, False)


async def decide_on(database: Database, call_id: str, number: str, base: int) -> int:
    """An agent accepts the last revision as it is."""
    last = sa.select(tickets.c.document).where(tickets.c.number == number, tickets.c.revision == base)
    async with database.write() as connection:
        document = json.loads(await connection.scalar(last))
        sheet = Sheet(fields=Fields.model_validate(read_fields(document)))
        return await decide(connection, call_id, number, base, "张敏", "accepted", sheet, datetime.now(UTC))


async def test_an_agent_decides_on_both_calls_of_one_ticket_and_takes_back_the_last_alone(
    database, numbers, cut, tmp_path
):
    _, number = cut
    assert (await ask(database)).cut
    assert await decide_on(database, FIRST, number, 1) == 2  # while he speaks again
    matter = stated(0, WALL, until=2.5, complete=True, confirmed=True, joins=number)
    again = CallFolder(tmp_path / "two", SECOND).begin(caller=CALLER).hear(WALL).state(matter).hang_up()
    await file_call(database, numbers, again.folder)
    async with database.write() as connection:
        with pytest.raises(ReviewRefused, match="第 3 版"):
            await take_back(connection, FIRST, number, "张敏", datetime.now(UTC))
    assert await decide_on(database, SECOND, number, 3) == 4
    async with database.write() as connection:
        assert await take_back(connection, SECOND, number, "张敏", datetime.now(UTC)) == 3


async def test_who_goes_on_and_hangs_up_may_go_on_again(database, numbers, cut, tmp_path):
    _, number = cut
    for call_id, seconds in ((SECOND, 2.5), (THIRD, 3.5)):
        again = CallFolder(tmp_path / call_id, call_id).begin(caller=CALLER).hear(WALL)
        again.state(stated(0, WALL, until=seconds, joins=number)).hang_up()
        await file_call(database, numbers, again.folder)
        assert (await ask(database)).cut
    rows = await read(database, sa.select(tickets.c.document).order_by(tickets.c.revision))
    assert json.loads(rows[-1][0])["appeal"]["content"] == "颍上县慎城镇房子漏雨墙也裂了墙也裂了"
    assert len(rows) == 3


async def test_who_is_asked_about_what(database, cut):
    _, number = cut
    assert (await ask(database, later=CUT_OFF_FOR)).cut is False
    assert (await ask(database, later=CUT_OFF_FOR)).ticket == number
    assert (await ask(database, later=REPEATS_FOR)).outcome == "none"
    assert (await ask(database, "13900001111")).outcome == "none"
    assert (await ask(database, "801")).outcome == "none"
    await change(database, number, "appeal", text_pending=True)  # its words are not all known
    assert not (await ask(database)).cut
    await change(database, number, "appeal", urgency="特急")  # and a person has taken it up
    assert (await ask(database)).outcome == "none"
    await change(database, number, "appeal", urgency="一般")
    assert (await ask(database)).outcome == "found"
    await change(database, number, "caller", confidential=True)
    assert (await ask(database)).outcome == "none"


async def test_a_call_of_danger_is_not_spoken_of_though_more_was_told_in_it(database, numbers, tmp_path):
    call = CallFolder(tmp_path / "one", FIRST).begin(caller=CALLER).hear(LEAK, WALL)
    call.state(stated(0, LEAK, until=4.5, complete=True, danger=True)).state(stated(1, WALL, until=6.0))
    assert len((await file_call(database, numbers, call.hang_up().folder)).numbers) == 2
    assert (await ask(database)).outcome == "none"


@pytest.mark.usefixtures("cut")
async def test_who_was_in_danger_when_the_gateway_died_is_asked_nothing(database, numbers, tmp_path):
    assert (await ask(database)).outcome == "found"
    number = await take_next(numbers, datetime.now(UTC).date())
    call = CallFolder(tmp_path / "two", SECOND).begin(caller=CALLER).hear(WALL)
    call.state(stated(0, WALL, danger=True)).note(entries.Number(0, number))
    assert not (await file_call(database, numbers, call.folder)).ended
    assert (await ask(database)).outcome == "none"


@pytest.mark.usefixtures("cut")
async def test_a_database_that_is_locked_is_not_waited_for(database):
    """A call is new when nobody can say in time; SQLite lets itself be read beside its writers."""
    told: asyncio.Queue[Informed] = asyncio.Queue()
    inquiring = Inquiring(Inquiries(database).answer, None, Beside(), told.put_nowait, lambda: 0.0)

    async def ask_once(number: int) -> Informed:
        inquiring.perform(Inquire(number, "past", CALLER))
        return await asyncio.wait_for(told.get(), 30)

    async with database.write() as connection:
        if connection.dialect.name == "postgresql":
            await connection.execute(sa.text("LOCK TABLE tickets IN ACCESS EXCLUSIVE MODE"))
            assert (await ask_once(1)).outcome == "away"  # while the lock is held
        else:
            assert await tries_until_found(ask_once)
    assert await tries_until_found(ask_once)


async def tries_until_found(ask_once: Callable[[int], Awaitable[Informed]]) -> bool:
    """On a busy machine 300 ms may be too short for any database."""
    for number in range(2, 50):
        if (await ask_once(number)).cut:
            return True
    return False
