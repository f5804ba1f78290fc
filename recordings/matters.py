"""What each ticket is about: one row a matter, for what is common to many; and the surges found among them.

The migrations make these tables; a test keeps both equal.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

import sqlalchemy as sa

from recordings.database import insert, upsert
from recordings.instant import Instant
from recordings.schema import counting_id, metadata

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from sqlalchemy.ext.asyncio import AsyncConnection

# Goes with its call. An anonymous line's has no caller, topic, place or words.
matters = sa.Table(
    "matters",
    metadata,
    sa.Column("number", sa.Text, primary_key=True),  # of the ticket
    sa.Column("call_id", sa.Text, sa.ForeignKey("calls.call_id", ondelete="CASCADE"), nullable=False),
    sa.Column("at", Instant, nullable=False),  # when the call came
    sa.Column(
        "hour", sa.Integer, nullable=False
    ),  # of the week in the city's time, 0 from Monday midnight on
    sa.Column("hotline", sa.Text, nullable=False),
    sa.Column("caller", sa.Text, nullable=False),  # the number to call back, digits; "" for none
    sa.Column("topic", sa.Text, nullable=False),  # "" for none
    sa.Column("category", sa.Text, nullable=False),  # as the ticket shows it, its levels joined by _
    sa.Column("county", sa.Text, nullable=False),
    sa.Column("township", sa.Text, nullable=False),
    sa.Column("code", sa.Text, nullable=False),  # 行政区划代码 of the county
    sa.Column("urgency", sa.Text, nullable=False),
    sa.Column("words", sa.Text, nullable=False),  # those worth counting, each once, joined by a space
    sa.Column(
        "urged", sa.Text, nullable=False
    ),  # 催办: the words by which it is asked for again, "" for none
    sa.Index("ix_matters_call_id", "call_id"),
    sa.Index("ix_matters_at", "at", "topic", "county", "township"),
    sa.Index("ix_matters_topic", "topic", "at", "hour", "county", "township"),
    sa.Index("ix_matters_caller", "caller", "at"),
)

# 热点: one row each, which grows with its matters; these are those of its topic and place from began_at to last_at.
surges = sa.Table(
    "surges",
    metadata,
    sa.Column("id", counting_id, primary_key=True, autoincrement=True),
    sa.Column("topic", sa.Text, nullable=False),
    sa.Column("county", sa.Text, nullable=False),
    sa.Column("township", sa.Text, nullable=False),  # "" where only the county is known
    sa.Column("began_at", Instant, nullable=False),
    sa.Column("last_at", Instant, nullable=False),
    sa.Column("count", sa.Integer, nullable=False),
    sa.Column(
        "expected", sa.Double, nullable=False
    ),  # how many were usual in the hours in which it was found
    sa.Column("reason", sa.Text, nullable=False),  # in Chinese, as of when it was found
    sa.Column("found_at", Instant, nullable=False),
    sa.Column("seen_by", sa.Text, sa.ForeignKey("users.name")),  # the agent who knows of it
    sa.Column("seen_at", Instant),
    sa.UniqueConstraint("topic", "county", "township", "began_at"),
    sa.Index("ix_surges_last_at", "last_at"),
    sqlite_autoincrement=True,
)


@dataclass(frozen=True, slots=True)
class MatterRow:
    """What a ticket is about; see the table for the columns."""

    number: str
    call_id: str
    at: datetime
    hour: int
    hotline: str
    caller: str
    topic: str
    category: str
    county: str
    township: str
    code: str
    urgency: str
    words: str
    urged: str


async def store(connection: AsyncConnection, rows: Sequence[MatterRow]) -> None:
    """Insert rows, or bring those there are up to date."""
    await upsert(connection, matters, ["number"], [asdict(row) for row in rows])


async def add(connection: AsyncConnection, rows: Sequence[MatterRow]) -> None:
    """Insert rows where there are none; what is there is newer."""
    statement = insert(connection, matters).on_conflict_do_nothing(index_elements=["number"])
    await connection.execute(statement, [asdict(row) for row in rows])
