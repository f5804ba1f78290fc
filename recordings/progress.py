"""What became of tickets: what the intake told of them (处理状态), their query codes, what callers thought (满意度).

The migrations make these tables; a test keeps both equal.
"""

from __future__ import annotations

import hmac
import secrets
from dataclasses import asdict, dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Final

import sqlalchemy as sa

from recordings.database import insert, upsert
from recordings.instant import Instant
from recordings.schema import metadata

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from sqlalchemy.ext.asyncio import AsyncConnection

_GUESSES: Final = 5
_LOCKED: Final = timedelta(days=1)

status_changes = sa.Table(
    "status_changes",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),  # the message's webhook-id: none is taken twice
    sa.Column("number", sa.Text, nullable=False),  # the ticket's, ours
    sa.Column("status", sa.Text, nullable=False),
    sa.Column("at", Instant, nullable=False),  # when it came to be so, by the intake's clock
    sa.Column("unit", sa.Text, nullable=False),  # 主办单位, "" when it was not told
    sa.Column("note", sa.Text, nullable=False),  # the answer to the caller, "" when there is none yet
    sa.Column("body_sha256", sa.Text, nullable=False),
    sa.Column("received_at", Instant, nullable=False),
    sa.Index("ix_status_changes_number", "number", "at"),
    sa.CheckConstraint("status IN ('受理', '派单', '处置', '回访', '结案')", name="status"),
)

query_codes = sa.Table(
    "query_codes",
    metadata,
    sa.Column("number", sa.Text, primary_key=True),  # the ticket's
    sa.Column("code", sa.Text, nullable=False),  # six digits: who knows them may hear what came of it
    sa.Column("guesses", sa.Integer, nullable=False, server_default="0"),  # in a row
    sa.Column("guessed_at", Instant),  # the last
)

ratings = sa.Table(
    "ratings",
    metadata,
    sa.Column("call_id", sa.Text, primary_key=True),  # the call in which it was said
    sa.Column("number", sa.Text, primary_key=True),  # of the ticket
    sa.Column("rating", sa.Text, nullable=False),
    sa.Column("at", Instant, nullable=False),
    sa.Index("ix_ratings_number", "number", "at"),
    sa.CheckConstraint("rating IN ('满意', '基本满意', '不满意')", name="rating"),
)


@dataclass(frozen=True, slots=True)
class Progress:
    """What was told of a ticket: since ``at`` it is ``status``, with ``unit``; ``note`` is the answer to the caller."""

    number: str
    status: str
    at: datetime
    unit: str
    note: str


async def read_progress(connection: AsyncConnection, numbers: Sequence[str]) -> list[Progress]:
    """All that was told of these tickets, each ticket's in the order in which it came to be."""
    query = (
        sa.select(*(status_changes.c[name] for name in ("number", "status", "at", "unit", "note")))
        .where(status_changes.c.number.in_(numbers))
        .order_by(status_changes.c.number, status_changes.c.at, status_changes.c.received_at)
    )
    return [Progress(*row) for row in await connection.execute(query)]


@dataclass(frozen=True, slots=True)
class Opinion:
    """What a caller thinks of the outcome of a ticket (满意度), said in the call ``call_id``."""

    call_id: str
    number: str
    rating: str
    at: datetime


async def keep_codes(connection: AsyncConnection, numbers: Sequence[str]) -> None:
    """Make a query code of six digits for each of these tickets that has none."""
    rows = [{"number": number, "code": f"{secrets.randbelow(10**6):06d}"} for number in numbers]
    if rows:
        await connection.execute(insert(connection, query_codes).on_conflict_do_nothing(), rows)


async def read_code(connection: AsyncConnection, number: str) -> str | None:
    """A ticket's query code; None for one that was made before there were any."""
    code: str | None = await connection.scalar(
        sa.select(query_codes.c.code).where(query_codes.c.number == number)
    )
    return code


async def try_code(connection: AsyncConnection, number: str, code: str, now: datetime) -> bool:
    """Whether ``code`` is the ticket's query code; needs a transaction that writes.

    After five wrong ones in a row none is right for a day, whichever gateway of the site was asked.
    """
    found = await connection.execute(
        sa.select(query_codes).where(query_codes.c.number == number).with_for_update()
    )
    row = found.one_or_none()
    if row is None:
        return False
    guesses = row.guesses if row.guessed_at is not None and now - row.guessed_at < _LOCKED else 0
    if guesses >= _GUESSES:
        return False
    right = hmac.compare_digest(row.code.encode(), code.encode())
    tried = sa.update(query_codes).where(query_codes.c.number == number)
    await connection.execute(tried.values(guesses=0 if right else guesses + 1, guessed_at=now))
    return right


async def keep_opinions(connection: AsyncConnection, opinions: Sequence[Opinion]) -> None:
    """Write down what callers think; of one ticket in one call the last counts."""
    await upsert(connection, ratings, ("call_id", "number"), [asdict(one) for one in opinions])


async def read_opinions(connection: AsyncConnection, numbers: Sequence[str]) -> list[Opinion]:
    """What was thought of these tickets, each ticket's in order."""
    query = sa.select(*(ratings.c[name] for name in ("call_id", "number", "rating", "at")))
    query = query.where(ratings.c.number.in_(numbers)).order_by(ratings.c.number, ratings.c.at)
    return [Opinion(*row) for row in await connection.execute(query)]
