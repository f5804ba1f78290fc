"""The work list as it is asked for: filters, search, and pages that begin where the last one ended (keyset).

Calls that wait for review come in the order of ``tickets.worklist.RANKS``, the oldest of each rank first; any other
choice comes newest first. A call id begins with the UTC second the call came in, so its order is that of time.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final

import sqlalchemy as sa

from console.claims import holds
from recordings import search
from recordings.callbacks import count_tries, owed_calls
from recordings.matters import matters
from recordings.schema import calls, tickets, worklist
from recordings.search import search_texts
from recordings.users import claims
from recordings.worklist import State
from tickets.overview.scope import came_in, first_id

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy.ext.asyncio import AsyncConnection

    from recordings.search import Words

PAGE: Final = 50
_DIGITS: Final = 4  # of a number, by which it is looked for; four may be its last
_AHEAD: Final = 8  # hours that the city is before UTC, all year
_LAST: Final = "\U0010ffff"  # sorts behind every character


class Tab(StrEnum):
    """A part of what is to be done."""

    URGENT = "特急"
    OWED = "待回电"
    DOUBTFUL = "存疑"
    OWN = "我的"


@dataclass(frozen=True, slots=True)
class Filter:
    """What is asked for. ``state`` None: any; "" and None elsewhere: no matter; ``runs`` as ``search.split`` gives.

    ``category`` is one of the first level, ``hour`` one of the day, 0 to 23; ``came``: no call that we placed. A
    ``tab`` says by itself which states it has. ``unread``: something was searched for in which nothing can be.
    ``hidden`` are lines of whose calls he who asks may not know; ``masked``: he may not know callers' numbers either.
    """

    state: State | None = State.OPEN
    hotline: str = ""
    county: str = ""
    since: date | None = None
    until: date | None = None
    runs: tuple[str, ...] = ()
    tab: Tab | None = None
    unread: bool = False
    hidden: frozenset[str] = frozenset()
    masked: bool = False
    category: str = ""
    hour: int | None = None
    came: bool = False


_WAITING: Final = (Filter(), Filter(tab=Tab.OWED), Filter(tab=Tab.OWN))


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
    connection: AsyncConnection,
    wanted: Filter,
    words: Words | None,
    behind: Position | None,
    user: str,
    now: datetime,
) -> Page:
    """The page that begins behind ``behind`` (None: the first), as ``user`` sees it; ``words`` by `find_words`."""
    chosen = list_conditions(wanted, words, user, now)
    # What a row shows besides is looked up for those of the page, and not for all that had to be sorted.
    page = sa.select(worklist).where(*chosen, *_begin(wanted, behind)).order_by(*_order(worklist, wanted))
    shown = page.limit(PAGE + 1).subquery()
    told: sa.ColumnElement[Any] = search_texts.c.text if wanted.runs else sa.null().label("text")
    source: sa.FromClause = shown.join(calls, calls.c.call_id == shown.c.call_id)
    if wanted.runs:
        source = source.outerjoin(search_texts, search_texts.c.call_id == shown.c.call_id)
    query: sa.Select[Any] = (
        sa.select(*_columns(shown, now), told).select_from(source).order_by(*_order(shown, wanted))
    )
    rows = (await connection.execute(query)).all()
    if len(rows) <= PAGE:
        return Page(rows, None)
    last = rows[PAGE - 1]
    return Page(rows[:PAGE], Position(last.rank, last.call_id))


async def read_numbers(connection: AsyncConnection, call_ids: Sequence[str]) -> dict[str, list[str]]:
    """The numbers of each call's tickets, in their order."""
    query = (
        sa.select(tickets.c.call_id, tickets.c.number)
        .where(tickets.c.call_id.in_(call_ids))
        .group_by(tickets.c.call_id, tickets.c.number)
        .order_by(sa.func.min(tickets.c.matter))
    )
    found: dict[str, list[str]] = {}
    for row in await connection.execute(query):
        found.setdefault(row.call_id, []).append(row.number)
    return found


async def read_row(connection: AsyncConnection, call_id: str, now: datetime) -> sa.Row[Any] | None:
    """One row of the list, as a page has it."""
    source = worklist.join(calls, calls.c.call_id == worklist.c.call_id)
    query: sa.Select[Any] = sa.select(*_columns(worklist, now), sa.null().label("text")).select_from(source)
    query = query.where(worklist.c.call_id == call_id)
    row: sa.Row[Any] | None = (await connection.execute(query)).first()
    return row


async def count_waiting(
    connection: AsyncConnection, wanted: Filter, words: Words | None, user: str, now: datetime
) -> dict[Tab | None, int]:
    """How many calls each tab has, by the filter's other conditions; None: all that wait for review."""
    tabs = (None, *Tab)
    chosen = [_choose(replace(wanted, tab=tab, state=State.OPEN), user, now) for tab in tabs]
    within = [sa.and_(*conditions).label(f"tab_{n}") for n, conditions in enumerate(chosen)]
    narrowed = sa.select(worklist.c.call_id, *within).where(*_narrow(wanted))
    # Each of these has an index of its own.
    waiting = sa.union(*(narrowed.where(*_choose(f, user, now)) for f in _WAITING)).subquery()
    query = sa.select(*(sa.func.count().filter(waiting.c[tab.name]) for tab in within))
    if words:
        query = query.where(words(waiting.c.call_id))
    return dict(zip(tabs, (await connection.execute(query)).one(), strict=True))


async def find_words(connection: AsyncConnection, wanted: Filter) -> Words | None:
    """What is searched for: every run stands in the call's words or its title; None when nothing is.

    A number is a ticket's or a telephone's, too.
    """
    if not wanted.runs:
        return None
    numbered = [sa.select(column.table.c.call_id).where(condition) for column, condition in _numbers(wanted)]
    return await search.match(connection, wanted.runs, numbered)


def list_conditions(
    wanted: Filter, words: Words | None, user: str, now: datetime
) -> list[sa.ColumnElement[bool]]:
    """The filter as conditions on ``worklist``; ``words``, by `find_words`, are what is searched for."""
    found = [words(worklist.c.call_id)] if words else []
    return [*_choose(wanted, user, now), *_narrow(wanted), *found]


def _narrow(wanted: Filter) -> list[sa.ColumnElement[bool]]:
    """All of the filter but the tab, the state and what is searched for."""
    conditions: list[sa.ColumnElement[bool]] = []
    if wanted.unread:
        conditions.append(sa.false())
    if wanted.hidden:
        conditions.append(worklist.c.hotline.not_in(wanted.hidden))
    if wanted.hotline:
        conditions.append(worklist.c.hotline == wanted.hotline)
    if wanted.county:
        # A call of two matters may be of two counties.
        conditions.append(worklist.c.county.contains(wanted.county, autoescape=True))
    if wanted.category:
        filed = (matters.c.category == wanted.category) | matters.c.category.startswith(
            f"{wanted.category}_", autoescape=True
        )
        conditions.append(worklist.c.call_id.in_(sa.select(matters.c.call_id).where(filed)))
    if wanted.hour is not None:
        conditions.append(_name_hour(worklist.c.call_id) == f"{(wanted.hour - _AHEAD) % 24:02}")
    if wanted.came:
        conditions.append(came_in(worklist.c.call_id))
    return [*conditions, *list_days(wanted)]


def _name_hour(call_id: sa.ColumnElement[str]) -> sa.ColumnElement[str]:
    """The hour (UTC, two digits) of a call's id."""
    return sa.func.substr(call_id, len("20261130T") + 1, 2)


def list_days(wanted: Filter) -> list[sa.ColumnElement[bool]]:
    """The filter's days, those of the city."""
    conditions: list[sa.ColumnElement[bool]] = []
    if wanted.since:
        conditions.append(worklist.c.call_id >= first_id(wanted.since))
    if wanted.until:
        conditions.append(worklist.c.call_id < first_id(wanted.until + timedelta(days=1)))
    return conditions


def _choose(wanted: Filter, user: str, now: datetime) -> list[sa.ColumnElement[bool]]:
    """The calls of a tab, or of a state."""
    is_open = worklist.c.state == State.OPEN
    match wanted.tab:
        case Tab.URGENT:
            return [is_open, worklist.c.rank == 0]
        case Tab.OWED:
            return [worklist.c.call_id.in_(owed_calls(now))]
        case Tab.DOUBTFUL:
            doubts = (worklist.c.low_confidence, worklist.c.place_missing, worklist.c.interrupted)
            return [is_open, sa.or_(*doubts)]
        case Tab.OWN:
            his = sa.select(claims.c.call_id).where(claims.c.user_name == user, holds(now))
            return [worklist.c.call_id.in_(his)]
        case None:
            return [worklist.c.state == wanted.state] if wanted.state else []


def _numbers(wanted: Filter) -> list[tuple[sa.Column[Any], sa.ColumnElement[bool]]]:
    """The columns in which a number may stand that is searched for, and the condition that it does.

    Of a masked one only by what is shown of it, or digit by digit the rest could be found out.
    """
    number = "".join(wanted.runs)
    if not (number.isascii() and number.isdigit() and len(number) >= _DIGITS):
        return []
    telephones = () if wanted.masked else (calls.c.caller, matters.c.caller)
    found = [
        (column, sa.and_(column >= number, column < number + _LAST))
        for column in (tickets.c.number, *telephones)
    ]
    if len(number) == _DIGITS:
        found.append((calls.c.caller, calls.c.caller.endswith(number, autoescape=True)))
    return found


def _columns(work: sa.FromClause, now: datetime) -> list[Any]:
    owed = work.c.call_id.in_(owed_calls(now))
    tried = sa.case((work.c.missed != "", count_tries(work)), else_=1)
    return [work, calls.c.caller, owed.label("owed"), tried.label("tried"), _holder(work, now)]


def _begin(wanted: Filter, behind: Position | None) -> list[sa.ColumnElement[bool]]:
    if behind is None:
        return []
    if wanted.tab or wanted.state is State.OPEN:
        return [sa.tuple_(worklist.c.rank, worklist.c.call_id) > sa.tuple_(behind.rank, behind.call_id)]
    return [worklist.c.call_id < behind.call_id]


def _order(work: sa.FromClause, wanted: Filter) -> list[sa.ColumnElement[Any]]:
    if wanted.tab or wanted.state is State.OPEN:
        return [work.c.rank, work.c.call_id]
    return [work.c.call_id.desc()]


def _holder(work: sa.FromClause, now: datetime) -> sa.ColumnElement[str | None]:
    return (
        sa.select(claims.c.user_name)
        .where(claims.c.call_id == work.c.call_id, holds(now))
        .scalar_subquery()
        .label("holder")
    )
