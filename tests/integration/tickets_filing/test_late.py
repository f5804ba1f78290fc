from __future__ import annotations

import asyncio
import json
import warnings
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa
from callfolder import CallFolder, heard, silence, stated

from asr.catalogue import open_model
from asr.client import AsrClient, AsrUnavailable
from asr.engine import Engine, EngineError, Recognizer
from asr.server import SpeechServer, serve
from gateway.prompts.voice import speak
from recordings import entries, folders, jobs
from recordings.schema import calls, tickets, transcripts
from tickets.filing import file_call
from tickets.jobs import JobRunner
from tickets.late import LateTranscriber
from tickets.number import NumberBook

with warnings.catch_warnings():
    warnings.simplefilter("ignore", DeprecationWarning)
    import audioop

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from recordings.database import Database

COMPLAINT = "我要投诉小区夜间施工噪音扰民"
LEAK = "颍上县慎城镇房子漏雨"


class Site:
    """A data folder with its database, and a speech server that may come and go."""

    def __init__(self, data: Path, db: Database) -> None:
        self.data, self.db = data, db
        self.numbers = NumberBook(data / "numbers", 1)
        self.address = f"unix:{data / 'asr.sock'}"

    @asynccontextmanager
    async def asr(self) -> AsyncIterator[None]:
        stop = asyncio.Event()
        async with AsrClient(self.address) as client:
            server = asyncio.create_task(serve(self.address, open_model(None), 2, stop))
            async with asyncio.timeout(60):
                while not await _answers(client) and not server.done():  # noqa: ASYNC110 - seen from outside
                    await asyncio.sleep(0.05)
            yield
        stop.set()
        await server

    def transcriber(self, client: AsrClient) -> LateTranscriber:
        return LateTranscriber(self.db, client, self.numbers, self.data)

    @asynccontextmanager
    async def late(self) -> AsyncIterator[JobRunner]:
        async with AsrClient(self.address) as client:
            yield JobRunner(self.db, "late", [1], self.transcriber(client).amend)

    async def file(self, call: CallFolder) -> Path:
        """As the gateway does at the end of a call."""
        await file_call(self.db, self.numbers, call.folder)
        return folders.archive(call.folder, self.data)

    async def last(self, call: CallFolder) -> dict[str, Any]:
        """The last revision of the call's only ticket."""
        query = (
            sa.select(tickets).where(tickets.c.call_id == call.call_id).order_by(tickets.c.revision.desc())
        )
        async with self.db.read() as connection:
            found = (await connection.execute(query)).mappings().all()
        assert len({row["number"] for row in found}) == 1
        return json.loads(found[0]["document"])

    async def state(self, call: CallFolder) -> str:
        async with self.db.read() as connection:
            return await connection.scalar(sa.select(calls.c.late).where(calls.c.call_id == call.call_id))


async def _answers(client: AsrClient) -> bool:
    try:
        await client.fingerprint()
    except AsrUnavailable:
        return False
    return True


async def say(text: str) -> bytes:
    """Speech as it comes over the telephone: G.711 A-law."""
    return audioop.alaw2lin(audioop.lin2alaw(await speak(text), 2), 2)


@pytest.fixture
def site(tmp_path: Path, database: Database) -> Site:
    return Site(tmp_path, database)


async def deaf_call(site: Site, text: str, call_id: str = "20260701T083015-0a1b2c3d") -> CallFolder:
    """A call that went by keys: nothing was recognised, all is in the recording."""
    speech = await say(text)
    until = 3.0 + len(speech) / 16000
    call = CallFolder(site.data, call_id).begin(model=None)
    call.state(stated(0, begin=2.5, until=until + 1.0, complete=True))
    call.record(silence(3.0) + speech + silence(2.0))
    return call.hang_up(seconds=until + 2.0)


async def test_the_words_follow_when_the_recogniser_is_back(site):
    call = await deaf_call(site, COMPLAINT)
    await site.file(call)
    before = await site.last(call)
    assert (before["appeal"]["content"], before["appeal"]["text_pending"]) == ("(录音待转写)", True)
    assert await site.state(call) == "wanted"
    async with site.late() as late:
        with pytest.raises(AsrUnavailable):
            await late.work()
        async with site.asr():
            assert await late.work() == 1
            assert await late.work() == 0
    after = await site.last(call)
    assert (after["number"], after["revision"]) == (before["number"], 2)
    assert after["appeal"]["content"] == COMPLAINT
    assert (after["appeal"]["type"], after["appeal"]["text_pending"]) == ("投诉", False)
    assert after["transcript"]["model"]["demo"]
    assert after["transcript"]["complete"]
    start, end = (after["transcript"]["utterances"][0][key] for key in ("start", "end"))
    assert 2.5 < start < 3.5 < end < 3.5 + len(await say(COMPLAINT)) / 16000
    assert await site.state(call) == "done"


async def test_the_running_transcriber_waits_for_the_recogniser_and_stops_when_told(site):
    call = await deaf_call(site, LEAK)
    await site.file(call)
    stop = asyncio.Event()
    async with site.late() as late:
        running = asyncio.create_task(late.run(stop))
        await asyncio.sleep(0.3)
        assert await site.state(call) == "wanted"
        async with site.asr(), asyncio.timeout(60):
            while await site.state(call) != "done":  # noqa: ASYNC110 - seen from outside
                await asyncio.sleep(0.05)
        stop.set()
        await asyncio.wait_for(running, 10)
    assert (await site.last(call))["appeal"]["content"] == LEAK


async def test_an_interrupted_call_gets_its_words_from_the_recording(site):
    speech = await say(LEAK)
    call = CallFolder(site.data).begin().record(silence(1.0) + speech + silence(0.5)).die()
    await file_call(site.db, site.numbers, call.folder)
    async with site.db.read() as connection:
        assert (
            await connection.scalar(sa.select(calls.c.reason))
        ) == "speech in the recording waits to be transcribed"
    folders.archive(call.folder, site.data)
    async with site.asr(), site.late() as late:
        await late.work()
    ticket = await site.last(call)
    assert ticket["appeal"]["content"] == LEAK
    assert ticket["place"]["township"] == "慎城镇"
    assert ticket["call"]["interrupted"]


async def passed_on_call(site: Site, call_id: str, talk_seconds: float) -> CallFolder:
    """A caller who has told his matter, and has then talked with somebody who asked and was answered, in turn."""
    matter, answer, question = await say(LEAK), await say("我家停水三天了"), await say(COMPLAINT)
    told_until = 1.0 + len(matter) / 16000
    caller, target = bytearray(silence(1.0) + matter + silence(2.0)), bytearray()
    begun = len(caller) / 16000
    target += silence(begun)
    while len(caller) / 16000 < begun + talk_seconds:
        target += question + silence(1.5 + len(answer) / 16000)
        caller += silence(0.7 + len(question) / 16000) + answer + silence(0.8)
    until = len(caller) / 16000
    call = CallFolder(site.data, call_id).begin()
    phrase = heard(LEAK, 1.0, told_until)
    call.hear(phrase).state(stated(0, phrase, until=told_until + 1.0, complete=True))
    call.note(entries.Dialled(leg=1, at=begun - 1.0, matter=0, target="坐席"), entries.LegAnswered(1, begun))
    call.note(entries.LegEnded(leg=1, at=until, by="caller", talked=until - begun))
    call.record(bytes(caller), bytes(target))
    return call.hang_up(seconds=until)


async def test_a_talk_is_transcribed_from_both_sides_of_the_recording(site):
    call = await passed_on_call(site, "20260701T083015-0a1b2c3d", 5.0)
    await site.file(call)
    assert await site.state(call) == "wanted"
    assert not (await site.last(call))["transcript"]["complete"]
    async with site.asr(), site.late() as late:
        assert await late.work() == 1
    ticket = await site.last(call)
    assert ticket["transcript"]["complete"]
    assert COMPLAINT not in ticket["appeal"]["content"]
    said = [(u["speaker"], u["text"]) for u in ticket["transcript"]["utterances"] if u["text"]]
    assert said[0] == ("caller", LEAK)
    assert [who for who, _ in said[1:]] == ["target", "caller"] * (len(said) // 2)
    assert all(text == COMPLAINT for who, text in said if who == "target")


@pytest.mark.soak
async def test_fifty_talks_are_transcribed_within_ten_minutes(site):
    made = [await passed_on_call(site, f"20260701T083015-000000{i:02}", 90.0) for i in range(50)]
    for call in made:
        await site.file(call)
    begun = asyncio.get_running_loop().time()
    async with site.asr(), site.late() as late:
        while await late.work():
            pass
    took = asyncio.get_running_loop().time() - begun
    print(f"50 talks of 90 s, both sides, transcribed in {took:.0f} s")
    assert [await site.state(call) for call in made] == ["done"] * 50
    assert took < 600


async def test_a_recording_of_nothing_waits_for_nobody(site):
    call = CallFolder(site.data).begin().record(silence(10.0)).die()
    filed = await file_call(site.db, site.numbers, call.folder)
    assert (filed.numbers, filed.reason) == ((), "interrupted before the caller said anything")
    assert await site.state(call) == "none"


async def test_transcribing_twice_gives_the_same(site):
    calls_made = [await deaf_call(site, COMPLAINT, f"20260701T083015-0000000{i}") for i in range(2)]
    for call in calls_made:
        await site.file(call)
    async with site.asr(), site.late() as late:
        assert await late.work() == 2
    async with site.db.read() as connection:
        query = sa.select(transcripts.c.document).where(transcripts.c.source == "late")
        first, second = await connection.scalars(query)
    assert first == second


async def test_what_was_transcribed_before_a_crash_is_only_filed(site):
    call = await deaf_call(site, COMPLAINT)
    folder = await site.file(call)
    async with site.asr(), AsrClient(site.address) as client:
        await site.transcriber(client)._transcribe(folder)
    assert await site.state(call) == "wanted"  # killed before the filing
    async with site.late() as late:  # and the recogniser is gone again
        await late.work()
    assert (await site.last(call))["appeal"]["content"] == COMPLAINT


async def test_a_transcript_of_a_newer_version_is_read_as_far_as_it_is_known(site):
    call = await deaf_call(site, COMPLAINT)
    folder = await site.file(call)
    async with site.asr(), AsrClient(site.address) as client:
        await site.transcriber(client)._transcribe(folder)
    newer = json.loads((folder / folders.LATE).read_text())
    newer |= {"version": 2, "mood": "calm"}
    newer["model"]["licence"] = "free"
    newer["utterances"][0]["mouth"] = 1
    newer["utterances"][0]["words"][0]["pinyin"] = "wo3"
    (folder / folders.LATE).write_text(json.dumps(newer))
    async with site.late() as late:  # nobody is there to hear it again
        assert await late.work() == 1
    assert (await site.last(call))["appeal"]["content"] == COMPLAINT


@pytest.mark.parametrize(
    "unreadable",
    [
        "",
        "[]",
        "[" * 100_000,
        '{"version": 2, "texts": []}',
        '{"version": 1, "model": null, "utterances": [{"text": "?"}], "complete": true}',
        '{"version": 1, "model": {"name": 7}, "utterances": [], "complete": true}',
    ],
)
async def test_a_transcript_that_cannot_be_read_is_set_aside_and_made_again(site, caplog, unreadable):
    call = await deaf_call(site, COMPLAINT)
    folder = await site.file(call)
    (folder / folders.LATE).write_text(unreadable)
    async with site.asr(), site.late() as late:
        assert await late.work() == 1
    assert (await site.last(call))["appeal"]["content"] == COMPLAINT
    assert await site.state(call) == "done"
    assert (folder / f"{folders.LATE}.unreadable").read_text() == unreadable
    assert f"{folder / folders.LATE} cannot be read" in caplog.text


async def test_a_recording_that_is_gone_holds_up_no_other(site):
    gone, spoilt, good = [await deaf_call(site, LEAK, f"20260701T08301{i}-00000000") for i in range(3)]
    places = [await site.file(call) for call in (gone, spoilt, good)]
    for file in places[0].iterdir():
        file.unlink()
    places[0].rmdir()
    (places[1] / folders.AUDIO).write_bytes(b"not a sound file, but long enough to be one......")
    async with site.asr(), site.late() as late:
        assert await late.work() == 2
        assert await late.work() == 0
    assert [await site.state(call) for call in (gone, spoilt, good)] == ["none", "none", "done"]
    async with site.db.read() as connection:
        (failed,) = await jobs.list_jobs(connection, ["failed"], datetime.now(UTC), 10)
    assert (failed.call_id, failed.tries, failed.last_error) == (
        gone.call_id,
        1,
        f"the recording is gone from {site.data}, its words are lost",
    )
    assert not (await site.last(spoilt))["appeal"]["text_pending"]
    assert (await site.last(good))["appeal"]["content"] == LEAK


class Choking(Engine):
    """An engine that the first recording it gets is too much for."""

    recordings = 0

    def recognizer(self, sample_rate: float, *args: Any, **kwargs: Any) -> Recognizer:
        self.recordings += 1
        if self.recordings in range(
            2, 6
        ):  # the first is the server's own trial of its speed; it is said again thrice
            raise EngineError("cannot decode that")
        return super().recognizer(sample_rate, *args, **kwargs)


async def test_a_recording_that_the_recogniser_cannot_take_holds_up_no_other(site):
    odd, good = [await deaf_call(site, LEAK, f"20260701T08301{i}-00000000") for i in range(2)]
    for call in (odd, good):
        await site.file(call)
    server = SpeechServer(Choking(open_model(None)), 2)
    await server.start(site.address)
    async with site.late() as late, asyncio.timeout(60):
        while await site.state(odd) != "done":  # it is tried again, later
            await late.work()
            await asyncio.sleep(0.05)
    async with site.db.read() as connection:
        tried = {
            job.call_id: job.tries
            for job in await jobs.list_jobs(connection, ["done"], datetime.now(UTC), 10)
        }
    assert tried == {odd.call_id: 2, good.call_id: 1}
    assert await site.state(good) == "done"
    await server.stop()
    assert await site.state(odd) == "done"


async def test_a_call_that_makes_no_valid_ticket_holds_up_no_other(site):
    odd, good = [await deaf_call(site, LEAK, f"20260701T08301{i}-00000000") for i in range(2)]
    places = [await site.file(call) for call in (odd, good)]
    journal = places[0] / "events.jsonl"
    whole = journal.read_text()
    taken = {"kind": "number", "matter": 1, "number": (await site.last(good))["number"]}
    journal.write_text("\n".join((whole, json.dumps({"kind": "matter", "index": 1}), json.dumps(taken))))
    stop = asyncio.Event()
    async with site.asr(), site.late() as late, asyncio.timeout(60):
        running = asyncio.create_task(late.run(stop))
        while await site.state(good) != "done":  # noqa: ASYNC110 - seen from outside
            await asyncio.sleep(0.05)
        assert not running.done()
        assert await site.state(odd) == "wanted"
        journal.write_text(whole)
        while await site.state(odd) != "done":  # noqa: ASYNC110 - it is tried again by itself
            await asyncio.sleep(0.05)
        stop.set()
        await running
    assert (await site.last(odd))["appeal"]["content"] == LEAK


async def test_a_recording_that_cannot_be_read_holds_up_no_other(site):
    stuck, good = [await deaf_call(site, LEAK, f"20260701T08301{i}-00000000") for i in range(2)]
    audio, _ = [await site.file(call) / folders.AUDIO for call in (stuck, good)]
    aside = audio.rename(audio.with_suffix(".aside"))
    audio.mkdir()  # reading it fails, as it does on a failing disk
    async with site.asr(), site.late() as late:
        assert await late.work() == 1
        assert [await site.state(call) for call in (stuck, good)] == ["wanted", "done"]
        assert await late.work() == 0  # not at once
        audio.rmdir()
        aside.rename(audio)
        async with asyncio.timeout(10):
            while not await late.work():  # noqa: ASYNC110 - it comes round again
                await asyncio.sleep(0.1)
    assert (await site.last(stuck))["appeal"]["content"] == LEAK


async def test_a_recording_that_is_archived_meanwhile_is_not_given_up(site, monkeypatch):
    call = await deaf_call(site, LEAK)
    await file_call(site.db, site.numbers, call.folder)  # the gateway has yet to archive it
    look = Path.is_dir

    def look_and_archive(path):
        found = look(path)
        if look(call.folder):
            folders.archive(call.folder, site.data)
        return found

    async with site.asr(), site.late() as late, asyncio.timeout(30):
        with monkeypatch.context() as patch:
            patch.setattr(Path, "is_dir", look_and_archive)
            await late.work()
        while not await late.work():  # noqa: ASYNC110 - it comes round again
            await asyncio.sleep(0.1)
    assert await site.state(call) == "done"
    assert (await site.last(call))["appeal"]["content"] == LEAK


async def test_a_number_in_other_digits_costs_no_ticket(site):
    call = CallFolder(site.data).begin(caller="\uff11\uff13\uff18\uff15\uff15", model=None)
    call.record(silence(3.0) + await say(LEAK) + silence(1.0)).hang_up()
    await site.file(call)
    async with site.asr(), site.late() as late:
        assert await late.work() == 1
    ticket = await site.last(call)
    assert (ticket["appeal"]["content"], ticket["caller"]["number"], ticket["caller"]["anonymous"]) == (
        LEAK,
        "",
        True,
    )


async def test_a_text_that_was_heard_well_is_not_heard_again(site):
    first = heard("我家停水三天了没人管", 1.0, 2.5)
    speech = await say(LEAK)
    call = CallFolder(site.data).begin().hear(first).state(stated(0, first, until=2.8, complete=True))
    call.note(entries.EarLostEvent(at=3.0))
    call.state(stated(1, begin=4.0, until=5.0 + len(speech) / 16000, complete=True))
    call.record(
        silence(1.0) + await say("颍泉区") + silence(1.5) + silence(1.5) + speech + silence(1.0)
    ).hang_up()
    filed = await file_call(site.db, site.numbers, call.folder)
    assert len(filed.numbers) == 2
    async with site.asr(), site.late() as late:
        await late.work()
    again = await file_call(site.db, site.numbers, call.folder)
    assert (again.numbers, again.changed) == (filed.numbers, False)
    async with site.db.read() as connection:
        rows = await connection.execute(
            sa.select(tickets.c.matter, tickets.c.document).order_by(tickets.c.revision)
        )
        contents = {matter: json.loads(document)["appeal"]["content"] for matter, document in rows}
    assert contents[0] == "我家停水三天了没人管"
    assert contents[1].endswith(LEAK)
