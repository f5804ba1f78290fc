"""What the intake has told of its tickets since it accepted them (处理状态). Rows are only ever added.

The migrations make this table; a test keeps both equal.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import sqlalchemy as sa

from recordings.instant import Instant
from recordings.schema import metadata

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from sqlalchemy.ext.asyncio import AsyncConnection

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
