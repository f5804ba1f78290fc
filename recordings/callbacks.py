"""Call-backs that are owed (待回电), and the attempts to make them. Rows are only ever added.

The migrations make this table; a test keeps both equal.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Final

import sqlalchemy as sa

from recordings.instant import Instant
from recordings.schema import counting_id, metadata, worklist

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from sqlalchemy.ext.asyncio import AsyncConnection


class Result(StrEnum):
    """What came of an attempt."""

    REACHED = "已接通"
    NO_ANSWER = "无人接听"
    BUSY = "占线或关机"
    WRONG = "号码不对"
    NO_MORE = "不再回电"


SETTLES: Final = (Result.REACHED, Result.NO_MORE)
"""Results after which nothing is owed any more."""

call_backs = sa.Table(
    "call_backs",
    metadata,
    sa.Column("id", counting_id, primary_key=True, autoincrement=True),
    sa.Column("call_id", sa.Text, sa.ForeignKey("calls.call_id", ondelete="CASCADE"), nullable=False),
    sa.Column("at", Instant, nullable=False),
    sa.Column("agent", sa.Text, nullable=False),
    sa.Column("result", sa.Text, nullable=False),
    sa.Column("note", sa.Text, nullable=False),
    sa.Index("ix_call_backs_call_id", "call_id", "id"),
    sa.CheckConstraint(
        "result IN ('已接通', '无人接听', '占线或关机', '号码不对', '不再回电')", name="result"
    ),
    sqlite_autoincrement=True,
)


@dataclass(frozen=True, slots=True)
class Attempt:
    """One attempt to call back, or the decision to make none."""

    at: datetime
    agent: str
    result: str
    note: str


def is_owed() -> sa.ColumnElement[bool]:
    """A condition on ``worklist``: somebody waits to be called back, whatever has become of the ticket."""
    settled = sa.exists().where(call_backs.c.call_id == worklist.c.call_id, call_backs.c.result.in_(SETTLES))
    return sa.and_(worklist.c.call_back, ~settled)


async def note_attempt(
    connection: AsyncConnection, call_id: str, agent: str, result: Result, note: str, now: datetime
) -> None:
    """Add an attempt."""
    await connection.execute(
        sa.insert(call_backs).values(call_id=call_id, at=now, agent=agent, result=result, note=note)
    )


async def read_attempts(connection: AsyncConnection, call_id: str) -> Sequence[Attempt]:
    """All attempts at the caller, the first first."""
    query = sa.select(call_backs).where(call_backs.c.call_id == call_id).order_by(call_backs.c.id)
    return [Attempt(row.at, row.agent, row.result, row.note) for row in await connection.execute(query)]


async def owes(connection: AsyncConnection, call_id: str) -> bool:
    """Whether the caller still waits to be called back."""
    query = sa.select(sa.literal(1)).where(worklist.c.call_id == call_id, is_owed())
    return (await connection.execute(query)).first() is not None
