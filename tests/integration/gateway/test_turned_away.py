"""Who was refused is kept for a call back: merged, bounded, past a kill and a database that is away; on both."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from inspect import isawaitable
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa
from integration.gateway.test_broken_calls import PROBE, Desk, desk, prompts

from gateway.calls import turned_away
from gateway.calls.refusing import follow_nuisances, keep_refused
from gateway.calls.turned_away import FOLDER, Called, TurnedAway
from gateway.sip.incoming import Incoming
from gateway.site.metrics import REGISTRY
from recordings.callbacks import list_missed
from recordings.schema import calls, worklist

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from pathlib import Path

    from recordings.database import Database

__all__ = ["desk", "prompts"]  # fixtures

LEAKING, BARRED = "13855812345", "13900001111"


def invite(caller: str, called: str = "12345") -> Incoming:
    return Incoming("abc@192.0.2.1", caller, called, (), "192.0.2.1:5060")


def find(incoming: Incoming) -> Called:
    return Called(incoming.called, incoming.called == "12356", incoming.caller == BARRED)


async def ours() -> None:
    return None


async def moves(_seconds: float) -> bool:
    return True


def counted(kept: str) -> float:
    return REGISTRY.get_sample_value("hotline_turned_away_total", {"kept": kept}) or 0.0


class Door:
    def __init__(self, data: Path, database: Database) -> None:
        self.data, self.database, self.claim = data, database, ours

    @asynccontextmanager
    async def open(self) -> AsyncIterator[TurnedAway]:
        door = TurnedAway(self.data, 1, self.database, self.claim, moves)
        task = asyncio.create_task(door.run(find))
        yield door
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    def files(self) -> list[Path]:
        return sorted((self.data / FOLDER).glob("*"))

    async def listed(self) -> list[tuple[str, str, int]]:
        async with self.database.read() as connection:
            found = await list_missed(connection, datetime.now(UTC))
        return [(one.caller, one.missed, one.tries) for one in found]

    async def count(self, table: sa.Table) -> int:
        async with self.database.read() as connection:
            return await connection.scalar(sa.select(sa.func.count()).select_from(table)) or 0


@pytest.fixture
def door(tmp_path: Path, database: Database) -> Door:
    return Door(tmp_path, database)


async def until(look: Callable[[], Any]) -> None:
    async with asyncio.timeout(30):
        while True:
            found = look()
            if await found if isawaitable(found) else found:
                return
            await asyncio.sleep(0.02)


async def test_a_flood_makes_one_entry_a_caller_and_those_beyond_the_bound_are_counted(door, caplog):
    before = {kept: counted(kept) for kept in ("listed", "nameless", "counted")}
    async with door.open() as refused:
        for number in range(3000):  # in no time: what the door keeps is not what comes
            refused.note(invite(LEAKING))
            refused.note(invite(f"139{number:08}"))
        refused.note(invite(""))
        refused.note(invite(LEAKING, "12356"))  # the last line he tried keeps no numbers
        await until(lambda: door.files() == [] and counted("nameless") - before["nameless"] >= 2)
        await until(lambda: door.count(worklist))
    assert counted("counted") - before["counted"] >= 1900
    assert 900 <= await door.count(calls) <= 1100
    assert [record.levelname for record in caplog.records].count("WARNING") == 1


async def test_who_was_refused_is_listed_once_with_his_tries(door):
    async with door.open() as refused:
        for caller in (LEAKING, BARRED, LEAKING, LEAKING):
            refused.note(invite(caller))
        await until(door.listed)
    assert await door.listed() == [(LEAKING, "线路忙未接入", 3)]
    async with door.database.read() as connection:
        rows = await connection.execute(sa.select(worklist.c.missed, worklist.c.tries))
        assert sorted(map(tuple, rows)) == [("线路忙未接入", 3), ("骚扰名单", 1)]


async def test_a_disk_that_takes_nothing_is_told_of_once_and_loses_nobody(door, monkeypatch, caplog):
    tries, write = [], TurnedAway._write

    def count(refused: TurnedAway, callers: Any) -> None:
        tries.append(callers)
        write(refused, callers)

    monkeypatch.setattr(TurnedAway, "_write", count)
    monkeypatch.setattr(turned_away, "_KEEP_SECONDS", 0.0)
    async with door.open() as refused:
        await until((door.data / FOLDER).exists)
        (door.data / FOLDER).rmdir()
        refused.note(invite(LEAKING))
        await until(lambda: len(tries) > 5)
        (door.data / FOLDER).mkdir()
        await until(door.listed)
    assert ["written down" in record.message for record in caplog.records].count(True) == 1


async def test_a_probe_that_was_refused_is_not_called_back(door: Door, desk: Desk) -> None:
    away, nobody = TurnedAway(door.data, 1, door.database, ours, moves), desk.switchboard.refused
    task = asyncio.create_task(keep_refused(away, desk.switchboard, follow_nuisances(door.data)))
    await until(lambda: desk.switchboard.refused is not nobody)
    await desk.switchboard.drain()
    for caller in (PROBE, LEAKING):
        assert desk.switchboard.admit(invite(caller)) is not None
    await until(door.listed)
    task.cancel()
    assert {row[0] for row in await door.listed()} == {LEAKING}
    assert await door.count(calls) == 1


async def test_a_database_that_is_away_and_a_kill_lose_nobody_and_double_nobody(door, monkeypatch):
    async def away() -> None:
        raise OSError("the database is away")

    monkeypatch.setattr(turned_away, "_MERGE_SECONDS", 0.0)
    door.claim = away
    async with door.open() as refused:
        refused.note(invite(LEAKING))
        await until(lambda: [file.suffix for file in door.files()] == [".json"])
        refused.note(invite("13711112222"))
        await until(lambda: len(door.files()) == 2)
    kept = door.files()[0].read_bytes()
    door.claim = ours
    async with door.open() as refused:  # another process: nothing but the files is left of the first
        await until(lambda: door.files() == [])
        assert sorted(await door.listed()) == [
            ("13711112222", "线路忙未接入", 1),
            (LEAKING, "线路忙未接入", 1),
        ]
        # Killed between the database's commit and the end of the file: the file is read again.
        (door.data / FOLDER / "1-20260101T000000000000.json").write_bytes(kept)
        refused.note(invite("13711112222"))
    async with door.open():
        await until(lambda: door.files() == [])
    assert (LEAKING, "线路忙未接入", 1) in await door.listed()


async def test_what_cannot_be_read_stays_and_keeps_nobody_from_being_listed(door, caplog):
    folder = door.data / FOLDER
    spoilt, unreadable = (folder / f"1-2026010{day}T000000000000.json" for day in (1, 2))
    unreadable.mkdir(parents=True)
    spoilt.write_text("{")
    async with door.open() as refused:
        refused.note(invite(LEAKING))
        await until(door.listed)
    assert spoilt.exists()
    assert unreadable.exists()
    told = [record.message for record in caplog.records if "it stays there" in record.message]
    assert all(any(str(file) in line for line in told) for file in (spoilt, unreadable))
