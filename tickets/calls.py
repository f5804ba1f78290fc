"""The calls on file, newest first, each with what became of its tickets."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Literal

import sqlalchemy as sa

from recordings.catalogue import CallRow
from recordings.schema import calls, outbox, tickets

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from sqlalchemy.ext.asyncio import AsyncConnection


@dataclass(frozen=True, slots=True)
class CallFilter:
    """Which calls are asked for; what is not set excludes none.

    ``since`` is the earliest start. ``without_ticket`` and ``interrupted`` leave out every other call; a call that
    still lasts is not without a ticket.
    """

    since: datetime | None = None
    hotline: str = ""
    without_ticket: bool = False
    interrupted: bool = False


@dataclass(frozen=True, slots=True)
class TicketLine:
    """A ticket's newest revision, and whether the intake has it."""

    number: str
    revision: int
    delivery: Literal["pending", "accepted", "dead"]


@dataclass(frozen=True, slots=True)
class CallLine:
    """A call on file with its tickets, in the order of its matters."""

    call: CallRow
    tickets: tuple[TicketLine, ...]


async def list_calls(connection: AsyncConnection, wanted: CallFilter, limit: int) -> list[CallLine]:
    """The newest ``limit`` calls on file that ``wanted`` lets through."""
    conditions = []
    if wanted.since is not None:
        conditions.append(calls.c.started_at >= wanted.since)
    if wanted.hotline:
        conditions.append(calls.c.hotline == wanted.hotline)
    if wanted.interrupted:
        conditions.append(calls.c.interrupted)
    if wanted.without_ticket:
        conditions += [
            calls.c.ended_at.is_not(None),
            ~sa.exists().where(tickets.c.call_id == calls.c.call_id),
        ]
    query = (
        sa.select(*(calls.c[field.name] for field in fields(CallRow)))
        .where(*conditions)
        .order_by(calls.c.started_at.desc(), calls.c.call_id.desc())
        .limit(limit)
    )
    found = [CallRow(*row) for row in await connection.execute(query)]
    made = await _read_tickets(connection, [call.call_id for call in found])
    return [CallLine(call, tuple(made[call.call_id].values())) for call in found]


async def _read_tickets(
    connection: AsyncConnection, call_ids: Sequence[str]
) -> dict[str, dict[str, TicketLine]]:
    """Each call's tickets by number: of several revisions the newest."""
    query = (
        sa.select(tickets.c.call_id, tickets.c.number, tickets.c.revision, outbox.c.state)
        .join_from(
            tickets,
            outbox,
            sa.and_(outbox.c.number == tickets.c.number, outbox.c.revision == tickets.c.revision),
        )
        .where(tickets.c.call_id.in_(call_ids))
        .order_by(tickets.c.matter, tickets.c.revision)
    )
    made: dict[str, dict[str, TicketLine]] = {call_id: {} for call_id in call_ids}
    for call_id, *ticket in await connection.execute(query):
        line = TicketLine(*ticket)
        made[call_id][line.number] = line
    return made
