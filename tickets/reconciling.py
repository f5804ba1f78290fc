"""对账: what became of a day's tickets on their way to the intake, ticket by ticket."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from recordings.schema import outbox
from tickets.number import CITY_TIME

if TYPE_CHECKING:
    from datetime import date

    from sqlalchemy.ext.asyncio import AsyncConnection


@dataclass(frozen=True, slots=True)
class Line:
    """One ticket of the day: of how many revisions how many were accepted, refused, dropped, or wait.

    ``accepted_to`` is the last revision that was accepted, ``intake_number`` theirs by its receipt, "" for none.
    """

    number: str
    revisions: int
    accepted: int
    accepted_to: int
    refused: int
    dropped: int
    waiting: int
    intake_number: str


async def read_day(connection: AsyncConnection, day: date) -> list[Line]:
    """The tickets whose first revision was put into the outbox on that day in Shanghai, by their numbers."""
    begins = datetime.combine(day, time(), CITY_TIME)
    first = sa.select(outbox.c.number).where(
        outbox.c.kind == "ticket",
        outbox.c.revision == 1,
        outbox.c.created_at >= begins,
        outbox.c.created_at < begins + timedelta(days=1),
    )
    rows = await connection.execute(
        sa.select(outbox.c.number, outbox.c.revision, outbox.c.state, outbox.c.dropped, outbox.c.receipt)
        .where(outbox.c.kind == "ticket", outbox.c.number.in_(first))
        .order_by(outbox.c.number, outbox.c.revision)
    )
    by_number: dict[str, list[Any]] = {}
    for row in rows:
        by_number.setdefault(row.number, []).append(row)
    lines = []
    for number, found in by_number.items():
        taken = [row for row in found if row.state == "accepted"]
        dead = [row for row in found if row.state == "dead"]
        receipts = [row.receipt["number"] for row in taken if row.receipt]
        lines.append(
            Line(
                number=number,
                revisions=len(found),
                accepted=len(taken),
                accepted_to=max((row.revision for row in taken), default=0),
                refused=sum(row.dropped is None for row in dead),
                dropped=sum(row.dropped is not None for row in dead),
                waiting=len(found) - len(taken) - len(dead),
                intake_number=receipts[-1] if receipts else "",
            )
        )
    return lines
