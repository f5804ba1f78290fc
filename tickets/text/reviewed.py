"""Calls whose text an agent has corrected: what was heard beside what was said, the city's own measure of its model."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import sqlalchemy as sa

from recordings import entries, folders, journal
from recordings.schema import calls, reviews
from tickets.decisions import read_reviews, read_words

if TYPE_CHECKING:
    from pathlib import Path

    from asr.transcript import ModelFingerprint, Utterance
    from recordings.database import Database

_AT_ONCE: Final = 100


@dataclass(frozen=True, slots=True)
class Reviewed:
    """A phrase of the caller: as it was ``heard`` by ``model``, and ``said``, as an agent wrote or left it."""

    call_id: str
    line: str
    model: ModelFingerprint | None
    heard: Utterance
    said: str


async def read_reviewed(db: Database, *, live: bool = False) -> list[Reviewed]:
    """Every phrase of the calls in which an agent has corrected at least one, the oldest call first.

    ``live``: as it was heard in the call, whatever was made of it later.

    There he has read and listened; whether he did in a call without corrections, nobody knows. Of a phrase that he
    left as it was, what he read is what was said: as the second pass has heard it, where there was one.
    """
    found: list[Reviewed] = []
    async with db.read() as connection:
        query = (
            sa.select(calls.c.call_id, calls.c.hotline)
            .where(calls.c.call_id.in_(sa.select(reviews.c.call_id)))
            .order_by(calls.c.call_id)
        )
        rows = (await connection.execute(query)).all()
        for first in range(0, len(rows), _AT_ONCE):
            some = rows[first : first + _AT_ONCE]
            standing = await read_reviews(connection, [row.call_id for row in some])
            for row in some:
                last = max((r for r in standing.values() if r.call_id == row.call_id), key=lambda r: r.at)
                written = {(c.start, c.end): c.text for c in last.sheet.corrections}
                if not written:
                    continue
                read = await read_words(connection, row.call_id)
                words = await read_words(connection, row.call_id, live=True) if live else read
                left = {(u.start, u.end): u.text for u in read.utterances if u.speaker == "caller"}
                found += [
                    Reviewed(
                        row.call_id,
                        row.hotline,
                        words.model,
                        u,
                        written.get((max(u.start, 0.0), u.end), left.get((u.start, u.end), u.text)),
                    )
                    for u in words.utterances
                    if u.speaker == "caller"
                ]
    return found


def read_questions(data: Path, call_id: str) -> dict[tuple[float, float], str]:
    """What the caller had been asked when he said each phrase, by its times; nothing when his folder is elsewhere."""
    folder = folders.locate(data, call_id)
    if folder is None:
        return {}
    return {
        (one.entry.start, one.entry.end): one.entry.question
        for one in journal.read(folder).entries
        if isinstance(one.entry, entries.Heard)
    }
