"""Calls that we place (外呼): whom to call, every attempt, and whether they go out now.

A row waits until it is ``done`` or ``given_up``. Whoever places its call claims it: the attempt is written down in the
same transaction, *before* the INVITE, and the row is not due again before the time for another try has come. So a
gateway that dies in between leaves an attempt without a result, and nobody is called twice for it. The migrations make
these tables; a test keeps both equal.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

import sqlalchemy as sa

from recordings.calloutwords import FINAL, Kind
from recordings.database import insert
from recordings.instant import Instant
from recordings.schema import counting_id, metadata

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from sqlalchemy.ext.asyncio import AsyncConnection

    from recordings.calloutwords import Result


_AT_ONCE: Final = 500  # rows of a statement: a long list must not keep the database from who files tickets

callouts = sa.Table(
    "callouts",
    metadata,
    sa.Column("id", counting_id, primary_key=True, autoincrement=True),
    sa.Column("campaign", sa.Text, nullable=False),  # which list it came with
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("number", sa.Text, nullable=False),  # as dialled within the country, digits
    sa.Column("ticket", sa.Text, nullable=False),  # what it is about, "" for nothing
    sa.Column("owed", sa.Text, nullable=False),  # the id of the call for which a call back is owed, or ""
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("tries_left", sa.Integer, nullable=False),
    sa.Column("tries", sa.Integer, nullable=False),
    sa.Column("next_at", Instant, nullable=False),
    sa.Column("holder", sa.Integer),  # the node whose gateway is calling
    sa.Column("lease_until", Instant),
    sa.Column("created_by", sa.Text, nullable=False),
    sa.Column("created_at", Instant, nullable=False),
    sa.Column("settled_at", Instant),
    sa.UniqueConstraint("campaign", "kind", "number", "ticket"),
    sa.Index(
        "ix_callouts_waiting",
        "next_at",
        sqlite_where=sa.text("state = 'waiting'"),
        postgresql_where=sa.text("state = 'waiting'"),
    ),
    sa.Index("ix_callouts_number", "number"),
    sa.CheckConstraint("kind IN ('回访', '关爱', '未接回电')", name="kind"),
    sa.CheckConstraint("state IN ('waiting', 'done', 'given_up')", name="state"),
    sqlite_autoincrement=True,
)

attempts = sa.Table(
    "callout_attempts",
    metadata,
    sa.Column("call_id", sa.Text, primary_key=True),  # that the call has, or would have had
    sa.Column("callout", sa.BigInteger, sa.ForeignKey("callouts.id", ondelete="CASCADE"), nullable=False),
    sa.Column("node", sa.Integer, nullable=False),
    sa.Column("at", Instant, nullable=False),
    sa.Column("result", sa.Text),
    sa.Column("cause", sa.Text, nullable=False),  # SIP's word for it
    sa.Column("solved", sa.Boolean),  # what the person said of the ticket's matter
    sa.Column("ended_at", Instant),
    sa.Index("ix_callout_attempts_callout", "callout"),
    sa.Index("ix_callout_attempts_at", "at"),
    sa.CheckConstraint(
        "result IN ('已完成', '未答完', '非本人', '无人应答', '占线', '无人接听', '呼叫失败')", name="result"
    ),
)

switch = sa.Table(
    "callout_switch",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True, autoincrement=False),  # 1: there is one row
    sa.Column("on", sa.Boolean, nullable=False),
    sa.Column("by", sa.Text, nullable=False),
    sa.Column("at", Instant),
)


@dataclass(frozen=True, slots=True)
class Wanted:
    """A call to be placed; ``ticket`` and ``owed`` may be "" (see ``callouts``)."""

    kind: Kind
    number: str
    ticket: str = ""
    owed: str = ""


@dataclass(frozen=True, slots=True)
class Callout:
    """A row that was claimed: the attempt ``call_id`` is written down; ``tries`` counts it, from 1."""

    id: int
    call_id: str
    kind: Kind
    number: str
    ticket: str
    tries: int


@dataclass(frozen=True, slots=True)
class Pace:
    """How calls follow each other: ``per_minute`` of the whole site, evenly.

    A number is called ``again`` at the earliest after a try whose end nobody knows, and for another row not before
    ``apart``. A claim holds for ``lease``.
    """

    per_minute: int
    again: timedelta
    apart: timedelta
    lease: timedelta


async def add(
    connection: AsyncConnection, campaign: str, wanted: Sequence[Wanted], tries: int, by: str, now: datetime
) -> int:
    """Have these called, each at most ``tries`` times; how many were not in that campaign yet.

    Who is there for a call back that he is not owed any more is called anew, for the one that he is owed now.
    """
    anew = {"state": "waiting", "tries_left": tries, "tries": 0, "next_at": now, "settled_at": None}
    own = {"campaign": campaign, "created_by": by, "created_at": now} | anew
    distinct = {(one.kind, one.number, one.ticket): asdict(one) | own for one in wanted}
    rows = list(distinct.values())
    added = 0
    for first in range(0, len(rows), _AT_ONCE):
        adding = insert(connection, callouts).values(rows[first : first + _AT_ONCE])
        adding = adding.on_conflict_do_update(
            index_elements=["campaign", "kind", "number", "ticket"],
            set_=anew | {"owed": adding.excluded.owed},
            where=sa.and_(adding.excluded.owed.not_in(["", callouts.c.owed]), callouts.c.holder.is_(None)),
        )
        added += (await connection.execute(adding)).rowcount
    return added


async def turn(connection: AsyncConnection, *, on: bool, by: str, now: datetime) -> None:
    """Let calls go out from now on, or let none."""
    await connection.execute(sa.update(switch).values(on=on, by=by, at=now))


async def has_due(connection: AsyncConnection, pace: Pace, now: datetime) -> bool:
    """Whether ``claim`` might find something: queries that take no write lock."""
    if await _is_too_soon(connection, pace, now):
        return False
    query = sa.select(switch.c.on).where(switch.c.on, sa.exists(_due(now)))
    return bool(await connection.scalar(query))


async def claim(
    connection: AsyncConnection, node: int, call_id: str, pace: Pace, now: datetime
) -> Callout | None:
    """Take what has been due for longest, and write its attempt down; None while there is nothing, or it is too soon.

    Gateways that ask at the same time do so one after the other.
    """
    on = await connection.scalar(sa.select(switch.c.on).with_for_update())
    if not on or await _is_too_soon(connection, pace, now):
        return None
    await _give_up(connection, now)
    other = callouts.alias("other")
    lately = (
        sa.select(sa.literal(1))
        .select_from(attempts.join(other, other.c.id == attempts.c.callout))
        .where(
            other.c.number == callouts.c.number,
            other.c.id != callouts.c.id,
            attempts.c.at > now - pace.apart,
        )
    )
    theirs = sa.table(
        "agent_calls", sa.column("number"), sa.column("ended_at")
    )  # whose module knows this one
    called = sa.exists().where(theirs.c.number == callouts.c.number, theirs.c.ended_at.is_(None))
    query = _due(now).where(~sa.exists(lately), ~called).order_by(callouts.c.next_at, callouts.c.id).limit(1)
    if (row := (await connection.execute(query)).first()) is None:
        return None
    await connection.execute(
        sa.update(callouts)
        .where(callouts.c.id == row.id)
        .values(
            tries=callouts.c.tries + 1,
            tries_left=callouts.c.tries_left - 1,
            next_at=now + pace.again,
            holder=node,
            lease_until=now + pace.lease,
        )
    )
    await connection.execute(
        sa.insert(attempts).values(call_id=call_id, callout=row.id, node=node, at=now, cause="")
    )
    return Callout(row.id, call_id, Kind(row.kind), row.number, row.ticket, row.tries + 1)


async def settle(
    connection: AsyncConnection,
    call_id: str,
    result: Result,
    now: datetime,
    *,
    cause: str = "",
    solved: bool | None = None,
    again: datetime | None = None,
) -> str | None:
    """Write down what came of an attempt; the id of the call for which a call back is owed, "" for none, None: known.

    ``again`` is when to try next, None: when the claim had it.
    """
    changed = await connection.execute(
        sa.update(attempts)
        .where(attempts.c.call_id == call_id, attempts.c.result.is_(None))
        .values(result=result, cause=cause, solved=solved, ended_at=now)
    )
    if changed.rowcount == 0:
        return None
    of = sa.select(attempts.c.callout).where(attempts.c.call_id == call_id).scalar_subquery()
    held = sa.and_(callouts.c.id == of, callouts.c.state == "waiting")
    free: dict[str, Any] = {"holder": None, "lease_until": None}
    if result in FINAL:
        free |= {"state": "done", "settled_at": now}
    elif again is not None:
        free |= {"next_at": again}
    await connection.execute(sa.update(callouts).where(held).values(free))
    await _give_up(connection, now)
    return str(await connection.scalar(sa.select(callouts.c.owed).where(callouts.c.id == of)))


async def release(connection: AsyncConnection, node: int) -> None:
    """This node's gateway has just started: what it held before is nobody's call, and due when its time comes."""
    held = sa.and_(callouts.c.holder == node, callouts.c.state == "waiting")
    await connection.execute(sa.update(callouts).where(held).values(holder=None, lease_until=None))


async def drop(connection: AsyncConnection, campaign: str, now: datetime) -> int:
    """Give up what still waits of a campaign; how many. Calls under way go on, and are not tried again."""
    waiting = sa.and_(callouts.c.campaign == campaign, callouts.c.state == "waiting")
    held = sa.and_(waiting, callouts.c.holder.is_not(None), callouts.c.tries_left > 0)
    given_up = sa.update(callouts).where(waiting, callouts.c.holder.is_(None))
    last_tries = (await connection.execute(sa.update(callouts).where(held).values(tries_left=0))).rowcount
    return last_tries + (await connection.execute(given_up.values(state="given_up", settled_at=now))).rowcount


async def _is_too_soon(connection: AsyncConnection, pace: Pace, now: datetime) -> bool:
    """An attempt from further ahead was made under a clock that has been set back since, and counts for nothing."""
    apart = timedelta(seconds=60 / pace.per_minute)
    near = sa.exists().where(attempts.c.at > now - apart, attempts.c.at < now + apart)
    return bool(await connection.scalar(sa.select(near)))


async def _give_up(connection: AsyncConnection, now: datetime) -> None:
    """What has no try left, and is nobody's call any more."""
    over = sa.and_(callouts.c.state == "waiting", callouts.c.tries_left <= 0, _is_free(now))
    await connection.execute(sa.update(callouts).where(over).values(state="given_up", settled_at=now))


def _is_free(now: datetime) -> sa.ColumnElement[bool]:
    return sa.or_(callouts.c.lease_until.is_(None), callouts.c.lease_until <= now)


def _due(now: datetime) -> sa.Select[Any]:
    return sa.select(
        callouts.c.id, callouts.c.kind, callouts.c.number, callouts.c.ticket, callouts.c.tries
    ).where(
        callouts.c.state == "waiting",
        callouts.c.tries_left > 0,
        callouts.c.next_at <= now,
        _is_free(now),
    )
