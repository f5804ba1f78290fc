"""A call that we have placed is filed as any other, and its filing says what came of it; on both databases."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa
from callfolder import CallFolder, heard, silence, stated

from asr.transcript import Transcript
from recordings import callouts
from recordings.agentcalls import PURPOSE
from recordings.callbacks import Result as Attempted
from recordings.callbacks import list_missed, note_attempt, read_attempts
from recordings.calledback import AGENT, leave_made
from recordings.calloutreport import count, list_rows
from recordings.callouts import Pace, Wanted
from recordings.calloutwords import Kind, Result
from recordings.entries import Concluded, Deaf, Dialled, LegAnswered, LegEnded, Placed, Rated
from recordings.folders import LATE
from recordings.progress import read_opinions
from recordings.schema import legs
from tickets.filing import file_call
from tickets.number import NumberBook
from tickets.placed import find_missed
from tickets.reading import write_transcript

if TYPE_CHECKING:
    from pathlib import Path

    from recordings.database import Database

NOW = datetime(2026, 7, 1, 8, tzinfo=UTC)
NUMBER, TICKET = "13855812345", "263320100018"
PACE = Pace(600, timedelta(hours=1), timedelta(hours=1), timedelta(hours=3))


@pytest.fixture
def numbers(tmp_path: Path) -> NumberBook:
    return NumberBook(tmp_path / "numbers", 1)


async def claim(database: Database, call_id: str) -> None:
    async with database.write() as connection:
        await callouts.turn(connection, on=True, by="operator", now=NOW)
        await callouts.add(connection, "一", [Wanted(Kind.FOLLOW_UP, NUMBER, TICKET)], 2, "operator", NOW)
        claimed = await callouts.claim(connection, 1, call_id, PACE, NOW)
    assert claimed is not None
    assert (claimed.number, claimed.ticket, claimed.tries) == (NUMBER, TICKET, 1)


@pytest.mark.parametrize(
    ("concluded", "result", "solved", "state"),
    [
        ((), Result.NOBODY, None, "waiting"),
        ((Concluded("other"),), Result.WRONG, None, "done"),
        ((Concluded("confirmed"),), Result.CUT, None, "done"),
        ((Concluded("confirmed"), Concluded("done", solved=True)), Result.DONE, True, "done"),
    ],
)
async def test_the_filing_says_what_came_of_it(database, numbers, tmp_path, concluded, result, solved, state):
    call = CallFolder(tmp_path, "20260701T080000-0a1b2c3d").begin(caller=NUMBER)
    await claim(database, call.call_id)
    call.note(Placed("回访", TICKET), Rated(TICKET, "满意"), *concluded).hang_up()
    for _ in range(2):  # a filing may be repeated
        filed = await file_call(database, numbers, call.folder)
    assert (filed.numbers, filed.reason) == ((), f"called by us (回访): {result}")
    async with database.read() as connection:
        (standing,) = await count(connection)
        (row,) = await list_rows(connection, "一", NOW, 10)
        assert (standing.results, row.result, row.solved, row.state) == ({result: 1}, result, solved, state)
        assert not row.held
        assert await connection.scalar(sa.select(legs.c.direction).where(legs.c.leg == 0)) == "out"
        (opinion,) = await read_opinions(connection, [TICKET])
        assert (opinion.rating, opinion.call_id) == ("满意", call.call_id)


async def test_of_a_call_that_died_before_anybody_confirmed_nothing_is_known(database, numbers, tmp_path):
    call = CallFolder(tmp_path, "20260701T080000-0a1b2c3d").begin(caller=NUMBER)
    await claim(database, call.call_id)
    call.note(Placed("回访", TICKET)).die()
    await file_call(database, numbers, call.folder)
    async with database.write() as connection:
        (row,) = await list_rows(connection, "一", NOW, 10)
        assert (row.result, row.state, row.held) == ("", "waiting", True)
        await callouts.release(connection, 1)  # its gateway starts
        assert await callouts.claim(connection, 1, "b", PACE, NOW + timedelta(minutes=59)) is None
        assert await callouts.claim(connection, 1, "c", PACE, NOW + timedelta(minutes=60)) is not None


@pytest.mark.parametrize(
    ("concluded", "tickets"), [((), 0), ((Concluded("other"),), 0), ((Concluded("confirmed"),), 1)]
)
async def test_the_words_of_a_machine_make_no_ticket(database, numbers, tmp_path, concluded, tickets):
    """Speech was out of reach in the call, and its words are found in the recording."""
    call = CallFolder(tmp_path, "20260701T080000-0a1b2c3d").begin(caller=NUMBER)
    call.note(Placed("关爱"), Deaf("refused", 0.0), *concluded).record(silence(6)).hang_up(seconds=6.0)
    words = Transcript(None, (heard("我家房子漏雨没有人管", 1.0, 5.0),))
    write_transcript(call.folder, LATE, words)
    filed = await file_call(database, numbers, call.folder)
    assert len(filed.numbers) == tickets


async def test_what_an_agent_talks_of_makes_no_ticket_and_the_call_says_how_long(database, numbers, tmp_path):
    call = CallFolder(tmp_path, "20260701T080000-0a1b2c3d").begin(caller=NUMBER)
    agent = (Dialled(leg=1, target="张敏", uri="6001"), LegAnswered(1, 1.0), LegEnded(1, 48.0, talked=47.0))
    call.note(Placed(PURPOSE, TICKET), *agent).record(silence(48)).hang_up(seconds=48.0)
    write_transcript(call.folder, LATE, Transcript(None, (heard("我家房子漏雨没有人管", 5.0, 9.0),)))
    filed = await file_call(database, numbers, call.folder)
    assert (filed.numbers, filed.reason) == (
        (),
        f"called by us (人工回拨) about {TICKET}: they talked for 47 s",
    )


async def place(
    database: Database, numbers: NumberBook, tmp_path: Path, hour: int, *concluded: Concluded
) -> CallFolder | None:
    """Who was missed is called back at that hour, and concludes so; None when nobody is to be called."""
    now = NOW.replace(hour=hour)
    call_id = f"{now:%Y%m%dT%H%M%S}-0a1b2c3d"
    async with database.write() as connection:
        await callouts.turn(connection, on=True, by="operator", now=NOW)
        wanted, left = await find_missed(connection, lambda _number: True, now)
        await callouts.add(connection, "一", wanted, 3, "operator", NOW)
        assert left == 0
        await leave_made(connection, now)
        if await callouts.claim(connection, 1, call_id, PACE, now) is None:
            return None
    call = CallFolder(tmp_path, call_id).begin(caller=NUMBER)
    call.note(Placed("未接回电"), *concluded).hang_up()
    await file_call(database, numbers, call.folder)
    return call


async def test_who_was_missed_and_is_called_in_vain_waits_for_his_call_back_still(
    database, numbers, tmp_path
):
    missed = CallFolder(tmp_path, "20260701T070000-0a1b2c3d").begin(caller=NUMBER).hang_up()
    await file_call(database, numbers, missed.folder)
    assert await place(database, numbers, tmp_path, 9)
    async with database.read() as connection:
        (owed,) = await list_missed(connection, NOW.replace(hour=10))
        assert (owed.call_id, owed.tries) == (missed.call_id, 1)
        (attempt,) = await read_attempts(connection, missed.call_id)
    assert (attempt.agent, attempt.result, attempt.note) == (AGENT, "无人接听", "接通后无人确认")
    assert await place(database, numbers, tmp_path, 11, Concluded("confirmed"), Concluded("done"))
    async with database.read() as connection:
        assert not await list_missed(connection, NOW.replace(hour=12))
        assert [a.result for a in await read_attempts(connection, missed.call_id)] == ["无人接听", "已接通"]


async def test_whom_an_agent_has_called_back_is_called_no_more(database, numbers, tmp_path):
    missed = CallFolder(tmp_path, "20260701T070000-0a1b2c3d").begin(caller=NUMBER).hang_up()
    await file_call(database, numbers, missed.folder)
    assert await place(database, numbers, tmp_path, 9)
    async with database.write() as connection:
        await note_attempt(connection, missed.call_id, "王芳", Attempted.REACHED, "", NOW)
    assert await place(database, numbers, tmp_path, 11) is None
    async with database.read() as connection:
        (standing,) = await count(connection)
    assert standing.states == {"done": 1}


async def test_who_is_missed_again_on_the_same_day_is_called_again(database, numbers, tmp_path):
    await file_call(
        database,
        numbers,
        CallFolder(tmp_path, "20260701T070000-0a1b2c3d").begin(caller=NUMBER).hang_up().folder,
    )
    assert await place(database, numbers, tmp_path, 9, Concluded("confirmed"), Concluded("done"))
    assert await place(database, numbers, tmp_path, 10) is None
    await file_call(
        database,
        numbers,
        CallFolder(tmp_path, "20260701T103000-0a1b2c3d").begin(caller=NUMBER).hang_up().folder,
    )
    assert await place(database, numbers, tmp_path, 11, Concluded("confirmed"), Concluded("done"))
    assert await place(database, numbers, tmp_path, 12) is None


async def test_whose_telephone_must_not_tell_of_his_call_is_left_to_people(database, numbers, tmp_path):
    phrase = heard("他在打人", 1.0, 3.0)
    before = CallFolder(tmp_path, "20260701T060000-0a1b2c3d").begin(caller=NUMBER).hear(phrase)
    before.state(stated(0, phrase, until=3.5, complete=True, danger=True)).hang_up()
    for call in (before, CallFolder(tmp_path, "20260701T070000-0a1b2c3d").begin(caller=NUMBER).hang_up()):
        await file_call(database, numbers, call.folder)
    async with database.read() as connection:
        assert await find_missed(connection, lambda _number: True, NOW) == ([], 1)


async def test_who_said_nothing_is_left_to_people(database, numbers, tmp_path):
    silent = CallFolder(tmp_path, "20260701T070000-0a1b2c3d").begin(caller=NUMBER).hang_up(by="gateway")
    await file_call(database, numbers, silent.folder)
    async with database.read() as connection:
        assert await find_missed(connection, lambda _number: True, NOW) == ([], 1)
