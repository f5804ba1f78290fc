from __future__ import annotations

import asyncio
import fcntl
import json
import signal
import sys
import threading
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import datetime
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa
from callfolder import BIG, CallFolder, heard, kinds, silence, stated, told

from asr.transcript import Transcript
from recordings import entries, folders, journal
from recordings.entries import withhold
from recordings.schema import calls, legs, outbox, recordings, tickets, transcripts
from tickets.filing import file_call
from tickets.number import NumberBook, is_valid

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from recordings.database import Database

LEAK = heard("颍上县慎城镇房子漏雨", 1.0, 3.0)
WATER = heard("我家停水三天了没人管", 4.0, 6.0)


@pytest.fixture
def numbers(tmp_path: Path) -> NumberBook:
    return NumberBook(tmp_path / "numbers", 1)


async def rows(database: Database, table: sa.Table) -> list[dict[str, Any]]:
    async with database.read() as connection:
        found = await connection.execute(sa.select(table).order_by(*table.primary_key))
        return [dict(row) for row in found.mappings()]


def one_matter(data: Path, call_id: str = "20260701T083015-0a1b2c3d") -> CallFolder:
    call = CallFolder(data, call_id).begin()
    return call.hear(LEAK).state(stated(0, LEAK, until=3.5, complete=True)).record(silence(8))


async def test_a_call_is_filed_whole(database, numbers, tmp_path):
    call = one_matter(tmp_path).hang_up(seconds=8.0)
    filed = await file_call(database, numbers, call.folder)
    assert (filed.call_id, filed.reason, filed.changed) == (call.call_id, None, True)
    (number,) = filed.numbers
    assert is_valid(number)
    (row,) = await rows(database, calls)
    assert (row["caller"], row["hotline"], row["duration_s"], row["hung_up_by"]) == (
        "13855812345",
        "12345",
        8.0,
        "caller",
    )
    assert (row["late"], row["folder"]) == ("none", f"calls/2026/07/01/{call.call_id}")
    assert await rows(database, recordings) == [
        {
            "call_id": call.call_id,
            "path": f"calls/2026/07/01/{call.call_id}/audio.wav",
            "seconds": 8.0,
            "channels": 2,
        }
    ]
    (transcript,) = await rows(database, transcripts)
    assert Transcript.from_json(json.loads(transcript["document"])).utterances == (LEAK,)
    (ticket,) = await rows(database, tickets)
    document = json.loads(ticket["document"])
    assert (ticket["number"], ticket["revision"], ticket["matter"]) == (number, 1, 0)
    assert (document["number"], document["revision"]) == (number, 1)
    assert document["appeal"]["content"] == "颍上县慎城镇房子漏雨"
    (parcel,) = await rows(database, outbox)
    assert (parcel["idempotency_key"], parcel["state"]) == (f"{number}-r1", "pending")
    assert parcel["document"] == ticket["document"]


async def test_filing_again_changes_nothing(database, numbers, tmp_path):
    call = one_matter(tmp_path).hang_up()
    first = await file_call(database, numbers, call.folder)
    written = (call.folder / "events.jsonl").read_bytes()
    archived = folders.archive(call.folder, tmp_path)
    again = await file_call(database, numbers, archived)
    assert (again.numbers, again.changed) == (first.numbers, False)
    assert (archived / "events.jsonl").read_bytes() == written
    assert len(await rows(database, tickets)) == len(await rows(database, outbox)) == 1


async def test_what_was_understood_stays_whatever_the_rules_become(database, numbers, tmp_path):
    call = one_matter(tmp_path)
    first = await file_call(database, numbers, call.hang_up().folder)
    (kept,) = [one for one in told(call.folder) if isinstance(one, entries.Understood)]
    folder = call.folder
    lines = (
        (folder / "events.jsonl").read_text().replace(f'"title": "{kept.title}"', '"title": "旧规则的标题"')
    )
    (folder / "events.jsonl").write_text(lines)  # as other rules had understood it
    again = await file_call(database, numbers, folder)
    assert (again.numbers, again.changed) == (first.numbers, True)
    documents = [json.loads(row["document"]) for row in await rows(database, tickets)]
    assert documents[-1]["appeal"]["title"] == "旧规则的标题"
    assert not (await file_call(database, numbers, folder)).changed


async def test_the_ticket_follows_the_call(database, numbers, tmp_path):
    call = one_matter(tmp_path).note(entries.Number(matter=0, number="261820700014"))
    during = await file_call(database, numbers, call.folder)
    assert (during.numbers, during.changed) == (("261820700014",), True)
    assert not (await file_call(database, numbers, call.folder)).changed
    call.hear(WATER).state(stated(1, WATER, until=7.0)).hang_up()
    after = await file_call(database, numbers, call.folder)
    assert after.numbers[0] == "261820700014"
    assert len(set(after.numbers)) == 2
    revisions = [(r["number"], r["revision"]) for r in await rows(database, outbox)]
    assert sorted(revisions) == sorted([(after.numbers[0], 1), (after.numbers[0], 2), (after.numbers[1], 1)])
    (row,) = await rows(database, calls)
    assert row["ended_at"] is not None


async def test_matters_told_in_one_breath_name_each_other_once_both_have_a_number(
    database, numbers, tmp_path
):
    call = CallFolder(tmp_path).begin().hear(LEAK, WATER)
    call.state(stated(0, LEAK, until=3.5, complete=True, told_with=0))
    call.state(stated(1, WATER, until=7.0, told_with=0)).note(entries.Number(0, "261820700014"))
    during = await file_call(database, numbers, call.folder)
    assert during.numbers == ("261820700014",)
    call.hang_up(seconds=8.0)
    first, second = (await file_call(database, numbers, call.folder)).numbers
    documents = {r["number"]: json.loads(r["document"]) for r in await rows(database, tickets)}
    assert (documents[first]["revision"], documents[first]["appeal"]["related"]) == (2, [second])
    assert documents[second]["appeal"]["related"] == [first]
    assert f"来电人一次说了几件事,另见工单{first}" in documents[second]["notes"]
    again = await file_call(database, numbers, call.folder)
    assert (again.numbers, again.changed) == ((first, second), False)


async def test_a_call_without_a_matter_is_filed_with_its_reason(database, numbers, tmp_path):
    call = CallFolder(tmp_path).begin().hang_up()
    filed = await file_call(database, numbers, call.folder)
    assert (filed.numbers, filed.reason) == ((), "caller hung up before speaking")
    (row,) = await rows(database, calls)
    assert row["reason"] == "caller hung up before speaking"
    assert await rows(database, tickets) == []


@pytest.mark.parametrize(
    "audio", [None, b"", b"RIFF\0\0", b"not a sound file, but long enough to be one......"]
)
async def test_trouble_with_the_recording_costs_no_ticket(database, numbers, tmp_path, audio):
    call = one_matter(tmp_path).hang_up()
    (call.folder / "audio.wav").unlink()
    if audio is not None:
        (call.folder / "audio.wav").write_bytes(audio)
    filed = await file_call(database, numbers, call.folder)
    (ticket,) = await rows(database, tickets)
    assert json.loads(ticket["document"])["recording"] is None
    assert filed.numbers == (ticket["number"],)
    assert await rows(database, recordings) == []


async def test_a_torn_journal_is_filed(database, numbers, tmp_path):
    call = one_matter(tmp_path)
    with (call.folder / "events.jsonl").open("ab") as file:
        file.write(b'{"n": 9, "kind": "matt')
    call.journal.close()
    again = journal.Journal.reopen(call.folder)
    again.append(entries.Interrupted("the gateway stopped during the call"))
    again.append(entries.Finished())
    again.close()
    assert len((await file_call(database, numbers, call.folder)).numbers) == 1
    assert (await rows(database, calls))[0]["interrupted"]


async def test_a_folder_that_was_moved_away_is_an_error_and_no_empty_call(database, numbers, tmp_path):
    call = one_matter(tmp_path).hang_up()
    folders.archive(call.folder, tmp_path)
    with pytest.raises(FileNotFoundError):
        await file_call(database, numbers, call.folder)
    assert await rows(database, calls) == []


async def test_archiving_waits_for_a_filing(tmp_path, monkeypatch):
    call = one_matter(tmp_path).hang_up()
    lock, asked = fcntl.flock, threading.Event()

    def ask(descriptor, operation):
        if operation == fcntl.LOCK_EX:
            asked.set()
        lock(descriptor, operation)

    monkeypatch.setattr(fcntl, "flock", ask)
    async with folders.alone(call.folder):
        archiving = asyncio.create_task(asyncio.to_thread(folders.archive, call.folder, tmp_path))
        assert await asyncio.to_thread(asked.wait, 30)
        assert call.folder.is_dir()
    assert (await archiving).is_dir()


async def test_who_waits_for_a_folder_that_is_moved_away_is_not_alone_with_nothing(tmp_path):
    call = one_matter(tmp_path).hang_up()
    async with folders.alone(call.folder):
        waiting = asyncio.create_task(_enter(call.folder))
        await asyncio.sleep(0)  # it has found somebody there
        call.folder.rename(tmp_path / "elsewhere")
    with pytest.raises(FileNotFoundError):
        await waiting


async def _enter(folder: Path) -> None:
    async with folders.alone(folder):
        pass


async def test_a_number_on_file_is_used_even_if_the_journal_lost_it(database, numbers, tmp_path):
    call = one_matter(tmp_path).hang_up()
    (number,) = (await file_call(database, numbers, call.folder)).numbers
    file = call.folder / "events.jsonl"
    kept = [line for line in file.read_text().splitlines(keepends=True) if '"kind": "number"' not in line]
    file.write_text("".join(kept))
    (call.folder / "late.json").write_text(json.dumps(Transcript(BIG, (WATER,)).to_json()))
    assert (await file_call(database, numbers, call.folder)).numbers == (number,)
    assert {row["number"] for row in await rows(database, tickets)} == {number}


async def test_danger_gives_alarm_while_the_call_goes_on_before_there_is_a_ticket(
    database, numbers, tmp_path
):
    call = CallFolder(tmp_path).begin()
    call.note(entries.Alarm(0, "fire", "我家着火了"), entries.Alarm(0, "gas", "煤气"), entries.Alarm(1))
    assert (await file_call(database, numbers, call.folder)).numbers == ()
    first, second = sorted(await rows(database, outbox), key=lambda row: row["number"])
    assert (first["kind"], first["state"], second["kind"]) == ("alert", "pending", "alert")
    document = json.loads(first["document"])
    assert first["idempotency_key"] == document["id"] == f"danger-{call.call_id}-0"
    assert (document["risk"], document["words"], document["caller"]) == ("fire", "我家着火了", "13855812345")
    assert (document["hotline"], document["line"]) == ("12345", "政务服务便民热线")
    (_, written, *_) = [one.wall for one in journal.read(call.folder).entries if one.entry.kind == "alarm"]
    assert json.loads(second["document"])["risk"] is None
    assert datetime.fromisoformat(document["at"]) <= written
    call.state(stated(0, begin=1.0, danger=True, complete=True)).hang_up()
    await file_call(database, numbers, call.folder)
    assert [row["kind"] for row in await rows(database, outbox)].count("alert") == 2


async def test_an_anonymous_lines_alert_tells_nothing_of_its_caller(database, numbers, tmp_path):
    call = CallFolder(tmp_path).begin(anonymous=True, hotline="12356", name="心理援助热线")
    call.note(withhold(entries.Alarm(0, "self_harm", "不想活了")))
    call.state(stated(0, begin=1.0, danger=True, contact="13855812345", contact_confirmed=True))
    await file_call(database, numbers, call.folder)
    (row,) = await rows(database, outbox)
    document = json.loads(row["document"])
    assert (document["caller"], document["words"], document["risk"]) == ("", "", None)
    assert (document["call_id"], document["hotline"]) == (call.call_id, "12356")


FILER = """
import asyncio, json, os, sys
from datetime import datetime
from pathlib import Path
from recordings.database import open_database
from tickets import filing
from tickets.meaning.understanding import understand
from tickets.number import CITY_TIME, NumberBook

understand("房子漏雨", datetime.now(CITY_TIME))  # what it reads of files, it keeps
PARTS = ("filing.py", "papers.py", "journal.py", "outbox.py", "catalogue.py", "number.py")

async def main(url, data, die_at, folders):
    steps = 0
    def count(frame, event, argument):
        # Any line of the filing itself, or a return into it: the process dies between any two of its steps.
        nonlocal steps
        if frame.f_code.co_filename.endswith(PARTS):
            steps += 1
            if steps == die_at:
                os.kill(os.getpid(), 9)
            return count
    db = open_database(url)
    book = NumberBook(Path(data) / "numbers", 1)
    if die_at:
        sys.settrace(count)
        import threading; threading.settrace(count)
    await asyncio.gather(*(filing.file_call(db, book, Path(f)) for f in folders))
    sys.settrace(None)
    await db.close()
    return steps

for line in sys.stdin:  # each is a process of its own, which need not load all this anew
    reading, writing = os.pipe()
    if not (child := os.fork()):
        os.write(writing, str(asyncio.run(main(*json.loads(line)))).encode())
        os._exit(0)
    os.close(writing)
    _, status = os.waitpid(child, 0)
    steps = os.read(reading, 20).decode()
    os.close(reading)
    print(json.dumps([os.waitstatus_to_exitcode(status), steps]), flush=True)
"""


class FilingProcesses:
    """Processes that file calls, one after the other; ``url`` and ``data`` are the calls'."""

    def __init__(self, process: asyncio.subprocess.Process, url: str, data: Path) -> None:
        self._process, self._url, self._data = process, url, data

    async def run(self, die_at: int, *folders: Path) -> tuple[int, str]:
        """Let one file these folders and be killed at that step, 0: at none; its exit code, and its steps, if any."""
        assert self._process.stdin
        assert self._process.stdout
        job = (self._url, str(self._data), die_at, [str(folder) for folder in folders])
        self._process.stdin.write(f"{json.dumps(job)}\n".encode())
        code, steps = json.loads(await self._process.stdout.readline())
        return code, steps


@asynccontextmanager
async def filing_processes(url: str, data: Path) -> AsyncIterator[FilingProcesses]:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", FILER, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE
    )
    try:
        yield FilingProcesses(process, url, data)
    finally:
        assert process.stdin
        process.stdin.close()
        await process.wait()


async def test_one_folder_filed_by_processes_at_once_gives_one_ticket(database, database_url, tmp_path):
    made = [one_matter(tmp_path, f"20260701T083015-0000000{i}").hang_up().folder for i in range(3)]
    async with AsyncExitStack() as stack:
        two = [await stack.enter_async_context(filing_processes(database_url, tmp_path)) for _ in range(2)]
        results = await asyncio.gather(*(each.run(0, *made, *made) for each in two))
    assert [code for code, _ in results] == [0, 0], results
    filed = await rows(database, tickets)
    assert len(filed) == len({row["number"] for row in filed}) == len({row["call_id"] for row in filed}) == 3
    assert len(await rows(database, outbox)) == 3
    for folder in made:
        assert kinds(folder).count("number") == 1


async def test_kill_9_between_any_two_steps_loses_and_doubles_nothing(
    database, database_url, tmp_path, numbers
):
    async with filing_processes(database_url, tmp_path) as processes:
        call = one_matter(tmp_path, "20260701T083015-00000000").hang_up()
        code, counted = await processes.run(10**9, call.folder)
        assert code == 0
        steps = int(counted)
        assert steps > 50
        killed = []
        for turn, die_at in enumerate(range(5, steps, max(steps // 12, 1)), start=1):
            call = one_matter(tmp_path, f"20260701T083015-{turn:08x}").hang_up()
            code, _ = await processes.run(die_at, call.folder)
            assert code == -signal.SIGKILL, die_at
            (number,) = (await file_call(database, numbers, call.folder)).numbers
            given = [entry.number for entry in told(call.folder) if isinstance(entry, entries.Number)]
            assert given == [number]
            killed.append((call.call_id, number))
    filed = {row["call_id"]: row["number"] for row in await rows(database, tickets)}
    assert len(killed) >= 10
    assert all(filed[call_id] == number for call_id, number in killed)
    assert len(await rows(database, tickets)) == len(filed) == len(set(filed.values())) == len(killed) + 1
    assert len(await rows(database, outbox)) == len(filed)


async def test_many_calls_that_end_at_once_are_all_filed(database, numbers, tmp_path):
    made = [one_matter(tmp_path, f"20260701T083015-{i:08x}").hang_up() for i in range(50)]
    filed = await asyncio.gather(*(file_call(database, numbers, call.folder) for call in made))
    assert len({f.numbers for f in filed}) == 50
    assert len(await rows(database, outbox)) == 50


async def test_the_legs_of_a_call_that_was_passed_on_are_on_file(database, numbers, tmp_path):
    call = CallFolder(tmp_path).begin()
    dialled = entries.Dialled(
        leg=1, at=8.0, matter=0, reason="person", target="人工坐席", uri="sip:9000@h", sip_call_id="pbx-1"
    )
    answered = entries.LegAnswered(1, 12.0, "Q-17")
    call.note(dialled, answered, entries.LegEnded(1, 42.0, "target", "200 OK", 30.0))
    await file_call(database, numbers, call.hang_up(seconds=60.0).folder)
    own, passed = await rows(database, legs)
    assert (own["leg"], own["direction"], own["sip_call_id"]) == (0, "in", "abc@192.0.2.1")
    assert (own["talked_s"], own["ended_by"]) == (60.0, "caller")
    assert (passed["leg"], passed["direction"], passed["target"]) == (1, "out", "人工坐席")
    assert (passed["sip_call_id"], passed["ticket"], passed["talked_s"]) == ("pbx-1", "ours", 30.0)
    assert (own["their_id"], passed["their_id"]) == ("", "Q-17")
    assert (passed["answered_at"] - passed["began_at"]).total_seconds() == 4.0
    assert (passed["ended_at"] - own["answered_at"]).total_seconds() == 42.0
    await file_call(database, numbers, call.folder)
    assert len(await rows(database, legs)) == 2
