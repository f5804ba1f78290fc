"""How many calls came, hour by hour, day by day and line by line; how many tickets they made, where and on what."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Final

import sqlalchemy as sa

from recordings.matters import matters
from recordings.schema import calls
from tickets.number import CITY_TIME

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sqlalchemy.ext.asyncio import AsyncConnection

    from tickets.overview.scope import Scope

_HOUR: Final = len("20261130T08")  # of a call's id, which begins with the second it came, UTC


@dataclass(frozen=True, slots=True)
class Volume:
    """``calls`` have ended; ``hours`` (0 to 23), ``days`` and ``lines`` each come to as many. ``tickets`` likewise.

    ``counties`` and ``categories`` (of the first level) have "" for the tickets without one.
    """

    calls: int
    hours: Mapping[int, int]
    days: Mapping[date, int]
    lines: Mapping[str, int]
    tickets: int
    counties: Mapping[str, int]
    categories: Mapping[str, int]


async def count_volume(connection: AsyncConnection, scope: Scope) -> Volume:
    """Count the calls that have ended, and their tickets: one whose call still lasts waits for it.

    Each by itself: hours and lines, or counties and categories, would make tens of thousands of pairs in a year.
    """
    hours: Counter[int] = Counter()
    days: Counter[date] = Counter()
    for told, count in await _count(connection, calls, scope, sa.func.substr(calls.c.call_id, 1, _HOUR)):
        there = _read_hour(told).astimezone(CITY_TIME)
        hours[there.hour] += count
        days[there.date()] += count
    lines = dict(await _count(connection, calls, scope, calls.c.hotline))
    counties = dict(await _count(connection, matters, scope, matters.c.county))
    categories: Counter[str] = Counter()
    for category, count in await _count(connection, matters, scope, matters.c.category):
        categories[category.partition("_")[0]] += count
    return Volume(hours.total(), hours, days, lines, categories.total(), counties, categories)


async def _count(
    connection: AsyncConnection, table: sa.Table, scope: Scope, by: sa.ColumnElement[str]
) -> list[tuple[str, int]]:
    """How many rows there are of each ``by``, of calls that have ended."""
    lasting = sa.select(calls.c.call_id).where(
        calls.c.ended_at.is_(None), *scope.choose_days(calls.c.call_id)
    )
    ended = [calls.c.ended_at.is_not(None) if table is calls else table.c.call_id.not_in(lasting)]
    key = by.label("key")
    query = sa.select(key, sa.func.count()).where(*scope.choose(table), *ended).group_by(key)
    return [(name, count) for name, count in await connection.execute(query)]


def _read_hour(told: str) -> datetime:
    """``strptime`` takes ten times as long, for nine thousand hours of a year."""
    return datetime(int(told[:4]), int(told[4:6]), int(told[6:8]), int(told[9:]), tzinfo=UTC)
