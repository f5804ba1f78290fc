"""The work list as it is asked for: filters, search, and pages that begin where the last one ended (keyset).

Calls that wait for review come in the order of ``tickets.worklist.RANKS``, the oldest of each rank first; any other
choice comes newest first. A call id begins with the UTC second the call came in, so its order is that of time.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import TYPE_CHECKING, Any, Final

import sqlalchemy as sa

from recordings import search
from recordings.schema import claims, search_texts, worklist
from recordings.worklist import State
from tickets.number import CITY_TIME

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy.ext.asyncio import AsyncConnection

PAGE: Final = 50


@dataclass(frozen=True, slots=True)
class Filter:
    """What is asked for. ``state`` None: any; "" and None elsewhere: no matter; ``runs`` as ``search.split`` gives."""

    state: State | None = State.OPEN
    hotline: str = ""
    county: str = ""
    since: date | None = None
    until: date | None = None
    runs: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Position:
    """Where a page ended: the next one begins behind it."""

    rank: int
    call_id: str


@dataclass(frozen=True, slots=True)
class Page:
    """Rows of ``worklist`` with ``holder`` (who has claimed the call, or None) and ``text`` (None without a search)."""

    rows: Sequence[sa.Row[Any]]
    behind: Position | None


async def read_page(
    connection: AsyncConnection, wanted: Filter, behind: Position | None, now: datetime
) -> Page:
    """The page that begins behind ``behind`` (None: the first)."""
    columns: list[Any] = [worklist, _holder(now)]
    source: sa.FromClause = worklist
    conditions = [*list_conditions(wanted), *_begin(wanted, behind)]
    if wanted.runs:
        columns.append(search_texts.c.text)
        source = worklist.join(search_texts, search_texts.c.call_id == worklist.c.call_id)
        conditions.append(await search.match(connection, list(wanted.runs)))
    else:
        columns.append(sa.null().label("text"))
    query = (
        sa.select(*columns).select_from(source).where(*conditions).order_by(*_order(wanted)).limit(PAGE + 1)
    )
    rows = (await connection.execute(query)).all()
    if len(rows) <= PAGE:
        return Page(rows, None)
    last = rows[PAGE - 1]
    return Page(rows[:PAGE], Position(last.rank, last.call_id))


async def read_row(connection: AsyncConnection, call_id: str, now: datetime) -> sa.Row[Any] | None:
    """One row of the list, as a page has it."""
    query = sa.select(worklist, _holder(now), sa.null().label("text")).where(worklist.c.call_id == call_id)
    return (await connection.execute(query)).first()


async def count_waiting(connection: AsyncConnection) -> dict[int, int]:
    """How many calls wait for review, by rank."""
    query = (
        sa.select(worklist.c.rank, sa.func.count())
        .where(worklist.c.state == State.OPEN)
        .group_by(worklist.c.rank)
    )
    return {rank: count for rank, count in await connection.execute(query)}  # noqa: C416 - rows are no pairs to mypy


def list_conditions(wanted: Filter) -> list[sa.ColumnElement[bool]]:
    """The filter as conditions on ``worklist``, all but the search."""
    conditions: list[sa.ColumnElement[bool]] = []
    if wanted.state:
        conditions.append(worklist.c.state == wanted.state)
    if wanted.hotline:
        conditions.append(worklist.c.hotline == wanted.hotline)
    if wanted.county:
        # A call of two matters may be of two counties.
        conditions.append(worklist.c.county.contains(wanted.county, autoescape=True))
    if wanted.since:
        conditions.append(worklist.c.call_id >= _first_id(wanted.since))
    if wanted.until:
        conditions.append(worklist.c.call_id < _first_id(wanted.until + timedelta(days=1)))
    return conditions


def _begin(wanted: Filter, behind: Position | None) -> list[sa.ColumnElement[bool]]:
    if behind is None:
        return []
    if wanted.state is State.OPEN:
        return [sa.tuple_(worklist.c.rank, worklist.c.call_id) > sa.tuple_(behind.rank, behind.call_id)]
    return [worklist.c.call_id < behind.call_id]


def _order(wanted: Filter) -> list[sa.ColumnElement[Any]]:
    if wanted.state is State.OPEN:
        return [worklist.c.rank, worklist.c.call_id]
    return [worklist.c.call_id.desc()]


def _holder(now: datetime) -> sa.ColumnElement[str | None]:
    return (
        sa.select(claims.c.user_name)
        .where(claims.c.call_id == worklist.c.call_id, claims.c.until > now)
        .scalar_subquery()
        .label("holder")
    )


def _first_id(day: date) -> str:
    """What the id of a call at the first moment of that day (in the city) begins with."""
    return f"{datetime.combine(day, time(), CITY_TIME).astimezone(UTC):%Y%m%dT%H%M%S}"
