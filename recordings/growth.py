"""How fast the recordings grow, by what the last day brought, less what is deleted each day.

Who deletes old recordings, and by what, is the operators' own. So it is measured: once a day it is written down how
much was free, and what has become free since, beside what the calls have taken, was deleted.
"""

# No `from __future__ import annotations` here: pydantic reads the annotations at run time.

import math
from collections.abc import Collection
from datetime import datetime, timedelta
from pathlib import Path
from statistics import median_low
from typing import Final

import sqlalchemy as sa
from pydantic import AwareDatetime, BaseModel, ConfigDict
from sqlalchemy.ext.asyncio import AsyncConnection

from recordings import wav
from recordings.schema import calls, recordings
from recordings.threads import Threads

FILE: Final = "growth.json"
"""In the data folder."""

_BYTES_A_SECOND: Final = 2 * wav.RATE * wav.CHANNELS
_DAY: Final = timedelta(days=1)
_LEAST: Final = timedelta(hours=1)  # of a house that has only begun
_DAYS: Final = 7  # that are looked back to
_FEWEST: Final = 2  # of them: who makes room once does not do so every day
_noting: Final = Threads("growth", 1)  # whose disk may stand still: messages and tickets do not wait for it


class _Noted(BaseModel):
    """So many bytes were ``free`` then; and what was ``deleted`` in each of the days before, bytes a second."""

    model_config = ConfigDict(frozen=True)

    at: AwareDatetime
    free: int
    deleted: tuple[float, ...] = ()


async def read_growth(
    connection: AsyncConnection, nodes: Collection[int], data: Path, now: datetime
) -> float:
    """Bytes a second by which the recordings of these nodes, in this data folder, grow.

    What their calls have brought within the last day, or since the first of them, less what is deleted on a usual day.
    """
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
    brought = seconds * _BYTES_A_SECOND / float(since.total_seconds())
    noted = _read(data)
    days = noted.deleted if noted is not None else ()
    return max(0.0, brought - (median_low(days) if len(days) >= _FEWEST else 0.0))


async def note_day(
    connection: AsyncConnection, nodes: Collection[int], data: Path, free: int, now: datetime
) -> None:
    """Write down, once a day, how many bytes are ``free``, and what was deleted since the day before.

    Raises OSError when the disk refuses.
    """
    before = _read(data)
    deleted: tuple[float, ...] = ()
    if before is not None and before.at <= now:
        if now - before.at < _DAY:
            return
        query = (
            sa.select(sa.func.coalesce(sa.func.sum(recordings.c.seconds), 0.0))
            .join(calls, calls.c.call_id == recordings.c.call_id)
            .where(calls.c.started_at > before.at, calls.c.started_at <= now, calls.c.node.in_(nodes))
        )
        brought = float(await connection.scalar(query) or 0.0) * _BYTES_A_SECOND
        gone = max(0.0, brought - (before.free - free)) / (now - before.at).total_seconds()
        deleted = (*before.deleted, gone)[-_DAYS:]
    await _noting.run(_write, data, _Noted(at=now, free=free, deleted=deleted))


def forecast(free: int, bytes_per_second: float) -> float:
    """In how many seconds so many free bytes are used up at that rate; infinity when they never are."""
    return free / bytes_per_second if bytes_per_second > 0 else math.inf


def _write(data: Path, noted: _Noted) -> None:
    fresh = data / f"{FILE}.new"
    fresh.write_text(noted.model_dump_json(), encoding="utf-8")
    fresh.replace(data / FILE)


def _read(data: Path) -> _Noted | None:
    """What was noted last; None when nothing was, or nothing that can be read."""
    try:
        return _Noted.model_validate_json((data / FILE).read_bytes())
    except (FileNotFoundError, ValueError):
        return None
