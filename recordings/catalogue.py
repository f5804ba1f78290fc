"""The calls in the database: one row a call, with its recording, its transcripts and its legs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import sqlalchemy as sa

from recordings.database import upsert
from recordings.schema import calls, legs, recordings, transcripts

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from sqlalchemy.ext.asyncio import AsyncConnection


@dataclass(frozen=True, slots=True)
class CallRow:
    """A call; see ``recordings.schema.calls`` for the columns."""

    call_id: str
    sip_call_id: str
    caller: str
    called: str
    hotline: str
    flow: str
    node: int
    started_at: datetime
    answered_at: datetime | None
    ended_at: datetime | None
    duration_s: float | None
    hung_up_by: str | None
    cause: str
    interrupted: bool
    reason: str | None
    folder: str
    late: Literal["none", "wanted", "done"]
    test: bool = False


@dataclass(frozen=True, slots=True)
class RecordingRow:
    """A call's recording; ``path`` is relative to the data directory."""

    call_id: str
    path: str
    seconds: float
    channels: int


@dataclass(frozen=True, slots=True)
class TranscriptRow:
    """A transcript: ``live`` was heard in the call, ``late`` made from the recording, ``second`` by the large model.

    ``document`` is JSON.
    """

    call_id: str
    source: Literal["live", "late", "second"]
    complete: bool
    document: str


@dataclass(frozen=True, slots=True)
class LegRow:
    """A leg of a call; see ``recordings.schema.legs`` for the columns."""

    call_id: str
    leg: int
    direction: Literal["in", "out"]
    target: str
    uri: str
    reason: str
    ticket: str | None
    sip_call_id: str
    their_id: str
    began_at: datetime
    answered_at: datetime | None
    ended_at: datetime | None
    ended_by: str | None
    cause: str
    talked_s: float | None


Row = CallRow | RecordingRow | TranscriptRow | LegRow


async def store(connection: AsyncConnection, rows: Sequence[Row]) -> None:
    """Insert rows, or bring those there are up to date; a call's own row before its others."""
    for kind, (table, key) in _TABLES.items():
        values = [{c.name: getattr(row, c.name) for c in table.columns} for row in rows if type(row) is kind]
        await upsert(connection, table, key, values)


async def give_up(connection: AsyncConnection, call_id: str) -> None:
    """Let a recording that is gone wait for nothing."""
    await connection.execute(sa.update(calls).where(calls.c.call_id == call_id).values(late="none"))


_TABLES: dict[type, tuple[sa.Table, list[str]]] = {
    CallRow: (calls, ["call_id"]),
    RecordingRow: (recordings, ["call_id"]),
    TranscriptRow: (transcripts, ["call_id", "source"]),
    LegRow: (legs, ["call_id", "leg"]),
}
