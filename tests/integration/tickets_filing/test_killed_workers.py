"""Workers that are killed over the jobs they do for real: each call's words follow once, and none is lost."""

from __future__ import annotations

import asyncio
import itertools
import json
import os
import random
import signal
import sys
import tempfile
from collections import Counter
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa
from heardagain import TEXTS, Site, make_small_model, said, serving

from asr.catalogue import DEMO_MODEL
from recordings import folders
from recordings.jobs import JobLine, list_jobs
from recordings.jobs import jobs as jobs_table
from recordings.schema import outbox
from tickets.jobs import TRIES

if TYPE_CHECKING:
    from asyncio.subprocess import Process
    from collections.abc import AsyncIterator, Sequence

    from callfolder import CallFolder

    from recordings.database import Database

ROOT = Path(__file__).parents[3]
HOTLINE = str(Path(sys.executable).with_name("hotline"))
SECRET = "whsec_d29ya2VycyB0aGF0IGFyZSBraWxsZWQgaW4gYSB0ZXN0"

# Transcribes late and hears again; dies over the first call of each kind whose words are there and not filed yet, and
# over the first that is filed and whose job is not done yet.
DYING = """
import asyncio, os, signal, sys
from datetime import timedelta
from pathlib import Path
import tickets.jobs, tickets.late, tickets.second
from asr.client import AsrClient
from recordings.database import open_database
from tickets.number import NumberBook

url, data, small, large = sys.argv[1:]
tickets.jobs._POLL_S, tickets.second._LOOK_EVERY = 0.1, timedelta(seconds=0.1)

def die(point):
    try:
        os.close(os.open(Path(data) / f"died-{point}", os.O_CREAT | os.O_EXCL))
    except FileExistsError:
        return
    os.kill(os.getpid(), signal.SIGKILL)

def mine(module, kind):
    file_call = module.file_call
    async def file(db, numbers, folder):
        die(f"{kind}-before")
        filed = await file_call(db, numbers, folder)
        die(f"{kind}-after")
        return filed
    module.file_call = file

async def main():
    mine(tickets.late, "late")
    mine(tickets.second, "second")
    db, numbers, stop = open_database(url), NumberBook(Path(data) / "numbers", 1), asyncio.Event()
    async with AsrClient(f"unix:{small}") as first, AsrClient(f"unix:{large}") as again:
        late = tickets.late.LateTranscriber(db, first, numbers, Path(data))
        second = tickets.second.SecondPass(db, again, numbers, Path(data), [1])
        await asyncio.gather(
            tickets.jobs.JobRunner(db, "late", [1], late.amend, lease_s=1.5).run(stop),
            tickets.jobs.JobRunner(db, "second", [1], second.amend, second.find, lease_s=1.5).run(stop),
        )

asyncio.run(main())
"""


class Workers:
    """Two processes that do the jobs; whoever of them dies has a successor."""

    def __init__(self, commands: Sequence[Sequence[str]], environments: Sequence[dict[str, str]]) -> None:
        self._commands, self._environments = commands, environments
        self._processes: list[Process] = []
        self.deaths = 0

    async def start(self) -> None:
        self._processes = [await self._start(which) for which in range(2)]

    async def succeed(self) -> None:
        """Start a successor for each that has died."""
        for which, process in enumerate(self._processes):
            if process.returncode is not None:
                assert process.returncode == -signal.SIGKILL
                self.deaths += 1
                self._processes[which] = await self._start(which)

    async def kill(self, which: int) -> None:
        self._processes[which].kill()
        await self._processes[which].wait()

    async def end(self) -> None:
        for process in self._processes:
            if process.returncode is None:
                process.kill()
            await process.wait()

    async def _start(self, which: int) -> Process:
        return await asyncio.create_subprocess_exec(
            *self._commands[which], cwd=ROOT, env=os.environ | self._environments[which]
        )


async def look(db: Database) -> list[JobLine]:
    async with db.read() as connection:
        return await list_jobs(connection, ["waiting", "done", "failed"], datetime.now(UTC), 1000)


async def make_due(db: Database, *chosen: CallFolder) -> None:
    """What waits for its next try has it now."""
    async with db.write() as connection:
        await connection.execute(
            sa.update(jobs_table)
            .where(
                jobs_table.c.call_id.in_([call.call_id for call in chosen]), jobs_table.c.state == "waiting"
            )
            .values(next_at=datetime.now(UTC))
        )


async def assert_once(site: Site, call: CallFolder, sources: set[str]) -> None:
    """The call's words are there by all passes; each revision is news, and went out once."""
    assert set(await site.kept(call)) == sources
    documents = await site.revisions(call)
    assert len({document["number"] for document in documents}) <= 1
    assert [document["revision"] for document in documents] == list(range(1, len(documents) + 1))
    for before, after in itertools.pairwise(documents):
        assert said(before) != said(after) or before["appeal"]["text_pending"]
    if not documents:
        return
    assert not documents[-1]["appeal"]["text_pending"]
    sent = sa.select(outbox.c.revision).where(outbox.c.number == documents[0]["number"])
    async with site.db.read() as connection:
        rows = (await connection.scalars(sent.order_by(outbox.c.revision))).all()
    assert rows == [document["revision"] for document in documents]
    left = {file.name for file in (site.data / folders.archived(call.call_id)).iterdir()}
    assert not {name for name in left if name.endswith((".new", ".unreadable"))}


async def test_a_worker_that_dies_over_a_call_leaves_it_to_the_other(
    database: Database, database_url: str, tmp_path: Path
) -> None:
    site = Site(tmp_path, database)
    small_socket, large_socket = tmp_path / "small.sock", tmp_path / "large.sock"
    command = (sys.executable, "-c", DYING, database_url, str(tmp_path), str(small_socket), str(large_socket))
    workers = Workers([command] * 2, [{}] * 2)
    async with (
        serving(make_small_model(tmp_path / "small"), small_socket) as small,
        serving(None, large_socket),
        asyncio.timeout(180),
    ):
        live = [await site.call(small, 1, TEXTS[0])]
        deaf = [await site.deaf_call(2, TEXTS[1])]
        await workers.start()
        try:
            while Counter((line.kind, line.state) for line in await look(database)) != {
                ("late", "done"): 1,
                ("second", "done"): 2,
            }:
                await workers.succeed()
                await asyncio.sleep(0.05)
        finally:
            await workers.end()
    assert {file.name for file in tmp_path.glob("died-*")} == {
        f"died-{kind}-{point}" for kind in ("late", "second") for point in ("before", "after")
    }
    # Four died with two jobs in hand at most; on a busy machine the speech server sends some away, or a lease ends.
    assert sum(line.tries - 1 for line in await look(database)) <= 24
    for calls, first in ((live, "live"), (deaf, "late")):
        for call in calls:
            await assert_once(site, call, {first, "second"})


@asynccontextmanager
async def speech_server(run: Path, *arguments: str) -> AsyncIterator[None]:
    process = await asyncio.create_subprocess_exec(
        HOTLINE,
        *arguments,
        cwd=ROOT,
        env=os.environ | {"RUNTIME_DIRECTORY": str(run)},
    )
    try:
        yield
    finally:
        process.terminate()
        await process.wait()


@pytest.mark.soak
@pytest.mark.timeout(1800)
async def test_two_hundred_jobs_of_two_workers_that_are_killed_at_random(
    database: Database, database_url: str, tmp_path: Path
) -> None:
    site = Site(tmp_path / "data", database)
    small_model = make_small_model(tmp_path / "small")
    async with serving(small_model, tmp_path / "live.sock") as small:
        live = [await site.call(small, n, text) for n, text in enumerate((TEXTS * 2)[:61])]
    deaf = [await site.deaf_call(n, text) for n, text in enumerate((TEXTS * 2)[:70], 100)]
    heard = [call for call in live if await site.revisions(call)][0]  # noqa: RUF015 - what is awaited has no next
    for call in (heard, deaf[0]):  # reading it fails, as on a disk that does
        audio = site.data / folders.archived(call.call_id) / folders.AUDIO
        audio.unlink()
        audio.mkdir()
    with tempfile.TemporaryDirectory(prefix="jobs") as short:
        run = Path(short)
        (run / "server").mkdir()
        serves = {"model": str(small_model), "second_model": str(DEMO_MODEL)}
        server = write_settings(run / "server.yaml", database_url, 1, serves)
        common = ("--data", str(site.data))
        commands, environments = [], []
        for node in (1, 2):
            (run / str(node)).mkdir()
            sockets = {
                "url": f"unix:{run}/server/asr.sock",
                "second_url": f"unix:{run}/server/asr-second.sock",
            }
            file = write_settings(run / f"{node}.yaml", database_url, node, sockets)
            commands.append((HOTLINE, "--config", str(file), *common, "worker"))
            environments.append({"RUNTIME_DIRECTORY": str(run / str(node))})
        workers = Workers(commands, environments)
        asr = ("--config", str(server), *common, "asr")
        async with speech_server(run / "server", *asr), speech_server(run / "server", *asr, "--second"):
            await workers.start()
            try:
                found = await kill_until_done(workers, database, (heard, deaf[0]))
            finally:
                await workers.end()
        failed = await hotline_jobs(file, site.data, "--state", "failed")
    print(f"{workers.deaths} workers killed, tries beyond the first: {sum(one.tries - 1 for one in found)}")
    assert workers.deaths >= 10
    assert Counter((line.kind, line.state) for line in found) == {
        ("late", "done"): 69,
        ("late", "failed"): 1,
        ("second", "done"): 129,
        ("second", "failed"): 1,
    }
    assert {(line["call_id"], line["kind"], line["tries"]) for line in failed} == {
        (heard.call_id, "second", TRIES),
        (deaf[0].call_id, "late", TRIES),
    }
    assert all("directory" in line["last_error"] for line in failed)
    assert sum(line.tries - 1 for line in found if line.state == "done") <= 2 * workers.deaths
    for calls, first in ((live, "live"), (deaf, "late")):
        for call in calls:
            if call in (heard, deaf[0]):
                continue
            documents = await site.revisions(call)
            heard_at_all = bool(documents) and said(documents[-1]) != ""
            await assert_once(site, call, {first, "second"} if heard_at_all else {first})


def write_settings(file: Path, database_url: str, node: int, asr: dict[str, Any]) -> Path:
    """A worker's settings; each works for both nodes, and has a lock of its own."""
    other = {"node": 3 - node, "port": 5061, "rtp_first_port": 26000}
    file.write_text(
        json.dumps(
            {
                "node": node,
                "gateways": [other],
                "database": {"url": database_url},
                "asr": asr,
                "intake": {"url": "http://127.0.0.1:9/tickets", "secret": SECRET},
            }
        )
    )
    return file


async def kill_until_done(workers: Workers, db: Database, bad: tuple[CallFolder, ...]) -> list[JobLine]:
    """Kill one of the two whenever some more jobs are done; what always fails has its tries at once."""
    dice = random.Random(1)
    at = 5
    async with asyncio.timeout(1500):
        while True:
            await make_due(db, *bad)
            found = await look(db)
            done = sum(line.state == "done" for line in found)
            if len(found) == 200 and not any(line.state == "waiting" for line in found):
                return found
            if done >= at:
                await asyncio.sleep(dice.random() * 0.3)  # anywhere in a job
                await workers.kill(dice.randrange(2))
                at = done + dice.randint(8, 20)
            await workers.succeed()
            await asyncio.sleep(0.1)


async def hotline_jobs(settings: Path, data: Path, *arguments: str) -> list[dict[str, Any]]:
    process = await asyncio.create_subprocess_exec(
        *(HOTLINE, "--config", str(settings), "--data", str(data)),
        *("jobs", "list", "--json", *arguments),
        cwd=ROOT,
        stdout=asyncio.subprocess.PIPE,
    )
    told, _ = await process.communicate()
    assert process.returncode == 0
    return json.loads(told)
