"""What one filing writes: the catalogue's rows, revisions and alerts with their outbox rows, the agents' work list."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, NamedTuple

import sqlalchemy as sa

from recordings import calledback, catalogue, folders, jobs, progress, wav
from recordings.catalogue import CallRow, LegRow, RecordingRow, TranscriptRow
from recordings.schema import tickets
from tickets import matters, outbox, worklist
from tickets.alerting import enqueue_alerts
from tickets.missed import name_missed

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy.ext.asyncio import AsyncConnection

    from asr.transcript import Transcript
    from recordings.catalogue import Row
    from recordings.database import Database
    from recordings.progress import Opinion
    from recordings.worklist import WorkRow
    from tickets.alert import DangerAlert
    from tickets.draft import Draft
    from tickets.placed import Made
    from tickets.record import CallRecord


class RevisionGone(RuntimeError):  # noqa: N818 - the name says the error
    """The revision that another one follows has been taken back since it was read."""


class Revision(NamedTuple):
    """A revision to be put on file; ``former`` is the one that it follows, 0 for none."""

    number: str
    revision: int
    former: int
    draft: Draft
    document: str


class Papers(NamedTuple):
    """All that one filing writes; ``wanted`` names the call, and its node, when its recording is to be transcribed."""

    call_id: str
    rows: list[Row]
    revisions: list[Revision]
    alerts: tuple[DangerAlert, ...]
    listed: tuple[WorkRow, str] | None
    wanted: tuple[tuple[str, int], ...]
    opinions: tuple[Opinion, ...] = ()
    made: Made | None = None
    gone_before: tuple[str, ...] = ()
    """Calls whose tickets this one has gone on with."""


async def write_papers(db: Database, papers: Sequence[Papers]) -> list[None]:
    """One transaction: the catalogue, the tickets, the outbox they leave by, and the agents' work list.

    Raises RevisionGone, and sqlalchemy.exc.IntegrityError for a revision that is there by now.
    """
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
        await jobs.enqueue(connection, "late", [call for paper in papers for call in paper.wanted], now)
        await _require_former(connection, [revision for _, revision in new])
        if values:
            await connection.execute(sa.insert(tickets), values)
        await progress.keep_codes(connection, [r.number for _, r in new if r.revision == 1])
        await progress.keep_opinions(connection, [one for paper in papers for one in paper.opinions])
        for made in filter(None, (paper.made for paper in papers)):
            await calledback.note_result(connection, made.call_id, made.result, made.at, solved=made.solved)
        await matters.store(connection, [(r.number, r.draft.content) for _, r in new])
        for _, revision in new:
            await outbox.enqueue(connection, revision.number, revision.revision, revision.document, now)
        await enqueue_alerts(connection, [alert for paper in papers for alert in paper.alerts], now)
        listed = [paper.listed for paper in papers if paper.listed]
        await worklist.store(
            connection, [work for work, _ in listed], {work.call_id: text for work, text in listed}
        )
        over = [call_id for paper in papers if paper.revisions for call_id in paper.gone_before]
        if over:
            await worklist.relist(connection, over)
    return [None] * len(papers)


async def _require_former(connection: AsyncConnection, new: Sequence[Revision]) -> None:
    """Whoever takes a decision back holds its call's row, as the catalogue's rows here do. Raises RevisionGone."""
    wanted = {(one.number, one.former) for one in new if one.former}
    if not wanted:
        return
    query = sa.select(tickets.c.number, tickets.c.revision).where(
        tickets.c.number.in_({number for number, _ in wanted})
    )
    if not wanted <= {(row.number, row.revision) for row in await connection.execute(query)}:
        raise RevisionGone


def describe_call(record: CallRecord) -> list[Row]:
    """The call's rows in the catalogue."""
    home = folders.archived(record.call_id)
    rows: list[Row] = [
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
            test=record.test,
        )
    ]
    if record.ended_at and record.seconds:
        rows.append(RecordingRow(record.call_id, str(home / folders.AUDIO), record.seconds, wav.CHANNELS))
    rows.append(TranscriptRow(record.call_id, "live", record.live.complete, _write(record.live)))
    if record.late:
        rows.append(TranscriptRow(record.call_id, "late", record.late.complete, _write(record.late)))
    if record.second:
        rows.append(TranscriptRow(record.call_id, "second", record.second.complete, _write(record.second)))
    return rows + _describe_legs(record)


def _describe_legs(record: CallRecord) -> list[Row]:
    """The caller's own leg, and those by which the call was passed on."""
    began = record.answered_at or record.started_at

    def at(seconds: float | None) -> datetime | None:
        return None if seconds is None else began + timedelta(seconds=seconds)

    own = LegRow(
        call_id=record.call_id,
        leg=0,
        direction="out" if record.placed else "in",
        target="",
        uri="",
        reason="",
        ticket=None,
        sip_call_id=record.sip_call_id,
        their_id="",
        began_at=record.started_at,
        answered_at=record.answered_at,
        ended_at=record.ended_at,
        ended_by=record.hung_up_by if record.ended_at else None,
        cause=record.cause,
        talked_s=record.duration_s,
    )
    passed = [
        LegRow(
            call_id=record.call_id,
            leg=leg.number,
            direction="out",
            target=leg.target,
            uri=leg.uri,
            reason=leg.reason,
            ticket=leg.ticket,
            sip_call_id=leg.call_id,
            their_id=leg.their_id,
            began_at=began + timedelta(seconds=leg.dialled_at),
            answered_at=at(leg.answered_at),
            ended_at=at(leg.ended_at),
            ended_by=None if leg.ended_at is None else leg.ended_by,
            cause=leg.cause,
            talked_s=leg.talked,
        )
        for leg in record.legs
    ]
    return [own, *passed]


def list_call(record: CallRecord, drafts: tuple[Draft, ...]) -> tuple[WorkRow, str] | None:
    """The call in the agents' work list, once it has ended, and its words to be searched; None for a probe's."""
    if record.ended_at is None or record.test:
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
        missed=name_missed(record),
    )
    return row, worklist.read_text(documents) if documents else record.transcript.text


def _write(transcript: Transcript) -> str:
    return json.dumps(transcript.to_json(), ensure_ascii=False, separators=(",", ":"))
