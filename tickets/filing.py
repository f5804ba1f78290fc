"""Filing: bringing the database up to date with a call's folder. Repeatable at any time, by any process.

The folder is the truth. Filing reads it whole, drafts the tickets, and writes what differs from the database in
one transaction. Wherever a filing was cut off, the next one finishes it:

- a number written to the journal but not to the database is found there and used;
- a number in the database but (after a power failure) not in the journal is found there and used;
- two filings of one folder wait for each other, so that no matter gets two numbers;
- what an agent has decided is laid over the draft, whenever it is made anew (docs/adr/0006).
"""

from __future__ import annotations

import json
import logging
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, NamedTuple

import sqlalchemy as sa

from asr.endpoint import Ended, Endpointer
from asr.transcript import Transcript
from ivr.matter import Window
from recordings import catalogue, folders, journal, wav
from recordings.catalogue import CallRow, RecordingRow, TranscriptRow
from recordings.schema import tickets
from recordings.threads import Threads
from tickets import outbox, worklist
from tickets.decisions import read_reviews
from tickets.draft import Draft, draft
from tickets.number import CITY_TIME, take_next
from tickets.record import CallRecord, fold
from tickets.review import lay_over

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from recordings.database import Database
    from recordings.worklist import WorkRow
    from tickets.number import NumberBook
    from tickets.review import Review

_PAUSE_S = 1.0
_CHUNK_S = 10
_reading = Threads("filing", 2)

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Filed:
    """What is on file now.

    ``numbers`` are the call's ticket numbers in the order of its matters; ``reason`` says why an ended call has
    none; ``changed`` whether this filing made a ticket or a revision; ``ended`` whether the journal is finished
    (or empty: no call came of it), so that nothing more will come of the call itself.
    """

    call_id: str
    numbers: tuple[str, ...]
    reason: str | None
    changed: bool
    ended: bool


class _Issued(NamedTuple):
    """The last revision of a ticket on file, and the review that holds for it."""

    number: str
    revision: int
    sha256: str
    review: Review | None


class _Revision(NamedTuple):
    """A revision to be put on file."""

    number: str
    revision: int
    draft: Draft
    document: str


class _Papers(NamedTuple):
    """All that one filing writes."""

    call_id: str
    rows: list[CallRow | RecordingRow | TranscriptRow]
    revisions: list[_Revision]
    listed: tuple[WorkRow, str] | None


async def file_call(db: Database, numbers: NumberBook, folder: Path) -> Filed:
    """File the call in ``folder`` (in the spool or archived), whose name is the call id.

    Raises OSError when the folder is missing or unreadable, JournalError when it cannot be written, and
    sqlalchemy.exc.SQLAlchemyError when the database is away: repeat it later, nothing is lost or doubled.
    """
    async with folders.alone(folder):
        record = await _reading.run(read_record, folder)
        if record.node is None:  # a folder lies with the gateway whose call it was
            record = replace(record, node=numbers.node)
        drafts = draft(record)
        while True:
            issued = await db.group(_read_issued).ask(record.call_id)
            given = await _number(record, drafts, issued, numbers, folder)
            reviewed = tuple(_review(record, drafted, issued.get(drafted.matter)) for drafted in drafts)
            revisions = _revise(reviewed, issued, given)
            listed = _list(record, reviewed) if revisions or not drafts else None
            papers = _Papers(record.call_id, describe_call(record), revisions, listed)
            try:
                await db.group(_write_papers).ask(papers)
            except sa.exc.IntegrityError:
                # An agent has decided in between, and the revision is taken. What else may not be written will not
                # be the next time either.
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
    )


def read_record(folder: Path) -> CallRecord:
    """The record of the call in ``folder``; looks for voice in the recording only where words are missing."""
    entries = journal.read(folder)
    audio = folder / folders.AUDIO
    try:
        seconds = wav.duration(audio)
    except wav.NotARecordingError as error:
        _log.error("filed without its recording: %s", error)
        seconds = 0.0
    late = read_late(folder)
    record = fold(folder.name, entries, late, seconds, None)
    if record.ended_at is None or record.live.complete:
        return record
    voiced = _find_voice(audio, seconds) if seconds else ()
    return fold(folder.name, entries, late, seconds, voiced)


def read_late(folder: Path) -> Transcript | None:
    """The transcript made from the recording, if there is one by now."""
    try:
        return Transcript.from_json(json.loads((folder / folders.LATE).read_text()))
    except FileNotFoundError:
        return None


def _find_voice(audio: Path, seconds: float) -> tuple[Window, ...]:
    endpointer = Endpointer(_PAUSE_S)
    found = []
    for start in range(0, int(seconds) + 1, _CHUNK_S):
        found += endpointer.feed(wav.read_channel(audio, 0, start, start + _CHUNK_S))
    found += endpointer.finish()
    return tuple(Window(event.start, event.end) for event in found if isinstance(event, Ended))


async def _read_issued(db: Database, call_ids: Sequence[str]) -> list[dict[int, _Issued]]:
    """For each call the last revision of each of its tickets, by matter."""
    query = (
        sa.select(
            tickets.c.call_id,
            tickets.c.matter,
            tickets.c.number,
            tickets.c.revision,
            tickets.c.content_sha256,
        )
        .where(tickets.c.call_id.in_(call_ids))
        .order_by(tickets.c.revision)
    )
    found: dict[str, dict[int, _Issued]] = {call_id: {} for call_id in call_ids}
    async with db.read() as connection:
        rows = (await connection.execute(query)).all()
        # After the revisions: a review that comes in between is then seen with its revision still missing, and the
        # filing finds that one taken. The other way round it would write a newer one without the review.
        reviews = await read_reviews(connection, call_ids)
    for call_id, matter, number, revision, sha256 in rows:
        found[call_id][matter] = _Issued(number, revision, sha256, reviews.get(number))
    return [found[call_id] for call_id in call_ids]


async def _number(
    record: CallRecord,
    drafts: tuple[Draft, ...],
    issued: dict[int, _Issued],
    numbers: NumberBook,
    folder: Path,
) -> dict[int, str]:
    """A number for each draft: the one on file, else the journal's, else a new one, written to the journal."""
    given = {**record.numbers, **{matter: i.number for matter, i in issued.items()}}
    missing = [d.matter for d in drafts if d.matter not in given]
    if missing:
        opened = journal.Journal.reopen(folder)
        try:
            for matter in missing:
                today = datetime.now(CITY_TIME).date()
                given[matter] = await take_next(numbers, today)
                opened.append("number", matter=matter, number=given[matter])
        finally:
            opened.close()
    return given


def _review(record: CallRecord, drafted: Draft, last: _Issued | None) -> Draft:
    """The draft with the review that holds laid over it; its fingerprint stays that of the draft beneath."""
    if last is None or last.review is None:
        return drafted
    return replace(drafted, content=lay_over(drafted.content, last.review, record.transcript))


def _revise(drafts: tuple[Draft, ...], issued: dict[int, _Issued], given: dict[int, str]) -> list[_Revision]:
    """A revision for each draft that says something else than the one on file."""
    revisions = []
    for drafted in drafts:
        last = issued.get(drafted.matter)
        if last is None or last.sha256 != drafted.sha256:
            number, revision = given[drafted.matter], last.revision + 1 if last else 1
            revisions.append(_Revision(number, revision, drafted, drafted.issue(number, revision)))
    return revisions


async def _write_papers(db: Database, papers: Sequence[_Papers]) -> list[None]:
    """One transaction: the catalogue, the tickets, the outbox they leave by, and the agents' work list."""
    now = datetime.now(UTC)
    new = [(paper.call_id, revision) for paper in papers for revision in paper.revisions]
    values = [
        {
            "number": revision.number,
            "revision": revision.revision,
            "call_id": call_id,
            "matter": revision.draft.matter,
            "document": revision.document,
            "content_sha256": revision.draft.sha256,
            "created_at": now,
        }
        for call_id, revision in new
    ]
    async with db.write() as connection:
        await catalogue.store(connection, [row for paper in papers for row in paper.rows])
        if values:
            await connection.execute(sa.insert(tickets), values)
        for _, revision in new:
            await outbox.enqueue(connection, revision.number, revision.revision, revision.document, now)
        listed = [paper.listed for paper in papers if paper.listed]
        await worklist.store(
            connection, [work for work, _ in listed], {work.call_id: text for work, text in listed}
        )
    return [None] * len(papers)


def describe_call(record: CallRecord) -> list[CallRow | RecordingRow | TranscriptRow]:
    """The call's rows in the catalogue."""
    home = folders.archived(record.call_id)
    rows: list[CallRow | RecordingRow | TranscriptRow] = [
        CallRow(
            call_id=record.call_id,
            sip_call_id=record.sip_call_id,
            caller=record.caller,
            called=record.called,
            hotline=record.hotline,
            flow=record.flow,
            node=record.node or 0,
            started_at=record.started_at,
            answered_at=record.answered_at,
            ended_at=record.ended_at,
            duration_s=record.duration_s,
            hung_up_by=record.hung_up_by,
            cause=record.cause,
            interrupted=record.interrupted,
            reason=record.reason,
            folder=str(home),
            late=record.transcription,
        )
    ]
    if record.ended_at and record.seconds:
        rows.append(RecordingRow(record.call_id, str(home / folders.AUDIO), record.seconds, wav.CHANNELS))
    rows.append(TranscriptRow(record.call_id, "live", record.live.complete, _write(record.live)))
    if record.late:
        rows.append(TranscriptRow(record.call_id, "late", record.late.complete, _write(record.late)))
    return rows


def _list(record: CallRecord, drafts: tuple[Draft, ...]) -> tuple[WorkRow, str] | None:
    """The call in the agents' work list, once it has ended, and its words to be searched."""
    if record.ended_at is None:
        return None
    documents = [drafted.content for drafted in drafts]
    row = worklist.summarise(
        record.call_id,
        record.hotline,
        record.started_at,
        record.duration_s,
        interrupted=record.interrupted,
        documents=documents,
        transcript=record.transcript,
    )
    return row, worklist.read_text(documents) if documents else record.transcript.text


def _write(transcript: Transcript) -> str:
    return json.dumps(transcript.to_json(), ensure_ascii=False, separators=(",", ":"))
