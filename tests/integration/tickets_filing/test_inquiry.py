"""What callers are told of tickets, and what they think of the outcome: from the database, on both kinds."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa
from callfolder import CallFolder, heard, stated

from gateway.calls.beside import Beside
from gateway.calls.inquiring import Inquiring
from ivr.actions import Inquire
from recordings import entries
from recordings.progress import read_code, read_opinions, status_changes, try_code
from recordings.schema import calls, tickets
from tickets.filing import file_call
from tickets.inquiry import Inquiries
from tickets.number import NumberBook

CALLER = "13855812345"
SAID = heard("颍上县慎城镇房子漏雨", 1.0, 4.0)


@pytest.fixture
def file(database, tmp_path):
    """File a call of this moment; its ticket's number. ``index`` tells it from others, the later ones are newer."""
    numbers = NumberBook(tmp_path / "numbers", 1)

    async def file(index, *told, caller=CALLER, matter=True):
        call = CallFolder(tmp_path, f"20260701T083015-{index:08x}").begin(caller=caller)
        if matter:
            call.hear(SAID).state(stated(0, SAID, until=5.0))
        filed = await file_call(database, numbers, call.note(*told).hang_up().folder)
        async with database.write() as connection:
            now = sa.update(calls).where(calls.c.call_id == filed.call_id)
            at = datetime.now(UTC).replace(microsecond=index)
            await connection.execute(now.values(started_at=at))
        return filed.numbers[0] if matter else filed.reason

    return file


@pytest.fixture
def tell(database):
    async def tell(number, status, note="", *, at=None):
        row = {
            "number": number,
            "status": status,
            "at": at or datetime.now(UTC),
            "unit": "住建局",
            "note": note,
        }
        async with database.write() as connection:
            row |= {"id": f"{number}{status}", "body_sha256": "", "received_at": datetime.now(UTC)}
            await connection.execute(sa.insert(status_changes).values(row))

    return tell


@pytest.fixture
def ask(database):
    inquiries = Inquiries(database)

    async def ask(of, ticket="", code="", caller=CALLER):
        return await inquiries.answer(Inquire(1, of, caller, ticket, code))

    return ask


async def test_the_calling_number_hears_the_status_of_its_newest_ticket_and_no_more(file, tell, ask):
    assert (await ask("caller")).outcome == "none"
    await file(1)
    newest = await file(2)
    told = await ask("caller")
    assert (told.outcome, told.ticket, told.status, told.handled) == (
        "found",
        newest,
        "已经记下，正在报送",
        False,
    )
    await tell(newest, "结案", "已修好")
    told = await ask("caller")
    assert (told.status, told.handled, told.text) == ("已经办结", True, "")
    assert (await ask("caller", caller="13900000000")).outcome == "none"
    assert (await ask("caller", caller="")).outcome == "none"


@pytest.mark.parametrize(
    "changes",
    [
        {"caller": {"confidential": True}},
        {"caller": {"call_back": "来电无人说话，须回电；回电时不要透露来电内容"}},
        {"caller": {"call_back": "来电人说有危险，须立即处置"}, "appeal": {"urgency": "特急"}},
        {"notes": ["来电人按了求助键,可能有危险", "已转110,通话65秒"]},  # nobody need call back any more
        {"notes": ["来电人说有危险"]},
    ],
)
async def test_what_others_at_that_telephone_must_not_learn_is_told_of_by_the_tickets_number_alone(
    changes, file, ask, database
):
    number = await file(1)
    async with database.write() as connection:
        document = json.loads(await connection.scalar(sa.select(tickets.c.document)))
        for part, told in changes.items():
            document[part] = {**document[part], **told} if isinstance(told, dict) else told
        await connection.execute(sa.update(tickets).values(document=json.dumps(document)))
    assert (await ask("caller")).outcome == "none"
    assert (await ask("ticket", number, caller="13900000000")).outcome == "found"


async def test_a_mistyped_number_is_told_from_an_unknown_one(file, ask):
    number = await file(1)
    wrong = number[:-1] + str((int(number[-1]) + 1) % 10)
    assert (await ask("ticket", wrong)).outcome == "mistyped"
    assert (await ask("ticket", "263290100018")).outcome == "none"
    assert (await ask("ticket", number)).outcome == "found"


async def test_the_outcome_needs_the_code_made_with_the_ticket_and_guessing_ends(file, tell, ask, database):
    number = await file(1)
    await tell(number, "结案", "已修好")
    async with database.read() as connection:
        code = await read_code(connection, number)
    assert len(code) == 6
    assert (await ask("code", number)).text == f"{code[:3]}，{code[3:]}"
    wrong = f"{(int(code) + 1) % 10**6:06d}"
    for _ in range(4):
        assert (await ask("answer", number, wrong)).outcome == "none"
    told = await ask("answer", number, code)
    assert told.outcome == "found"
    assert told.text.endswith("，住建局，已修好")
    for _ in range(5):
        assert (await ask("answer", number, wrong)).outcome == "none"
    assert (await ask("answer", number, code)).outcome == "none", "locked, whatever is keyed"


async def test_guesses_count_for_all_gateways_of_the_site_and_for_calls_that_guess_at_once(file, database):
    number = await file(1)
    async with database.read() as connection:
        code = await read_code(connection, number)
    wrong = f"{(int(code) + 1) % 10**6:06d}"
    gateways = (Inquiries(database), Inquiries(database))
    guesses = (gateways[i % 2].answer(Inquire(1, "answer", "", number, wrong)) for i in range(5))
    assert {told.outcome for told in await asyncio.gather(*guesses)} == {"none"}
    for gateway in gateways:
        assert (await gateway.answer(Inquire(1, "answer", "", number, code))).outcome == "none"
    for waited, right in ((timedelta(hours=23), False), (timedelta(hours=25), True)):
        async with database.write() as connection:
            assert await try_code(connection, number, code, datetime.now(UTC) + waited) is right


async def test_without_an_answer_there_is_nothing_to_tell_yet(file, tell, ask, database):
    number = await file(1)
    await tell(number, "处置")
    async with database.read() as connection:
        code = await read_code(connection, number)
    told = await ask("answer", number, code)
    assert (told.outcome, told.text, told.handled) == ("found", "", False)
    await tell(number, "回访", "已修好")
    await tell(number, "结案")
    told = await ask("answer", number, code)
    assert told.handled
    assert told.text.endswith("，已修好"), "what closes it has nothing to add"


async def test_a_rating_is_kept_however_often_the_call_is_filed_and_makes_no_ticket(file, database, tmp_path):
    number = await file(1)
    said = (entries.Rated(number, "满意"), entries.Rated(number, "不满意"), entries.Rated(number, "好极了"))
    assert await file(2, *said, matter=False) is not None
    folder = tmp_path / "spool" / "20260701T083015-00000002"
    await file_call(database, NumberBook(tmp_path / "numbers", 1), folder)
    async with database.read() as connection:
        (opinion,) = await read_opinions(connection, [number])
    assert (opinion.rating, opinion.call_id) == ("不满意", folder.name)


async def test_no_caller_waits_for_a_database_longer_than_a_moment():
    told, forever = asyncio.Queue(), asyncio.Event()

    async def never(_asked):
        await forever.wait()

    async def fails(_asked):
        raise OSError("gone")

    for ask in (never, fails):
        beside = Beside()
        Inquiring(ask, None, beside, told.put_nowait, lambda: 7.0).perform(Inquire(3, "caller", CALLER))
        assert beside.working, "the dialogue goes on beside it"
        async with asyncio.timeout(15):
            answer = await told.get()
        assert (answer.id, answer.outcome, answer.at) == (3, "away", 7.0)
