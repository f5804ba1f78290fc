"""Agents' decisions on file: read, and appended together with the ticket's next revision and its outbox row."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, NamedTuple

import sqlalchemy as sa

from asr.transcript import Transcript
from recordings.schema import calls, reviews, tickets, transcripts
from tickets import matters, outbox, worklist
from tickets.deciding import find_fault
from tickets.draft import draft_transcript
from tickets.merging import combine
from tickets.review import Decision, Review, Sheet, hash_words, lay_over
from tickets.ticket import Ticket

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from sqlalchemy.ext.asyncio import AsyncConnection


class ReviewRefused(RuntimeError):  # noqa: N818 - the name says the error
    """The decision was not kept; the message says in Chinese why, and what to do."""


class RevisionMoved(ReviewRefused):
    """The ticket has a newer revision than the one the agent was looking at."""


class _Standing(NamedTuple):
    """The last revision of a ticket, its document as it was posted."""

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
) -> int:
    """Append a review, the revision it makes and that one's outbox row, in the caller's transaction.

    ``base`` is the revision the agent was looking at, ``agent`` the agent's id. Returns the new revision. Raises
    RevisionMoved when there is a newer one than ``base``, ReviewRefused when there is no such ticket, its call
    still goes on, a ticket is sent back without a reason, or linked to one that there is not, or when the sheet
    is not what a decision may say (``tickets.deciding``).
    """
    if decision == "returned" and not sheet.reason:
        raise ReviewRefused("请写明退回的原因。")
    # One at a time for each call, filings included: they begin with this row.
    await connection.execute(sa.select(calls.c.call_id).where(calls.c.call_id == call_id).with_for_update())
    standing = await _read_standing(connection, call_id, number)
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
    before = (await read_reviews(connection, [call_id])).get(number)
    review = Review(
        number=number,
        review=before.review + 1 if before else 1,
        call_id=call_id,
        revision=base + 1,
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
        raise _moved(base, base + 1) from None
    await matters.store(connection, [(number, content)])
    await outbox.enqueue(connection, number, review.revision, document, now)
    await worklist.relist(connection, [call_id])
    return review.revision


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
        )
    )


async def _read_standing(connection: AsyncConnection, call_id: str, number: str) -> _Standing | None:
    query = (
        sa.select(tickets.c.revision, tickets.c.matter, tickets.c.document, tickets.c.content_sha256)
        .where(tickets.c.number == number, tickets.c.call_id == call_id)
        .order_by(tickets.c.revision.desc())
        .limit(1)
    )
    row = (await connection.execute(query)).first()
    if row is None:
        return None
    return _Standing(row.revision, row.matter, json.loads(row.document), row.content_sha256)


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
