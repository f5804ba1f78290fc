"""Who was missed is listed once, until he has been called back or has called again; on both databases."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from callfolder import CallFolder, heard, stated

from recordings import refused
from recordings.callbacks import OWED_FOR, Result, list_missed, note_attempt, owes, read_attempts
from recordings.refused import Refused
from tickets.filing import file_call
from tickets.number import NumberBook

if TYPE_CHECKING:
    from pathlib import Path

    from recordings.callbacks import Owed
    from recordings.database import Database

NOW = datetime(2026, 7, 1, 12, tzinfo=UTC)
LEAK = heard("颍上县慎城镇房子漏雨", 1.0, 4.0)
OTHER = "13900001111"


@pytest.fixture
def numbers(tmp_path: Path) -> NumberBook:
    return NumberBook(tmp_path / "numbers", 1)


def dial(data: Path, hour: int, caller: str = "13855812345", **line: object) -> CallFolder:
    return CallFolder(data, f"20260701T{hour:02}0000-0a1b2c3d").begin(caller=caller, **line)


async def listed(database: Database, now: datetime = NOW) -> list[Owed]:
    async with database.read() as connection:
        return list(await list_missed(connection, now))


async def test_each_caller_who_was_missed_is_listed_once(database, numbers, tmp_path):
    calls = [
        dial(tmp_path, 1).hang_up(),
        dial(tmp_path, 2, OTHER).hang_up(by="lost"),
        dial(tmp_path, 3).hang_up(by="gateway"),
        dial(tmp_path, 4, "").hang_up(),
        dial(tmp_path, 5, "13811112222", anonymous=True).hang_up(),
    ]
    for call in reversed(calls):  # filing keeps no order
        await file_call(database, numbers, call.folder)
    found = await listed(database)
    assert [(o.call_id, o.caller, o.missed, o.tries) for o in found] == [
        (calls[1].call_id, OTHER, "中断", 1),
        (calls[2].call_id, "13855812345", "无声", 2),
    ]
    assert not await listed(database, NOW + OWED_FOR)
    async with database.write() as connection:
        await note_attempt(connection, calls[0].call_id, "王芳", Result.BUSY, "", NOW)
        await note_attempt(connection, calls[2].call_id, "王芳", Result.REACHED, "", NOW)
        assert not await owes(connection, calls[2].call_id, NOW)
        assert [a.result for a in await read_attempts(connection, calls[2].call_id)] == [
            "占线或关机",
            "已接通",
        ]
        assert await owes(connection, calls[1].call_id, NOW)
        assert not await read_attempts(connection, calls[1].call_id)
    assert [o.caller for o in await listed(database)] == [OTHER]


async def test_who_has_called_again_and_was_heard_is_listed_no_more(database, numbers, tmp_path):
    cut = dial(tmp_path, 1).hear(LEAK).state(stated(0, LEAK)).hang_up(by="lost")
    await file_call(database, numbers, cut.folder)
    assert [(o.missed, o.tries) for o in await listed(database)] == [("中断", 1)]
    again = dial(tmp_path, 2).hear(LEAK).state(stated(0, LEAK, complete=True)).hang_up()
    await file_call(database, numbers, again.folder)
    assert not await listed(database)
    left = dial(tmp_path, 3).hang_up()
    await file_call(database, numbers, left.folder)
    assert [(o.missed, o.tries) for o in await listed(database)] == [("开场挂断", 1)]


async def test_who_found_no_line_free_and_was_taken_by_the_next_gateway_is_not_listed(
    database, numbers, tmp_path
):
    taken = dial(tmp_path, 5, OTHER).hear(LEAK).state(stated(0, LEAK, complete=True)).hang_up()
    await file_call(database, numbers, taken.folder)

    def refuse(mark: str, sip_call_id: str, at: datetime) -> Refused:
        call_id = f"{at:%Y%m%dT%H%M%S}-{mark}"
        return Refused(call_id, sip_call_id, OTHER, "12345", "12345", at, tries=1, barred=False)

    at = NOW.replace(hour=5)
    for sip_call_id, when in (
        ("other@192.0.2.1", at),  # in the same second, through a switch that makes each attempt another call
        ("abc@192.0.2.1", at + timedelta(seconds=2)),  # through a proxy; the clocks of the two are apart
    ):
        async with database.write() as connection:
            await refused.store(connection, [refuse("ffffffff", sip_call_id, when)], 1)
        assert not await listed(database)
    async with database.write() as connection:  # and not long after
        await refused.store(connection, [refuse("ffffffff", "x@192.0.2.1", at + timedelta(minutes=1))], 1)
    assert [o.caller for o in await listed(database)] == [OTHER]
