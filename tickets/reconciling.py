"""对账: what became of a day's tickets on their way to the intake, ticket by ticket."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from recordings.schema import outbox
from tickets.client import Accepted
from tickets.number import CITY_TIME

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

    from sqlalchemy.ext.asyncio import AsyncConnection

    from tickets.mapped import MappedClient


@dataclass(frozen=True, slots=True)
class Line:
    """One ticket of the day: of how many revisions how many were accepted, refused, dropped, or wait.

    ``accepted_to`` is the last revision that was accepted, ``intake_number`` theirs by the receipt of the first, "" for
    none: a supplement's may be the supplement's own.
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
                intake_number=receipts[0] if receipts else "",
            )
        )
    return lines


async def compare(client: MappedClient, lines: Sequence[Line]) -> dict[str, str]:
    """What the intake says that it has of each, by number: ``same``, ``missing``, another number, or ``unknown``.

    Where it does not tell revisions, only whether it has the ticket is compared. Raises ValueError when it cannot be
    asked at all.
    """
    counts = client.lookup is not None and client.lookup.revision is not None
    told = {}
    for line in lines:
        revision = max(line.accepted_to, 1) if counts else 1
        held = await client.ask(line.number, revision, f"reconcile-{line.number}")
        if held is None:
            told[line.number] = "missing" if line.accepted else "same"
        elif isinstance(held, Accepted):
            same = held.receipt.number == line.intake_number
            told[line.number] = "same" if same else f"other: {held.receipt.number}"
        else:
            told[line.number] = "unknown"
    return told
