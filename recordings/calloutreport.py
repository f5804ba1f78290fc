"""How the calls that we place stand: by campaign, and row by row."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

import sqlalchemy as sa

from recordings.callouts import attempts, callouts, switch

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from sqlalchemy.ext.asyncio import AsyncConnection


@dataclass(frozen=True, slots=True)
class Switch:
    """Whether calls go out, and who said so when; ``at`` None: nobody has yet."""

    on: bool
    by: str
    at: datetime | None


@dataclass(frozen=True, slots=True)
class Standing:
    """One campaign: how many rows are in each state, what came of the attempts ("" is unknown), what was solved."""

    campaign: str
    kind: str
    states: Mapping[str, int]
    results: Mapping[str, int]
    solved: int
    unsolved: int


@dataclass(frozen=True, slots=True)
class Line:
    """One row with its last attempt: ``result`` "" is unknown, None: there was none. ``held``: it is being called."""

    id: int
    campaign: str
    kind: str
    number: str
    ticket: str
    state: str
    held: bool
    tries: int
    next_at: datetime
    result: str | None
    cause: str
    solved: bool | None


async def read_switch(connection: AsyncConnection) -> Switch:
    """Whether calls go out now."""
    row = (await connection.execute(sa.select(switch.c.on, switch.c.by, switch.c.at))).one()
    return Switch(*row)


async def count(connection: AsyncConnection) -> list[Standing]:
    """Every campaign, the newest first, each kind by itself."""
    rows = await connection.execute(
        sa.select(callouts.c.campaign, callouts.c.kind, callouts.c.state, sa.func.count())
        .group_by(callouts.c.campaign, callouts.c.kind, callouts.c.state)
        .order_by(sa.func.max(callouts.c.id).desc())
    )
    states: dict[tuple[str, str], Counter[str]] = {}
    for campaign, kind, state, number in rows:
        states.setdefault((campaign, kind), Counter())[state] += number
    results = {of: Counter[str]() for of in states}
    solved = {of: Counter[bool | None]() for of in states}
    rows = await connection.execute(
        sa.select(callouts.c.campaign, callouts.c.kind, attempts.c.result, attempts.c.solved, sa.func.count())
        .join(attempts, attempts.c.callout == callouts.c.id)
        .group_by(callouts.c.campaign, callouts.c.kind, attempts.c.result, attempts.c.solved)
    )
    for campaign, kind, result, said, number in rows:
        results[campaign, kind][result or ""] += number
        solved[campaign, kind][said] += number
    return [
        Standing(*of, dict(told), dict(results[of]), solved[of][True], solved[of][False])
        for of, told in states.items()
    ]


async def list_rows(connection: AsyncConnection, campaign: str, now: datetime, limit: int) -> list[Line]:
    """The first ``limit`` rows of a campaign, in their order."""
    last = (
        sa.select(attempts.c.call_id)
        .where(attempts.c.callout == callouts.c.id)
        .order_by(attempts.c.at.desc(), attempts.c.call_id.desc())
        .limit(1)
        .correlate(callouts)
        .scalar_subquery()
    )
    rows = await connection.execute(
        sa.select(callouts, attempts.c.call_id, attempts.c.result, attempts.c.cause, attempts.c.solved)
        .outerjoin(attempts, attempts.c.call_id == last)
        .where(callouts.c.campaign == campaign)
        .order_by(callouts.c.id)
        .limit(limit)
    )
    return [
        Line(
            id=row.id,
            campaign=row.campaign,
            kind=row.kind,
            number=row.number,
            ticket=row.ticket,
            state=row.state,
            held=row.state == "waiting" and row.lease_until is not None and row.lease_until > now,
            tries=row.tries,
            next_at=row.next_at,
            result=None if row.call_id is None else row.result or "",
            cause=row.cause or "",
            solved=row.solved,
        )
        for row in rows
    ]
