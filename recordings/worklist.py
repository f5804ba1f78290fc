"""The agents' work list: one row an ended call, holding what the list is filtered and ordered by."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

import sqlalchemy as sa

from recordings.database import upsert
from recordings.schema import worklist

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from sqlalchemy.ext.asyncio import AsyncConnection


class State(StrEnum):
    """How far a call has been reviewed."""

    OPEN = "待审核"
    ACCEPTED = "已审核"
    RETURNED = "已退回"
    EMPTY = "无工单"


@dataclass(frozen=True, slots=True)
class WorkRow:
    """A call as the list shows it; see ``recordings.schema.worklist``. ``rank`` 0 is to be looked at first.

    ``missed`` is how its caller was missed, "" when he was not; ``tries`` for how many refused calls of his it stands.
    """

    call_id: str
    hotline: str
    started_at: datetime
    duration_s: float | None
    title: str
    appeal: str
    county: str
    township: str
    urgency: str
    interrupted: bool
    call_back: bool
    low_confidence: bool
    place_missing: bool
    rank: int
    state: State
    missed: str = ""
    tries: int = 1


async def store(connection: AsyncConnection, rows: Sequence[WorkRow]) -> None:
    """Insert rows, or bring those there are up to date."""
    await upsert(connection, worklist, ["call_id"], [asdict(row) for row in rows])


async def is_open(connection: AsyncConnection, call_id: str) -> bool:
    """Whether the call waits for review."""
    state = await connection.scalar(sa.select(worklist.c.state).where(worklist.c.call_id == call_id))
    return state == State.OPEN
