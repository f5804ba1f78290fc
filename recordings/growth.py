"""How fast the recordings grow, by what the last day brought."""

from __future__ import annotations

import math
from datetime import timedelta
from typing import TYPE_CHECKING, Final

import sqlalchemy as sa

from recordings import wav
from recordings.schema import calls, recordings

if TYPE_CHECKING:
    from collections.abc import Collection
    from datetime import datetime

    from sqlalchemy.ext.asyncio import AsyncConnection

_BYTES_A_SECOND: Final = 2 * wav.RATE * wav.CHANNELS
_DAY: Final = timedelta(days=1)
_LEAST: Final = timedelta(hours=1)  # of a house that has only begun


async def read_growth(connection: AsyncConnection, nodes: Collection[int], now: datetime) -> float:
    """Bytes a second that the calls of these nodes have brought within the last day, or since the first of them."""
    query = (
        sa.select(sa.func.coalesce(sa.func.sum(recordings.c.seconds), 0.0), sa.func.min(calls.c.started_at))
        .join(calls, calls.c.call_id == recordings.c.call_id)
        .where(calls.c.started_at > now - _DAY, calls.c.node.in_(nodes))
    )
    seconds: float
    seconds, first = (await connection.execute(query)).one()
    if first is None:
        return 0.0
    since = max(now - first, _LEAST)
    return seconds * _BYTES_A_SECOND / float(since.total_seconds())


def forecast(free: int, bytes_per_second: float) -> float:
    """In how many seconds so many free bytes are used up at that rate; infinity when they never are."""
    return free / bytes_per_second if bytes_per_second > 0 else math.inf
