from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest
from callfolder import DEMO, CallFolder, heard, silence, stated

from recordings import entries, folders
from tickets import outbox
from tickets.filing import file_call
from tickets.number import NumberBook
from tickets.story import tell_story

if TYPE_CHECKING:
    from pathlib import Path

LEAK = heard("颍上县慎城镇房子漏雨", 1.0, 3.0)
MORE = heard("漏到楼下了", 4.0, 5.0)
NOW = datetime(2026, 7, 1, 9, tzinfo=UTC)
RECEIPT = {"number": "FY-1", "status": "已受理", "accepted_at": "2026-07-01T09:00:00Z"}


@pytest.fixture
def numbers(tmp_path: Path) -> NumberBook:
    return NumberBook(tmp_path / "numbers", 1)


def calling(data: Path) -> CallFolder:
    call = CallFolder(data).begin()
    call.note(entries.Played(id=1, name="opening", text="您好,阜阳12345。", start=0.02))
    call.hear(LEAK).note(entries.DigitEvent(at=3.4, key="#"))
    return call.state(stated(0, LEAK, until=3.5, complete=True)).record(silence(8))


async def test_the_whole_story_of_a_call(database, numbers, tmp_path):
    call = calling(tmp_path).note(entries.Number(matter=0, number="261820100014"))
    await file_call(database, numbers, call.folder)
    call.hear(MORE).state(stated(0, LEAK, MORE, until=5.0, complete=True)).hang_up(seconds=8.0)
    await file_call(database, numbers, call.folder)
    async with database.write() as connection:
        first = (await outbox.claim(connection, datetime.now(UTC), 30, 1))[0]
        await outbox.accept(connection, first.id, RECEIPT, NOW)
    async with database.write() as connection:
        second = (await outbox.claim(connection, datetime.now(UTC), 30, 1))[0]
        await outbox.bury(connection, second.id, "HTTP 422: 缺少字段", NOW)
    folders.archive(call.folder, tmp_path)

    story = await tell_story(database, tmp_path, call.call_id)

    assert story
    assert story.filed
    assert (story.call.caller, story.call.hung_up_by, story.call.duration_s) == ("13855812345", "caller", 8.0)
    assert story.recording
    assert story.recording.path == f"calls/2026/07/01/{call.call_id}/audio.wav"
    assert story.transcripts["live"].utterances == (LEAK, MORE)
    assert story.transcripts["live"].model == DEMO
    told = [
        (event.entry.kind, event.at)
        for event in story.events
        if isinstance(event.entry, entries.Event | entries.Heard | entries.Played)
    ]
    assert told == [
        ("event.answered", 0.0),
        ("played", 0.02),
        ("heard", 1.0),
        ("event.digit", 3.4),
        ("heard", 4.0),
    ]
    assert story.events[0].entry.kind == "incoming"
    assert story.events[0].at is None
    assert [e.entry.key for e in story.events if isinstance(e.entry, entries.DigitEvent)] == ["#"]
    assert entries.Finished() in [event.entry for event in story.events[-2:]]  # beside what the words mean
    (ticket,) = story.tickets
    assert (ticket.number, ticket.matter) == ("261820100014", 0)
    assert [revision.revision for revision in ticket.revisions] == [1, 2]
    assert [revision.document["call"]["ended_at"] is None for revision in ticket.revisions] == [True, False]
    (accepted,), (refused,) = (revision.deliveries for revision in ticket.revisions)
    assert (accepted.key, accepted.state, accepted.attempts) == ("261820100014-r1", "accepted", 1)
    assert accepted.receipt == RECEIPT
    assert accepted.settled_at == NOW
    assert (refused.state, refused.last_error, refused.receipt) == ("dead", "HTTP 422: 缺少字段", None)


async def test_a_call_that_is_not_filed_yet(database, tmp_path):
    call = calling(tmp_path)
    story = await tell_story(database, tmp_path, call.call_id)
    assert story
    assert not story.filed
    assert (story.call.hotline, story.call.ended_at) == ("12345", None)
    assert story.recording is None
    assert story.tickets == ()
    assert story.transcripts["live"].text == LEAK.text
    assert "heard" in {event.entry.kind for event in story.events}


async def test_a_call_whose_folder_is_elsewhere(database, numbers, tmp_path):
    call = calling(tmp_path).hang_up(seconds=8.0)
    await file_call(database, numbers, call.folder)
    story = await tell_story(database, tmp_path / "another node", call.call_id)
    assert story
    assert story.events == ()
    assert len(story.tickets) == 1
    assert story.tickets[0].revisions[0].deliveries[0].state == "pending"


@pytest.mark.parametrize("call_id", ["20260701T083015-ffffffff", "../calls", "..", ""])
async def test_nobody_knows_the_call(database, tmp_path, call_id):
    calling(tmp_path)
    assert await tell_story(database, tmp_path, call_id) is None
