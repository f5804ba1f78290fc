"""The jobs that follow calls: each done once, whoever dies, on both databases."""

from __future__ import annotations

import asyncio
import json
import signal
import sys
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa
from alembic import command
from typer.testing import CliRunner

from asr.client import AsrUnavailable
from gateway.cli import app
from gateway.cli import jobs as _commands  # noqa: F401 - which registers them
from recordings import jobs, schema
from recordings.database import migrate, open_database
from tickets.jobs import TRIES, Hopeless, JobRunner, Refused

if TYPE_CHECKING:
    from recordings.database import Database

NOW = datetime(2026, 7, 1, 8, tzinfo=UTC)

# A worker whose jobs are lines in a file: which it began, which it has done.
WORKER = """
import asyncio, os, sys
from recordings.database import open_database
from tickets.jobs import JobRunner

url, diary = sys.argv[1:]

def note(*words):
    with open(diary, "a") as file:
        file.write(" ".join(words) + "\\n")

async def do(call_id):
    note("begun", call_id, str(os.getpid()))
    await asyncio.sleep(0.02)
    if call_id.endswith("bad"):
        raise ValueError("never")
    note("did", call_id, str(os.getpid()))

async def main():
    db = open_database(url)
    stop = asyncio.Event()
    await asyncio.gather(*(JobRunner(db, kind, [1], do, lease_s=1.5).run(stop) for kind in ("late", "second")))

asyncio.run(main())
"""


def call_row(call_id: str) -> dict[str, object]:
    return {
        "call_id": call_id,
        "sip_call_id": "",
        "caller": "",
        "called": "",
        "hotline": "12345",
        "flow": "",
        "node": 1,
        "started_at": NOW,
        "answered_at": NOW,
        "ended_at": NOW,
        "cause": "",
        "interrupted": False,
        "folder": "",
        "late": "none",
    }


async def put(db: Database, kind: jobs.Kind, *call_ids: str) -> None:
    async with db.write() as connection:
        await connection.execute(sa.insert(schema.calls), [call_row(call_id) for call_id in call_ids])
        await jobs.enqueue(connection, kind, [(call_id, 1) for call_id in call_ids], datetime.now(UTC))


async def look(db: Database) -> list[jobs.JobLine]:
    async with db.read() as connection:
        return await jobs.list_jobs(connection, ["waiting", "done", "failed"], datetime.now(UTC), 1000)


async def make_due(db: Database) -> None:
    async with db.write() as connection:
        await connection.execute(sa.update(jobs.jobs).values(next_at=datetime.now(UTC)))


async def test_two_workers_do_two_hundred_jobs_once_each_and_dying_loses_none(
    database: Database, database_url: str, tmp_path: Path
) -> None:
    call_ids = [f"call-{n:03}" for n in range(199)]
    await put(database, "late", *call_ids[::2], "call-bad")
    await put(database, "second", *call_ids[1::2])
    diary = tmp_path / "diary"
    diary.touch()

    async def start() -> asyncio.subprocess.Process:
        return await asyncio.create_subprocess_exec(
            sys.executable, "-c", WORKER, database_url, str(diary), cwd=Path(__file__).parents[3]
        )

    workers = [await start(), await start()]
    try:
        async with asyncio.timeout(240):
            for killed in range(3):
                while diary.read_text().count("did") < 20 * (killed + 1):  # noqa: ASYNC110 - other processes
                    await asyncio.sleep(0.01)
                victim = workers.pop(0)
                victim.send_signal(signal.SIGKILL)  # whatever it has in hand
                await victim.wait()
                workers.append(await start())
            while len([line for line in await look(database) if line.state == "done"]) < 199:  # noqa: ASYNC110
                await asyncio.sleep(0.1)
    finally:
        for worker in workers:
            worker.kill()
            await worker.wait()
    found = await look(database)
    assert [line.call_id for line in found if line.state != "done"] == ["call-bad"]
    assert len(found) == 200
    did = Counter(line.split()[1] for line in diary.read_text().splitlines() if line.startswith("did"))
    assert set(did) == set(call_ids)
    # Who died between doing and writing it down is succeeded by one who does it again, and nobody else is.
    assert sum(did.values()) - len(did) <= 6  # three died, with a job of each kind in hand


async def test_a_job_that_always_fails_is_given_up_listed_and_tried_anew_when_told(
    database: Database, database_url: str, tmp_path: Path
) -> None:
    await put(database, "late", "call-1", "call-2")
    tried: list[str] = []
    mended = False

    async def do(call_id: str) -> None:
        tried.append(call_id)
        if call_id == "call-1" and not mended:
            raise Refused("the recogniser cannot take it")

    runner = JobRunner(database, "late", [1], do)
    assert await runner.work() == 1
    for _ in range(TRIES + 3):
        await make_due(database)
        assert await runner.work() == 0
    assert (tried.count("call-1"), tried.count("call-2")) == (TRIES, 1)
    config = tmp_path / "gateway.yaml"
    config.write_text(f"database:\n  url: {json.dumps(database_url)}\n")

    def hotline(*arguments: str) -> str:
        told = CliRunner().invoke(app, ["--config", str(config), "--data", str(tmp_path), "jobs", *arguments])
        assert told.exit_code == 0, told.output
        return told.output

    (line,) = json.loads(await asyncio.to_thread(hotline, "list", "--json"))
    assert (line["call_id"], line["state"], line["tries"]) == ("call-1", "failed", TRIES)
    assert line["last_error"] == "the recogniser cannot take it"
    assert "the recogniser cannot take it" in await asyncio.to_thread(hotline, "list")
    mended = True
    assert await runner.work() == 0
    assert "1" in await asyncio.to_thread(hotline, "retry", str(line["id"]))
    assert await runner.work() == 1
    assert {one.state for one in await look(database)} == {"done"}
    assert "没有这样的任务" in await asyncio.to_thread(hotline, "list")


async def test_what_no_try_would_mend_is_given_up_at_once(database: Database) -> None:
    await put(database, "late", "call-1")

    async def do(_: str) -> None:
        raise Hopeless("the recording is gone")

    assert await JobRunner(database, "late", [1], do).work() == 0
    (line,) = await look(database)
    assert (line.state, line.tries, line.last_error) == ("failed", 1, "the recording is gone")


async def test_a_recogniser_that_is_away_costs_no_try_and_a_stop_neither(database: Database) -> None:
    await put(database, "late", "call-1")
    begun = asyncio.Event()

    async def away(_: str) -> None:
        raise AsrUnavailable("nobody there")

    async def last(_: str) -> None:
        begun.set()
        await asyncio.Event().wait()

    for _ in range(3):
        with pytest.raises(AsrUnavailable):
            await JobRunner(database, "late", [1], away).work()
    stop = asyncio.Event()
    running = asyncio.create_task(JobRunner(database, "late", [1], last).run(stop))
    await asyncio.wait_for(begun.wait(), 10)
    (line,) = await look(database)
    assert (line.held, line.tries) == (True, 1)
    stop.set()
    await asyncio.wait_for(running, 10)
    (line,) = await look(database)
    assert (line.state, line.held, line.tries) == ("waiting", False, 0)


async def test_a_job_that_lasts_stays_its_holders_and_one_who_lost_it_has_no_say(database: Database) -> None:
    await put(database, "late", "call-1")
    now = datetime.now(UTC)
    async with database.write() as connection:
        held = await jobs.claim(connection, "late", [1], "first", now, 30)
        assert held is not None
        assert await jobs.claim(connection, "late", [1], "second", now + timedelta(seconds=29), 30) is None
        assert await jobs.beat(connection, held, now + timedelta(seconds=29), 30)
        assert await jobs.claim(connection, "late", [1], "second", now + timedelta(seconds=58), 30) is None
        other = await jobs.claim(connection, "late", [1], "second", now + timedelta(seconds=60), 30)
        assert other is not None
        assert other.tries == 2
        assert not await jobs.beat(connection, held, now, 30)
        assert not await jobs.finish(connection, held, now)
        assert not await jobs.postpone(connection, held, "late", now)
        assert await jobs.finish(connection, other, now)
    (line,) = await look(database)
    assert line.state == "done"


async def test_the_runner_lets_go_of_a_job_that_another_has_taken(database: Database) -> None:
    await put(database, "late", "call-1")
    begun, ended = asyncio.Event(), asyncio.Event()

    async def do(_: str) -> None:
        begun.set()
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()

    working = asyncio.create_task(JobRunner(database, "late", [1], do, lease_s=0.3).work())
    await begun.wait()
    async with database.write() as connection:
        lease = datetime.now(UTC) + timedelta(hours=1)
        await connection.execute(sa.update(jobs.jobs).values(holder="another", lease_until=lease))
    await asyncio.wait_for(ended.wait(), 30)
    assert await asyncio.wait_for(working, 30) == 0
    (line,) = await look(database)
    assert (line.state, line.tries) == ("waiting", 1)


async def test_other_nodes_calls_are_left_to_them(database: Database) -> None:
    await put(database, "late", "call-1")

    async def do(_: str) -> None:
        raise AssertionError

    assert await JobRunner(database, "late", [2, 3], do).work() == 0


async def test_calls_that_wait_to_be_transcribed_become_jobs(empty_database_url: str, monkeypatch) -> None:
    with monkeypatch.context() as before:
        before.setattr("alembic.command.upgrade", upgrade_to("0009"))
        await migrate(empty_database_url)
    db = open_database(empty_database_url)
    async with db.write() as connection:
        rows = [
            {**call_row(f"c{n}"), "late": late} for n, late in enumerate(("wanted", "none", "done", "wanted"))
        ]
        rows[0]["started_at"] = NOW + timedelta(hours=1)
        await connection.execute(sa.insert(schema.calls), rows)
        await connection.execute(
            sa.text("INSERT INTO transcripts VALUES ('c1', 'live', true, '{}')"),
        )
    await db.close()
    await migrate(empty_database_url)
    db = open_database(empty_database_url)
    assert [(line.call_id, line.kind, line.state) for line in await look(db)] == [
        ("c3", "late", "waiting"),
        ("c0", "late", "waiting"),
    ]
    async with db.write() as connection:
        await connection.execute(sa.text("INSERT INTO transcripts VALUES ('c1', 'second', true, '{}')"))
        kept = await connection.execute(
            sa.select(schema.transcripts.c.source).order_by(schema.transcripts.c.source)
        )
        assert kept.scalars().all() == ["live", "second"]
    await db.close()


def upgrade_to(revision: str):
    upgrade = command.upgrade
    return lambda config, _: upgrade(config, revision)
