"""A call's whole story: what was played, pressed and said, and what became of its tickets.

The call's folder tells what happened on the line, the database what was filed and how it left. A call that is still
going on, or not filed yet, is told from its folder alone; a call whose folder is elsewhere (another node, retention)
from the database alone.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any, Literal

import sqlalchemy as sa

from asr.transcript import Transcript
from recordings import folders, journal
from recordings.catalogue import CallRow, LegRow, RecordingRow, Row, TranscriptRow
from recordings.entries import Answered, Event, Heard, Played
from recordings.schema import calls, legs, outbox, recordings, tickets, transcripts
from recordings.threads import Threads
from tickets.papers import describe_call
from tickets.reading import read_record

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime
    from pathlib import Path

    from sqlalchemy.ext.asyncio import AsyncConnection

    from recordings.database import Database
    from recordings.entries import Entry, Written

_TABLES: tuple[tuple[type[Row], sa.Table], ...] = (
    (CallRow, calls),
    (RecordingRow, recordings),
    (TranscriptRow, transcripts),
    (LegRow, legs),
)
_reading = Threads("story", 2)


@dataclass(frozen=True, slots=True)
class StoryEvent:
    """One entry of the call's journal: ``wall`` is when it was written, ``at`` where it lies in the recording.

    ``at`` is in seconds, None before the answer.
    """

    wall: datetime
    at: float | None
    entry: Entry


@dataclass(frozen=True, slots=True)
class Delivery:
    """How one revision leaves for the intake; a row of ``recordings.schema.outbox``.

    ``attempts`` counts the posts begun. ``last_error`` is why the last one failed, None after an acceptance;
    ``next_at`` when a pending one is due; ``receipt`` the intake's answer (``tickets.ticket.Receipt``),
    ``dropped`` who gave a dead one up, and why.
    """

    key: str
    state: Literal["pending", "accepted", "dead"]
    attempts: int
    created_at: datetime
    next_at: datetime
    settled_at: datetime | None
    last_error: str | None
    receipt: Mapping[str, Any] | None
    dropped: str | None


@dataclass(frozen=True, slots=True)
class TicketRevision:
    """One revision of a ticket; ``document`` is it as posted (``tickets.ticket.Ticket``)."""

    revision: int
    created_at: datetime
    document: Mapping[str, Any]
    deliveries: tuple[Delivery, ...]


@dataclass(frozen=True, slots=True)
class TicketStory:
    """One matter's ticket with its revisions, the oldest first."""

    number: str
    matter: int
    revisions: tuple[TicketRevision, ...]


@dataclass(frozen=True, slots=True)
class CallStory:
    """Everything known of one call.

    ``filed`` says whether it is in the database; ``transcripts`` is by source: ``live``, ``late``, ``second``.
    ``events`` is empty when the call's folder is not on this machine. ``recording`` is None while the call lasts.
    ``legs`` are in order, the caller's own first.
    """

    call: CallRow
    filed: bool
    events: tuple[StoryEvent, ...]
    tickets: tuple[TicketStory, ...]
    recording: RecordingRow | None
    legs: tuple[LegRow, ...]
    transcripts: Mapping[str, Transcript]


async def tell_story(db: Database, data: Path, call_id: str) -> CallStory | None:
    """The story of a call; None when neither the database nor the data folder knows it.

    Raises OSError when its folder cannot be read, sqlalchemy.exc.SQLAlchemyError when the database is away.
    """
    written = await _reading.run(_read_entries, data, call_id)
    async with db.read() as connection:
        rows = await _read_rows(connection, call_id)
        told = (await connection.execute(_ask_for_tickets(call_id))).all()
    filed = bool(rows)
    if not filed:
        folder = folders.locate(data, call_id) if written else None
        if folder is None:
            return None
        rows = describe_call(await read_record(folder))
    # An hour's words are tens of thousands, and every revision tells them: nobody else waits for that.
    return await _reading.run(_compose, rows, told, written, filed=filed)


def _compose(
    rows: Sequence[Row], told: Sequence[Any], written: Sequence[Written], *, filed: bool
) -> CallStory:
    return CallStory(
        call=next(row for row in rows if isinstance(row, CallRow)),
        filed=filed,
        events=_place(written),
        tickets=_read_tickets(told),
        recording=next((row for row in rows if isinstance(row, RecordingRow)), None),
        legs=tuple(sorted((row for row in rows if isinstance(row, LegRow)), key=lambda row: row.leg)),
        transcripts={
            row.source: Transcript.from_json(json.loads(row.document))
            for row in rows
            if isinstance(row, TranscriptRow)
        },
    )


def _read_entries(data: Path, call_id: str) -> tuple[Written, ...]:
    for _ in range(2):  # a folder may be archived between being found and being read
        folder = folders.locate(data, call_id) if folders.is_call_id(call_id) else None
        if folder is not None and (written := journal.read(folder).entries):
            return written
    return ()


async def _read_rows(connection: AsyncConnection, call_id: str) -> list[Row]:
    found: list[Row] = []
    for kind, table in _TABLES:
        columns = [table.c[field.name] for field in fields(kind)]
        rows = await connection.execute(sa.select(*columns).where(table.c.call_id == call_id))
        found += [kind(*row) for row in rows]
    return found


def _ask_for_tickets(call_id: str) -> sa.Select[Any]:
    return (
        sa.select(
            tickets.c.number,
            tickets.c.matter,
            tickets.c.revision,
            tickets.c.created_at,
            tickets.c.document,
            outbox.c.idempotency_key,
            outbox.c.state,
            outbox.c.attempts,
            outbox.c.created_at,
            outbox.c.next_at,
            outbox.c.settled_at,
            outbox.c.last_error,
            outbox.c.receipt,
            outbox.c.dropped,
        )
        .outerjoin_from(
            tickets,
            outbox,
            sa.and_(outbox.c.number == tickets.c.number, outbox.c.revision == tickets.c.revision),
        )
        .where(tickets.c.call_id == call_id)
        .order_by(tickets.c.matter, tickets.c.number, tickets.c.revision)
    )


def _read_tickets(rows: Sequence[Any]) -> tuple[TicketStory, ...]:
    told: dict[tuple[str, int], list[TicketRevision]] = {}
    for number, matter, revision, created_at, document, key, *delivery in rows:
        deliveries = () if key is None else (Delivery(key, *delivery),)
        told.setdefault((number, matter), []).append(
            TicketRevision(revision, created_at, json.loads(document), deliveries)
        )
    return tuple(TicketStory(number, matter, tuple(found)) for (number, matter), found in told.items())


def _place(written: Sequence[Written]) -> tuple[StoryEvent, ...]:
    """Each entry with its place in the recording: the one it names, else by the clock from the answer on."""
    placed: list[StoryEvent] = []
    answered: datetime | None = None
    for one in written:
        at: float | None = None
        match one.entry:
            case Played(start=at) | Heard(start=at) | Event(at=at):
                pass
            case entry:
                if answered is None and isinstance(entry, Answered):
                    answered = one.wall
                if answered is not None:
                    at = max((one.wall - answered).total_seconds(), 0.0)
        placed.append(StoryEvent(one.wall, at, one.entry))
    return tuple(placed)
