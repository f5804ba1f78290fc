"""A probe's call is on file and at the intake, and nobody's work, whatever is done over again; on both databases."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa
from callfolder import CallFolder, heard, stated

from recordings.entries import Alarm
from recordings.matters import matters
from recordings.schema import calls, outbox, worklist
from tickets import matters as counting
from tickets import worklist as listing
from tickets.filing import file_call
from tickets.number import NumberBook
from tickets.overview.measures import measure
from tickets.overview.scope import Scope
from tickets.overview.volume import count_volume
from tickets.past import tell_past

if TYPE_CHECKING:
    from pathlib import Path

    from recordings.database import Database

PROBE, CITIZEN = "05589990000", "13855812345"
PROBED, CALLED = "20260701T083015-0a1b2c3d", "20260701T083115-0a1b2c3d"
DAY = date(2026, 7, 1)
LAMP = heard("颍州区清河街道路灯不亮", 1.0, 4.0)


@pytest.fixture
async def numbers(database: Database, tmp_path: Path) -> dict[str, str]:
    """The tickets of a probe and of a citizen's call, both cut off, both with an alarm, by their calls."""
    book, filed = NumberBook(tmp_path / "numbers", 1), {}
    for call_id, caller in ((PROBED, PROBE), (CALLED, CITIZEN)):
        call = CallFolder(tmp_path / call_id, call_id).begin(caller=caller, test=caller == PROBE).hear(LAMP)
        call.state(stated(0, LAMP, until=4.5)).note(Alarm(0)).hang_up(by="lost")
        (filed[call_id],) = (await file_call(database, book, call.folder)).numbers
    return filed


async def read(database: Database, *columns: sa.Column) -> list[tuple]:
    async with database.read() as connection:
        return sorted(tuple(row) for row in await connection.execute(sa.select(*columns)))


async def test_it_is_delivered_and_alarms_nobody(database, numbers):
    assert await read(database, calls.c.call_id, calls.c.test) == [(PROBED, True), (CALLED, False)]
    assert await read(database, outbox.c.kind, outbox.c.number) == [
        ("alert", f"danger-{CALLED}-0"),
        ("ticket", numbers[PROBED]),
        ("ticket", numbers[CALLED]),
    ]


async def test_it_is_in_no_list_and_among_no_matters_nor_ever_taken_up(database, numbers):
    for taken in (0, 1):
        if taken:  # as after an upgrade
            async with database.write() as connection:
                await connection.execute(sa.delete(worklist))
                await connection.execute(sa.delete(matters))
                await listing.relist(connection, [PROBED])
        assert (await listing.backfill(database), await counting.backfill(database)) == (taken, taken)
        assert await read(database, worklist.c.call_id) == [(CALLED,)]
        assert await read(database, matters.c.number) == [(numbers[CALLED],)]


async def test_it_is_not_counted(database, numbers):
    async with database.read() as connection:
        volume = await count_volume(connection, Scope(DAY, DAY))
        measured = await measure(connection, Scope(DAY, DAY))
    assert (volume.calls, volume.tickets) == (1, len(numbers) - 1)
    assert (measured.offered, measured.answered, measured.owed) == (1, 1, 0)


async def test_the_next_one_is_answered_like_who_calls_for_the_first_time(database, numbers):
    now = datetime.now(UTC)
    async with database.read() as connection:
        told = [await tell_past(connection, 1, caller, now) for caller in (PROBE, CITIZEN)]
    assert [(one.outcome, one.ticket, one.cut) for one in told] == [
        ("none", "", False),
        ("found", numbers[CALLED], True),
    ]
