"""Agents' decisions on file: read, and appended together with the ticket's next revision and its outbox row."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import sqlalchemy as sa

from asr.transcript import Transcript
from recordings.nodes import read_taken
from recordings.schema import calls, reviews, tickets, transcripts
from tickets import matters, outbox, worklist, worksheet
from tickets.deciding import find_fault
from tickets.draft import draft_transcript
from tickets.following import follow
from tickets.merging import combine
from tickets.review import Decision, Review, Sheet, find_corrected, hash_words, lay_over, read_fields
from tickets.ticket import Ticket

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from sqlalchemy.ext.asyncio import AsyncConnection


_WITH_THE_ONE_BEFORE: Final = 2


class ReviewRefused(RuntimeError):  # noqa: N818 - the name says the error
    """The decision was not kept; the message says in Chinese why, and what to do."""


class RevisionMoved(ReviewRefused):
    """The ticket has a newer revision than the one the agent was looking at."""


class _Standing(NamedTuple):
    """A revision of a ticket, its document as it was posted."""

    revision: int
    matter: int
    document: dict[str, Any]
    content_sha256: str


async def decide(
    connection: AsyncConnection,
    call_id: str,
    number: str,
    base: int,
    agent: str,
    decision: Decision,
    sheet: Sheet,
    now: datetime,
    hold: timedelta = timedelta(),
) -> int:
    """Append a review, the revision it makes and that one's outbox row, in the caller's transaction.

    ``base`` is the revision the agent was looking at, ``agent`` the agent's id. The revision leaves after ``hold``,
    that it can be taken back meanwhile. Returns the new revision. Raises
    RevisionMoved when there is a newer one than ``base``, ReviewRefused when there is no such ticket, its call
    still goes on, a ticket is sent back without a reason, or linked to one that there is not, or when the sheet
    is not what a decision may say (``tickets.deciding``).
    """
    if decision == "returned" and not sheet.reason:
        raise ReviewRefused("请写明退回的原因。")
    # One at a time for each call, filings included: they begin with this row.
    await connection.execute(sa.select(calls.c.call_id).where(calls.c.call_id == call_id).with_for_update())
    standing = next(iter(await _read_standing(connection, call_id, number)), None)
    if standing is None:
        raise ReviewRefused(f"这通电话没有编号为 {number} 的工单。")
    if standing.revision != base:
        raise _moved(base, standing.revision)
    if standing.document["call"]["ended_at"] is None:
        raise ReviewRefused("通话还在进行,请在挂机之后审核。")
    if fault := find_fault(sheet, decision, standing.document):
        raise ReviewRefused(fault)
    await _check_repeats(connection, number, sheet.fields.repeats)
    words = await read_words(connection, call_id)
    # A call that was cut off before, and whose ticket this one goes on with, may have been decided on as well.
    last = await connection.scalar(sa.select(sa.func.max(reviews.c.review)).where(reviews.c.number == number))
    review = Review(
        number=number,
        review=(last or 0) + 1,
        call_id=call_id,
        revision=follow(number, base, await read_taken(connection)),
        agent=agent,
        decision=decision,
        sheet=sheet if decision == "returned" else sheet.model_copy(update={"reason": ""}),
        words_sha256=hash_words(words),
        at=now,
    )
    drafted = {**standing.document, "transcript": draft_transcript(words).model_dump(mode="json")}
    content = {**lay_over(drafted, review, words), "number": number, "revision": review.revision}
    document = json.dumps(Ticket.model_validate(content).to_json(), ensure_ascii=False, separators=(",", ":"))
    try:
        async with connection.begin_nested():
            await _append(connection, review, standing, document)
    except sa.exc.IntegrityError:  # another transaction was faster
        raise _moved(base, review.revision) from None
    await matters.store(connection, [(number, content)])
    await outbox.enqueue(connection, number, review.revision, document, now + hold)
    await worklist.relist(connection, [call_id])
    return review.revision


async def take_back(connection: AsyncConnection, call_id: str, number: str, agent: str, now: datetime) -> int:
    """Undo the agent's decision that holds, in the caller's transaction; the revision that holds then.

    What had been decided is the call's unfinished work again. Raises ReviewRefused when there is no such decision, it
    is another's, there is a newer revision, or a courier has claimed its revision.
    """
    await connection.execute(sa.select(calls.c.call_id).where(calls.c.call_id == call_id).with_for_update())
    standings = await _read_standing(connection, call_id, number)
    review = (await read_reviews(connection, [call_id])).get(number)
    if len(standings) < _WITH_THE_ONE_BEFORE or review is None:
        raise ReviewRefused("这张工单没有可以撤回的决定。")
    _, before = standings
    if review.agent != agent:
        raise ReviewRefused(f"这个决定是 {review.agent} 作出的,只能由本人撤回。")
    last = await connection.scalar(
        sa.select(sa.func.max(tickets.c.revision)).where(tickets.c.number == number)
    )
    if review.revision != last:
        raise ReviewRefused(f"工单已有新的第 {last} 版,撤不回了。")
    if not await outbox.withdraw(connection, number, review.revision):
        raise ReviewRefused("工单已经送出,撤不回了。")
    await connection.execute(
        sa.delete(reviews).where(reviews.c.number == number, reviews.c.review == review.review)
    )
    await connection.execute(
        sa.delete(tickets).where(tickets.c.number == number, tickets.c.revision == review.revision)
    )
    await worksheet.restore(connection, call_id, number, review, read_fields(before.document), now)
    await matters.store(connection, [(number, before.document)])
    await worklist.relist(connection, [call_id])
    return before.revision


async def count_decided(connection: AsyncConnection, agent: str, since: datetime) -> int:
    """How many tickets the agent has decided on since then, each once."""
    query = sa.select(sa.func.count(reviews.c.number.distinct())).where(
        reviews.c.created_at >= since, reviews.c.agent == agent
    )
    return await connection.scalar(query) or 0


async def _check_repeats(connection: AsyncConnection, number: str, earlier: str) -> None:
    """A ticket is linked to another one that there is."""
    if not earlier:
        return
    if earlier == number:
        raise ReviewRefused("工单不能并到它自己,请改正“重复诉求”。")
    if not await connection.scalar(sa.select(sa.exists().where(tickets.c.number == earlier))):
        raise ReviewRefused(f"没有编号为 {earlier} 的工单,请改正“重复诉求”。")


def _moved(base: int, found: int) -> RevisionMoved:
    return RevisionMoved(
        f"工单已有新的第 {found} 版,您看到的是第 {base} 版,所以没有提交。您的修改仍保留着:请载入新版,核对后再提交。"
    )


async def _append(connection: AsyncConnection, review: Review, standing: _Standing, document: str) -> None:
    await connection.execute(
        sa.insert(tickets).values(
            number=review.number,
            revision=review.revision,
            call_id=review.call_id,
            matter=standing.matter,
            document=document,
            # The draft beneath is the same: a filing that drafts it once more has nothing new to say.
            content_sha256=standing.content_sha256,
            created_at=review.at,
        )
    )
    await connection.execute(
        sa.insert(reviews).values(
            number=review.number,
            review=review.review,
            call_id=review.call_id,
            revision=review.revision,
            agent=review.agent,
            decision=review.decision,
            document=review.sheet.model_dump_json(),
            words_sha256=review.words_sha256,
            created_at=review.at,
            corrected=find_corrected(review.sheet.fields, standing.document),
        )
    )


async def _read_standing(connection: AsyncConnection, call_id: str, number: str) -> list[_Standing]:
    """The ticket's last revision, and the one before it, if there are any."""
    query = (
        sa.select(tickets.c.revision, tickets.c.matter, tickets.c.document, tickets.c.content_sha256)
        .where(tickets.c.number == number, tickets.c.call_id == call_id)
        .order_by(tickets.c.revision.desc())
        .limit(_WITH_THE_ONE_BEFORE)
    )
    return [
        _Standing(row.revision, row.matter, json.loads(row.document), row.content_sha256)
        for row in await connection.execute(query)
    ]


async def read_reviews(connection: AsyncConnection, call_ids: Sequence[str]) -> dict[str, Review]:
    """The review that holds for each ticket of these calls, by the ticket's number."""
    query = sa.select(reviews).where(reviews.c.call_id.in_(call_ids)).order_by(reviews.c.review)
    return {
        row.number: Review(
            number=row.number,
            review=row.review,
            call_id=row.call_id,
            revision=row.revision,
            agent=row.agent,
            decision=row.decision,
            sheet=Sheet.model_validate_json(row.document),
            words_sha256=row.words_sha256,
            at=row.created_at,
        )
        for row in await connection.execute(query)
    }


async def read_words(connection: AsyncConnection, call_id: str, *, live: bool = False) -> Transcript:
    """What was heard of the call, live, later and again (or only live), in one; empty when nothing is on file."""
    query = sa.select(transcripts.c.source, transcripts.c.document).where(transcripts.c.call_id == call_id)
    if live:
        query = query.where(transcripts.c.source == "live")
    found = {
        source: Transcript.from_json(json.loads(document))
        for source, document in await connection.execute(query)
    }
    return combine(found)
