"""Filing: bringing the database up to date with a call's folder. Repeatable at any time, by any process.

The folder is the truth. Filing reads it whole, drafts the tickets, and writes what differs from the database in
one transaction. Wherever a filing was cut off, the next one finishes it:

- a call that goes on with the ticket of one that was cut off makes its next revision, with the words of both;
- a number written to the journal but not to the database is found there and used;
- a number in the database but (after a power failure) not in the journal is found there and used;
- two filings of one folder wait for each other, so that no matter gets two numbers;
- what an agent has decided is laid over the draft, whenever it is made anew (docs/adr/0006).
"""

from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any, NamedTuple

import sqlalchemy as sa

from recordings import entries, folders, journal
from recordings.journal import JournalError
from recordings.nodes import read_taken
from recordings.progress import Opinion
from recordings.schema import tickets
from recordings.threads import Threads
from tickets.alerting import alert_dangers
from tickets.decisions import read_reviews
from tickets.draft import Draft, draft
from tickets.following import follow
from tickets.joining import join, read_before
from tickets.number import CITY_TIME, take_next
from tickets.papers import Papers, Revision, RevisionGone, describe_call, list_call, write_papers
from tickets.placed import made
from tickets.reading import read_record
from tickets.review import lay_over
from tickets.understood import take_over

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from recordings.database import Database
    from recordings.entries import Entry, Strange
    from tickets.joining import Before
    from tickets.number import NumberBook
    from tickets.record import CallRecord
    from tickets.review import Review
    from tickets.telling import Told

_noting = Threads("noting", 2)


@dataclass(frozen=True, slots=True)
class Filed:
    """What is on file now.

    ``numbers`` are the call's ticket numbers in the order of its matters; ``reason`` says why an ended call has
    none; ``changed`` whether this filing made a ticket or a revision; ``ended`` whether the journal is finished
    (or empty: no call came of it), so that nothing more will come of the call itself. ``strange`` counts what of the
    journal this program does not know, and has filed the call without.
    """

    call_id: str
    numbers: tuple[str, ...]
    reason: str | None
    changed: bool
    ended: bool
    strange: Mapping[Strange, int]


class _Issued(NamedTuple):
    """The last revision of a ticket on file, which one follows it, and the review that holds for it."""

    number: str
    revision: int
    next: int
    sha256: str
    review: Review | None
    is_over: bool
    """Another call has gone on with it since: no revision of this one's comes any more."""


async def file_call(db: Database, numbers: NumberBook, folder: Path) -> Filed:
    """File the call in ``folder`` (in the spool or archived), whose name is the call id.

    Raises OSError when the folder is missing or unreadable, JournalError when it cannot be written, and
    sqlalchemy.exc.SQLAlchemyError when the database is away: repeat it later, nothing is lost or doubled.
    """
    async with folders.alone(folder):
        record = await read_record(folder)
        if record.node is None:  # a folder lies with the gateway whose call it was
            record = replace(record, node=numbers.node)
        gone_before = await read_before(db, record)
        record = join(record, gone_before)
        drafts = draft(record)
        while True:
            issued = await db.group(_read_issued).ask(record.call_id)
            if before := _find_former(record, drafts, issued):
                record = await _take_over(db, record, before)
                drafts = draft(record)
            given = await _number(record, drafts, issued, numbers, folder)
            if any(told.matter.told_with >= 0 for told in record.matters) and given != record.numbers:
                record = replace(record, numbers=given)
                drafts = draft(record)  # they name each other
            reviewed = tuple(_review(record, drafted, issued.get(drafted.matter)) for drafted in drafts)
            revisions = _revise(reviewed, issued, given, gone_before)
            listed = list_call(record, reviewed) if revisions or not drafts else None
            alerts = alert_dangers(record)
            wanted = ((record.call_id, record.node or 0),) if record.transcription == "wanted" else ()
            opinions = tuple(
                Opinion(record.call_id, number, *told) for number, told in record.ratings.items()
            )
            papers = Papers(
                record.call_id,
                describe_call(record),
                revisions,
                alerts,
                listed,
                wanted,
                opinions,
                made(record),
                tuple(one.call_id for one in gone_before.values()),
            )
            try:
                await db.group(write_papers).ask(papers)
            except (sa.exc.IntegrityError, RevisionGone):
                # An agent has decided in between, or has taken his decision back, and the next revision is another.
                # What else may not be written will not be the next time either.
                if await db.group(_read_issued).ask(record.call_id) == issued:
                    raise
            else:
                break
    return Filed(
        call_id=record.call_id,
        numbers=tuple(given[d.matter] for d in drafts),
        reason=record.reason,
        changed=bool(revisions),
        ended=record.ended_at is not None,
        strange=record.strange,
    )


async def _read_issued(db: Database, call_ids: Sequence[str]) -> list[dict[int, _Issued]]:
    """For each call the last revision of each of its tickets, by matter."""
    newer = tickets.alias()
    query = (
        sa.select(
            tickets.c.call_id,
            tickets.c.matter,
            tickets.c.number,
            tickets.c.revision,
            tickets.c.content_sha256,
            sa.exists()
            .where(
                newer.c.number == tickets.c.number,
                newer.c.revision > tickets.c.revision,
                newer.c.call_id != tickets.c.call_id,
            )
            .label("is_over"),
        )
        .where(tickets.c.call_id.in_(call_ids))
        .order_by(tickets.c.revision)
    )
    found: dict[str, dict[int, _Issued]] = {call_id: {} for call_id in call_ids}
    async with db.read() as connection:
        rows = (await connection.execute(query)).all()
        # Of the same moment as the revisions: a review that comes afterwards takes the next revision, and the filing
        # finds it taken.
        reviews = await read_reviews(connection, call_ids)
        taken = await read_taken(connection)
    for call_id, matter, number, revision, sha256, is_over in rows:
        following = follow(number, revision, taken)
        found[call_id][matter] = _Issued(number, revision, following, sha256, reviews.get(number), is_over)
    return [found[call_id] for call_id in call_ids]


def _find_former(record: CallRecord, drafts: Sequence[Draft], issued: dict[int, _Issued]) -> list[Told]:
    """The matters that have a ticket of before it was kept what their words were understood to mean."""
    fresh = {d.matter for d in drafts if d.understood is not None and d.matter not in record.understood}
    return [told for told in record.matters if told.matter.index in fresh & issued.keys()]


async def _take_over(db: Database, record: CallRecord, before: Sequence[Told]) -> CallRecord:
    """The record with what those tickets say, as far as they are of the same words."""
    query = (
        sa.select(tickets.c.matter, tickets.c.document)
        .where(tickets.c.call_id == record.call_id)
        .order_by(tickets.c.revision)
    )
    documents: dict[int, dict[str, Any]] = {}
    async with db.read() as connection:
        for matter, document in await connection.execute(query):
            told = json.loads(document)
            if told.get("review") is None:  # a review's words are the agent's, not what was understood
                documents[matter] = told
    taken = {
        told.matter.index: understood
        for told in before
        if told.matter.index in documents
        and (understood := take_over(record, told.matter, documents[told.matter.index]))
    }
    return replace(record, understood={**record.understood, **taken})


async def _number(
    record: CallRecord,
    drafts: tuple[Draft, ...],
    issued: dict[int, _Issued],
    numbers: NumberBook,
    folder: Path,
) -> dict[int, str]:
    """A number for each draft: the one on file, else the journal's, else a new one, written to the journal.

    What the drafts' words were found to mean is written beside it.
    """
    given = {**record.numbers, **{matter: i.number for matter, i in issued.items()}}
    missing = [d.matter for d in drafts if d.matter not in given]
    kept = [d.understood for d in drafts if d.understood is not None]
    if missing or kept:
        today = datetime.now(CITY_TIME).date()
        joins = {told.matter.index: told.matter.joins for told in record.matters}
        fresh = {matter: joins.get(matter) or await take_next(numbers, today) for matter in missing}
        await _noting.run(_note, folder, fresh, kept)
        given |= fresh
    return given


def _note(folder: Path, fresh: Mapping[int, str], kept: Sequence[Entry]) -> None:
    opened = journal.Journal.reopen(folder)
    try:
        for matter, number in fresh.items():
            opened.append(entries.Number(matter, number))
        for understood in kept:
            with suppress(JournalError):  # a full disk: the ticket goes out, and is understood again
                opened.append(understood)
    finally:
        opened.close()


def _review(record: CallRecord, drafted: Draft, last: _Issued | None) -> Draft:
    """The draft with the review that holds laid over it; its fingerprint stays that of the draft beneath."""
    if last is None or last.review is None:
        return drafted
    return replace(drafted, content=lay_over(drafted.content, last.review, record.transcript))


def _revise(
    drafts: tuple[Draft, ...],
    issued: dict[int, _Issued],
    given: dict[int, str],
    gone_before: Mapping[str, Before],
) -> list[Revision]:
    """A revision for each draft that says something else than the one on file."""
    revisions = []
    for drafted in drafts:
        last = issued.get(drafted.matter)
        if last is None or (last.sha256 != drafted.sha256 and not last.is_over):
            number = given[drafted.matter]
            before = last or gone_before.get(number)
            former, revision = (before.revision, before.next) if before else (0, 1)
            revisions.append(Revision(number, revision, former, drafted, drafted.issue(number, revision)))
    return revisions
