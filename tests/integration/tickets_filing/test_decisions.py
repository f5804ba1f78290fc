"""An agent's decisions beside filings of the same call, on both databases."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa
from callfolder import BIG, CallFolder, heard, silence, stated

from asr.evaluation.report import judge, total
from asr.transcript import Transcript
from ivr.matter import Matter
from recordings import entries, folders
from recordings.schema import outbox, reviews, tickets, worklist
from recordings.search import search_texts
from tickets import filing, worksheet
from tickets import outbox as posting
from tickets.decisions import ReviewRefused, RevisionMoved, count_decided, decide, take_back
from tickets.filing import file_call
from tickets.number import NumberBook
from tickets.reading import write_transcript
from tickets.review import Correction, Fields, Sheet
from tickets.story import tell_story
from tickets.text.normal import normalise
from tickets.text.reviewed import read_questions, read_reviewed
from tickets.worksheet import Edits, WorksheetMoved

if TYPE_CHECKING:
    from pathlib import Path

    from recordings.database import Database

LEAK = heard("颍上县慎城真房子漏雨", 1.0, 3.0)
WATER = heard("我家停水三天了没人管", 4.0, 6.0)
NOW = datetime(2026, 7, 1, 9, 0, tzinfo=UTC)
LATER = Transcript(BIG, (LEAK, heard("还有路灯不亮", 6.5, 7.5)), complete=True)


@pytest.fixture
def numbers(tmp_path: Path) -> NumberBook:
    return NumberBook(tmp_path / "numbers", 1)


def cut_off(data: Path) -> CallFolder:
    """A call whose end was not heard: it waits for its recording to be transcribed."""
    call = CallFolder(data).begin().hear(LEAK).state(stated(0, LEAK, until=3.5, complete=True))
    return call.note(entries.Deaf(reason="lost")).record(silence(8)).hang_up(seconds=8.0)


def whole(data: Path) -> CallFolder:
    call = CallFolder(data).begin().hear(LEAK).state(stated(0, LEAK, until=3.5, complete=True))
    return call.record(silence(8)).hang_up(seconds=8.0)


async def documents(database: Database, number: str) -> list[dict[str, Any]]:
    async with database.read() as connection:
        found = await connection.scalars(
            sa.select(tickets.c.document).where(tickets.c.number == number).order_by(tickets.c.revision)
        )
        return [json.loads(document) for document in found]


async def one(database: Database, query: sa.Select[Any]) -> Any:
    async with database.read() as connection:
        return await connection.scalar(query)


def make_sheet(document: dict[str, Any], **changes: Any) -> Sheet:
    parts = {**document["appeal"], **document["place"], **document["caller"]}
    fields = {name: parts[name] for name in Fields.model_fields}
    corrections = changes.pop("corrections", (Correction(start=1.0, end=3.0, text="颍上县慎城镇房子漏雨"),))
    reason = changes.pop("reason", "")
    return Sheet(fields=Fields.model_validate({**fields, **changes}), corrections=corrections, reason=reason)


async def review(
    database: Database, number: str, base: int, decision: Any = "accepted", **changes: Any
) -> int:
    (*_, document) = await documents(database, number)
    sheet = make_sheet(document, **changes)
    async with database.write() as connection:
        return await decide(
            connection, document["call"]["call_id"], number, base, "张敏", decision, sheet, NOW
        )


async def test_an_accepted_ticket_is_a_new_revision_on_its_way(database, numbers, tmp_path):
    call = whole(tmp_path)
    (number,) = (await file_call(database, numbers, call.folder)).numbers
    assert await review(database, number, 1, village="李庄村", content="慎城镇的房子漏雨") == 2
    before, after = await documents(database, number)
    assert (before["status"], before["review"], before["place"]["village"]) == ("待审核", None, "")
    assert (after["status"], after["review"]["agent"], after["revision"]) == ("已审核", "张敏", 2)
    assert (after["appeal"]["content"], after["place"]["village"]) == ("慎城镇的房子漏雨", "李庄村")
    assert [u["text"] for u in after["transcript"]["utterances"]] == ["颍上县慎城镇房子漏雨"]
    sent = await one(database, sa.select(outbox.c.document).where(outbox.c.revision == 2))
    assert json.loads(sent) == after
    assert await one(database, sa.select(worklist.c.state)) == "已审核"
    assert "慎城镇" in await one(database, sa.select(search_texts.c.text))


async def test_a_decision_about_an_anonymous_call_adds_nothing_to_its_ticket(database, numbers, tmp_path):
    line = {"hotline": "12356", "name": "心理援助", "department": "卫健委", "mode": "转接", "anonymous": True}
    call = CallFolder(tmp_path).begin(caller="", **line).hear(heard("", 1.0, 3.0, confidence=0.2))
    agreed = {"call_back": "来电人同意回电", "contact": "13855812345", "contact_confirmed": True}
    call.note(entries.Deaf(reason="lost")).state(Matter(0, complete=True, **agreed)).hang_up(seconds=8.0)
    (number,) = (await file_call(database, numbers, call.folder)).numbers
    assert await review(database, number, 1, corrections=()) == 2
    before, after = await documents(database, number)
    assert after["status"] == "已审核"
    assert after["transcript"] == before["transcript"] == {"model": None, "complete": True, "utterances": []}
    assert "13855812345" not in json.dumps(after)
    flags = sa.select(worklist.c.low_confidence, worklist.c.place_missing)
    async with database.read() as connection:
        assert tuple((await connection.execute(flags)).one()) == (False, False)
    story = await tell_story(database, tmp_path, call.call_id)
    assert story
    assert story.transcripts["live"].utterances == ()


async def test_filing_the_same_again_says_nothing_new(database, numbers, tmp_path):
    call = whole(tmp_path)
    (number,) = (await file_call(database, numbers, call.folder)).numbers
    await review(database, number, 1)
    assert not (await file_call(database, numbers, call.folder)).changed
    assert len(await documents(database, number)) == 2
    assert await one(database, sa.select(worklist.c.state)) == "已审核"


async def test_a_later_transcript_completes_the_facts_and_leaves_the_agents_words(
    database, numbers, tmp_path
):
    call = cut_off(tmp_path)
    (number,) = (await file_call(database, numbers, call.folder)).numbers
    await review(database, number, 1, content="已电话核实:房子漏雨", urgency="紧急")
    (call.folder / folders.LATE).write_text(json.dumps(LATER.to_json()))
    assert (await file_call(database, numbers, call.folder)).changed
    (*_, last) = await documents(database, number)
    assert (last["revision"], last["status"]) == (3, "已审核")
    assert (last["appeal"]["content"], last["appeal"]["urgency"]) == ("已电话核实:房子漏雨", "紧急")
    assert [u["text"] for u in last["transcript"]["utterances"]] == ["颍上县慎城镇房子漏雨", "还有路灯不亮"]
    assert last["transcript"]["complete"]
    assert last["review"]["later_words"]
    assert await one(database, sa.select(worklist.c.state)) == "待审核"  # the agent is to look again
    assert await review(database, number, 3, content="房子漏雨,路灯不亮") == 4
    (*_, last) = await documents(database, number)
    assert not last["review"]["later_words"]
    assert await one(database, sa.select(worklist.c.state)) == "已审核"
    async with database.read() as connection:
        kept = (await connection.execute(sa.select(reviews.c.review, reviews.c.revision))).all()
    assert sorted(kept) == [(1, 2), (2, 4)]  # the first one stays on file


async def test_what_is_decided_over_an_older_revision_is_refused(database, numbers, tmp_path):
    call = cut_off(tmp_path)
    (number,) = (await file_call(database, numbers, call.folder)).numbers
    (call.folder / folders.LATE).write_text(json.dumps(LATER.to_json()))
    await file_call(database, numbers, call.folder)
    with pytest.raises(RevisionMoved, match=r"新的第 2 版,您看到的是第 1 版"):
        await review(database, number, 1)
    assert len(await documents(database, number)) == 2
    assert await one(database, sa.select(sa.func.count()).select_from(reviews)) == 0


async def test_of_two_who_decide_at_once_one_is_told_to_look_again(database, numbers, tmp_path):
    (number,) = (await file_call(database, numbers, whole(tmp_path).folder)).numbers
    done = await asyncio.gather(
        review(database, number, 1, title="甲"),
        review(database, number, 1, title="乙"),
        return_exceptions=True,
    )
    assert sorted(type(answer) for answer in done if answer != 2) == [RevisionMoved]
    assert len(await documents(database, number)) == 2


async def test_a_decision_between_a_filings_reading_and_writing_survives(
    database, numbers, tmp_path, monkeypatch
):
    call = cut_off(tmp_path)
    (number,) = (await file_call(database, numbers, call.folder)).numbers
    (call.folder / folders.LATE).write_text(json.dumps(LATER.to_json()))
    write = filing.write_papers
    decided = []

    async def decide_first(db: Database, papers: Any) -> Any:
        if not decided:
            decided.append(await review(database, number, 1, content="坐席写的"))
        return await write(db, papers)

    monkeypatch.setattr(filing, "write_papers", decide_first)
    await file_call(database, numbers, call.folder)
    assert decided == [2]
    revisions = await documents(database, number)
    assert [r["status"] for r in revisions] == ["待审核", "已审核", "已审核"]
    assert revisions[-1]["appeal"]["content"] == "坐席写的"
    assert revisions[-1]["review"]["later_words"]


async def test_a_ticket_sent_back_says_why_and_may_be_accepted_later(database, numbers, tmp_path):
    (number,) = (await file_call(database, numbers, whole(tmp_path).folder)).numbers
    with pytest.raises(ReviewRefused, match="请写明退回的原因"):
        await review(database, number, 1, "returned")
    assert await review(database, number, 1, "returned", reason="不属于本市") == 2
    (*_, last) = await documents(database, number)
    assert (last["status"], last["review"]["reason"]) == ("已退回", "不属于本市")
    assert await one(database, sa.select(worklist.c.state)) == "已退回"
    assert await review(database, number, 2, reason="忘了删") == 3
    (*_, last) = await documents(database, number)
    assert (last["status"], last["review"]["reason"]) == ("已审核", "")


async def test_a_correction_taken_back_is_gone(database, numbers, tmp_path):
    (number,) = (await file_call(database, numbers, whole(tmp_path).folder)).numbers
    await review(database, number, 1)
    await review(database, number, 2, corrections=())
    (*_, last) = await documents(database, number)
    (utterance,) = last["transcript"]["utterances"]
    assert (utterance["text"], utterance["corrected"]) == ("颍上县慎城真房子漏雨", False)


async def test_nothing_is_decided_while_the_call_goes_on(database, numbers, tmp_path):
    call = CallFolder(tmp_path).begin().hear(LEAK).state(stated(0, LEAK, until=3.5, complete=True))
    call.note(entries.Number(matter=0, number=numbers.next(NOW.date())))
    (number,) = (await file_call(database, numbers, call.folder)).numbers
    with pytest.raises(ReviewRefused, match="还在进行"):
        await review(database, number, 1)


async def test_a_call_waits_until_each_of_its_tickets_is_decided(database, numbers, tmp_path):
    call = CallFolder(tmp_path).begin().hear(LEAK, WATER)
    call.state(stated(0, LEAK, until=3.5, complete=True)).state(stated(1, WATER, until=6.5, complete=True))
    filed = await file_call(database, numbers, call.record(silence(8)).hang_up(seconds=8.0).folder)
    first, second = filed.numbers
    await review(database, first, 1)
    assert await one(database, sa.select(worklist.c.state)) == "待审核"
    await review(database, second, 1, "returned", reason="重复")
    assert await one(database, sa.select(worklist.c.state)) == "已审核"
    sheet = make_sheet((await documents(database, first))[-1])
    async with database.write() as connection:
        with pytest.raises(ReviewRefused, match="没有编号为"):
            await decide(connection, "20260701T083015-ffffffff", first, 2, "张敏", "accepted", sheet, NOW)


async def save(database: Database, call_id: str, version: int, **fields: Any) -> int:
    edits = Edits.model_validate({"tickets": fields})
    async with database.write() as connection:
        return await worksheet.save(connection, call_id, version, "张敏", edits, NOW)


async def test_a_sheet_is_saved_over_the_version_it_was_read_at_only(database, numbers, tmp_path):
    call = whole(tmp_path)
    (number,) = (await file_call(database, numbers, call.folder)).numbers
    assert await save(database, call.call_id, worksheet.NEW, **{number: {"title": "一"}}) == 1
    assert await save(database, call.call_id, 1, **{number: {"title": "一二"}}) == 2
    for stale in (worksheet.NEW, 1, 7):
        with pytest.raises(WorksheetMoved, match="已在别处"):
            await save(database, call.call_id, stale, **{number: {"title": "别人"}})
    async with database.read() as connection:
        sheet = await worksheet.read(connection, call.call_id)
    assert sheet is not None
    assert (sheet.version, sheet.edits["tickets"]) == (2, {number: {"title": "一二"}})


async def test_a_decided_tickets_edits_are_forgotten_the_others_kept(database, numbers, tmp_path):
    call = whole(tmp_path)
    (number,) = (await file_call(database, numbers, call.folder)).numbers
    other = "263280700013"
    await save(database, call.call_id, worksheet.NEW, **{number: {"title": "一"}, other: {"title": "二"}})
    async with database.write() as connection:
        assert await worksheet.clear(connection, call.call_id, number, NOW) == 2
        sheet = await worksheet.read(connection, call.call_id)
        assert sheet is not None
        assert sheet.edits["tickets"] == {other: {"title": "二"}}
        assert await worksheet.clear(connection, call.call_id, other, NOW) == worksheet.NEW
        assert await worksheet.read(connection, call.call_id) is None
        assert await worksheet.clear(connection, call.call_id, other, NOW) == worksheet.NEW


async def test_corrected_calls_are_the_measure_of_the_model(database, numbers, tmp_path):
    """Of a call with a correction every phrase counts, of one without none; each with the question it answered."""
    call = CallFolder(tmp_path).begin().hear(LEAK).hear(WATER, question="confirm")
    call.state(stated(0, LEAK, WATER, until=6.5, complete=True)).record(silence(8)).hang_up(seconds=8.0)
    (number,) = (await file_call(database, numbers, call.folder)).numbers
    assert await read_reviewed(database) == []
    await review(database, number, 1, corrections=())
    assert await read_reviewed(database) == []
    await review(database, number, 2)
    first, second = await read_reviewed(database)
    assert (first.heard.text, first.said) == ("颍上县慎城真房子漏雨", "颍上县慎城镇房子漏雨")
    assert (second.heard.text, second.said) == (WATER.text, WATER.text)
    assert {one.line for one in (first, second)} == {"12345"}
    assert await read_reviewed(database, live=True) == [first, second]
    assert read_questions(tmp_path, call.folder.name) == {(1.0, 3.0): "dictate", (4.0, 6.0): "confirm"}
    assert read_questions(tmp_path / "elsewhere", call.folder.name) == {}
    judged = [
        judge(str(i), r.line, "", (r.said, r.heard.text), normalise) for i, r in enumerate((first, second))
    ]
    assert total(judged)["cer"] == round(1 / (10 + 10), 4)
    # What the second pass has mended, and the agent has therefore left, was heard wrongly in the call.
    mended = replace(WATER, text="我家停水十天了没人管")
    write_transcript(call.folder, folders.SECOND, Transcript(BIG, (LEAK, mended)))
    await file_call(database, numbers, call.folder)
    _, live = await read_reviewed(database, live=True)
    assert (live.heard.text, live.said) == (WATER.text, mended.text)
    _, second = await read_reviewed(database)
    assert (second.heard.text, second.said) == (mended.text, mended.text)


async def undo(database: Database, call_id: str, number: str, agent: str = "张敏") -> int:
    async with database.write() as connection:
        return await take_back(connection, call_id, number, agent, NOW)


async def test_a_decision_is_taken_back_as_if_it_had_not_been_and_what_was_typed_is_there(
    database, numbers, tmp_path
):
    call = whole(tmp_path)
    (number,) = (await file_call(database, numbers, call.folder)).numbers
    await review(database, number, 1, village="李庄村", title="漏雨")
    assert await undo(database, call.call_id, number) == 1
    (document,) = await documents(database, number)
    assert (document["status"], document["review"]) == ("待审核", None)
    assert await one(database, sa.select(sa.func.count()).select_from(reviews)) == 0
    assert await one(database, sa.select(sa.func.max(outbox.c.revision))) == 1
    assert await one(database, sa.select(worklist.c.state)) == "待审核"
    assert "慎城真" in await one(database, sa.select(search_texts.c.text))
    async with database.read() as connection:
        sheet = await worksheet.read(connection, call.call_id)
    assert sheet
    assert sheet.edits["tickets"] == {number: {"title": "漏雨", "village": "李庄村", "content": LEAK.text}}
    assert [c["text"] for c in sheet.edits["corrections"]] == ["颍上县慎城镇房子漏雨"]
    assert not (await file_call(database, numbers, call.folder)).changed
    assert await review(database, number, 1, village="李庄村") == 2  # the same number, which nobody has had


async def test_a_decision_taken_back_between_a_filings_reading_and_writing_is_in_no_revision(
    database, numbers, tmp_path, monkeypatch
):
    call = cut_off(tmp_path)
    (number,) = (await file_call(database, numbers, call.folder)).numbers
    await review(database, number, 1, content="坐席写的")
    (call.folder / folders.LATE).write_text(json.dumps(LATER.to_json()))
    write = filing.write_papers
    undone = []

    async def take_back_first(db: Database, papers: Any) -> Any:
        if not undone:
            undone.append(await undo(database, call.call_id, number))
        return await write(db, papers)

    monkeypatch.setattr(filing, "write_papers", take_back_first)
    await file_call(database, numbers, call.folder)
    assert undone == [1]
    revisions = await documents(database, number)
    assert [(r["revision"], r["status"], r["review"]) for r in revisions] == [
        (1, "待审核", None),
        (2, "待审核", None),
    ]
    assert revisions[-1]["appeal"]["content"] != "坐席写的"


async def test_only_the_last_decision_is_taken_back_by_whoever_made_it_and_not_once_it_is_claimed(
    database, numbers, tmp_path
):
    call = whole(tmp_path)
    (number,) = (await file_call(database, numbers, call.folder)).numbers
    with pytest.raises(ReviewRefused, match="没有可以撤回的决定"):
        await undo(database, call.call_id, number)
    await review(database, number, 1)
    with pytest.raises(ReviewRefused, match="只能由本人撤回"):
        await undo(database, call.call_id, number, "王芳")
    await review(database, number, 2, "returned", reason="重复")
    assert await undo(database, call.call_id, number) == 2
    (*_, document) = await documents(database, number)
    assert document["status"] == "已审核"
    async with database.write() as connection:
        assert await count_decided(connection, "张敏", NOW) == 1
        assert await count_decided(connection, "张敏", NOW + timedelta(seconds=1)) == 0
        for _ in (1, 2):  # a revision goes once the one before it has been settled
            for parcel in await posting.claim(connection, NOW, 30, 10):
                await posting.bury(connection, parcel.id, "HTTP 400", NOW)
    with pytest.raises(ReviewRefused, match="已经送出"):
        await undo(database, call.call_id, number)
    assert len(await documents(database, number)) == 2


async def test_a_decision_waits_as_long_as_it_may_be_taken_back(database, numbers, tmp_path):
    call = whole(tmp_path)
    (number,) = (await file_call(database, numbers, call.folder)).numbers
    (document,) = await documents(database, number)
    hold = timedelta(seconds=10)
    async with database.write() as connection:
        for parcel in await posting.claim(connection, datetime.now(UTC), 30, 10):
            await posting.bury(connection, parcel.id, "HTTP 400", NOW)
        sheet = make_sheet(document, corrections=())
        await decide(connection, call.call_id, number, 1, "张敏", "accepted", sheet, NOW, hold)
        assert not await posting.has_due(connection, NOW + hold - timedelta(seconds=1))
        assert await posting.has_due(connection, NOW + hold)


async def test_a_courier_and_an_agent_who_takes_back_at_once_do_not_both_get_it(database, numbers, tmp_path):
    call = whole(tmp_path)
    (number,) = (await file_call(database, numbers, call.folder)).numbers
    async with database.write() as connection:
        for parcel in await posting.claim(connection, datetime.now(UTC), 30, 10):
            await posting.bury(connection, parcel.id, "HTTP 400", NOW)
    for _ in range(10):
        await review(database, number, 1)

        async def claim() -> int:
            async with database.write() as connection:
                return len(await posting.claim(connection, datetime.now(UTC), 30, 10))

        claimed, undone = await asyncio.gather(
            claim(), undo(database, call.call_id, number), return_exceptions=True
        )
        assert (claimed, type(undone)) in {(0, int), (1, ReviewRefused)}, (claimed, undone)
        if claimed:  # as if it had never been claimed
            async with database.write() as connection:
                await connection.execute(sa.update(outbox).values(attempts=0, lease_until=None))
            assert await undo(database, call.call_id, number) == 1
