"""Call-backs that are owed (待回电), and the attempts to make them. Rows are only ever added.

They are owed to callers whose ticket says so, and to those who were missed: of these to each caller once, at his last
call, until he has been called back or has called again. The migrations make this table; a test keeps both equal.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Final

import sqlalchemy as sa

from recordings.agentcalls import UNWRITTEN, Outcome, agent_calls
from recordings.instant import Instant
from recordings.schema import calls, counting_id, legs, metadata, worklist

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


class Missed(StrEnum):
    """How a caller was missed, of whose call nothing, or not all, was heard."""

    REFUSED = "线路忙未接入"
    OPENING = "开场挂断"
    SILENT = "无声"
    DROPPED = "中断"
    BARRED = "骚扰名单"


OWED_FOR: Final = timedelta(days=7)
"""How long after his call somebody who was missed is to be called back."""

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


# Made once: an alias copies all columns of its table, and these queries are asked on every page and once a second.
_OWING, _OWN, _LATER = worklist.alias("owing"), calls.alias(), calls.alias()
_WHOSE, _MISSED, _THEIRS = calls.alias(), worklist.alias(), calls.alias()
_HEARD, _THEIRS_HEARD = worklist.alias(), calls.alias()


@dataclass(frozen=True, slots=True)
class Attempt:
    """One attempt to call back, or the decision to make none."""

    at: datetime
    agent: str
    result: str
    note: str


@dataclass(frozen=True, slots=True)
class Owed:
    """A missed caller to be called back: his number, the line he called last, when, how he was missed, how often.

    His last call was ``over`` then.
    """

    call_id: str
    caller: str
    hotline: str
    at: datetime
    missed: str
    tries: int
    over: datetime


def owed_calls(now: datetime) -> sa.CompoundSelect[tuple[str]]:
    """The ids of the calls whose callers wait to be called back, whatever has become of their tickets."""
    work, own, later = _OWING, _OWN, _LATER
    settled = sa.exists().where(call_backs.c.call_id == work.c.call_id, call_backs.c.result.in_(SETTLES))
    again = sa.exists().where(
        own.c.call_id == work.c.call_id,
        later.c.caller == own.c.caller,
        sa.or_(later.c.call_id > own.c.call_id, is_taken_elsewhere(own, later)),
        later.c.ended_at.is_not(None),
        ~_is_placed(later.c.call_id),
    )
    return sa.union_all(
        # As the index has it: SQLAlchemy's `call_back = 1` would read the whole list for SQLite, four times a page.
        sa.select(work.c.call_id).where(sa.literal_column("owing.call_back"), ~settled),
        sa.select(work.c.call_id).where(
            work.c.missed != sa.literal_column("''"),  # as the index has it
            work.c.missed != Missed.BARRED,
            work.c.call_id >= f"{now - OWED_FOR:%Y%m%dT%H%M%S}",
            ~settled,
            ~again,
        ),
    )


def is_taken_elsewhere(own: sa.FromClause, other: sa.FromClause) -> sa.ColumnElement[bool]:
    """Whether another gateway has answered the call that one had no line for: at once, so that ids tell no order."""
    second = 15  # characters of an id that tell the time
    at_once = sa.func.substr(other.c.call_id, 1, second) == sa.func.substr(own.c.call_id, 1, second)
    return sa.and_(
        own.c.answered_at.is_(None),
        other.c.answered_at.is_not(None),
        sa.or_(other.c.sip_call_id == own.c.sip_call_id, at_once),
    )


def _is_placed(call_id: sa.ColumnElement[str]) -> sa.ColumnElement[bool]:
    """Whether a call is one that we have placed: who was called by it has not called again."""
    return sa.exists().where(legs.c.call_id == call_id, legs.c.leg == 0, legs.c.direction == "out")


def count_tries(work: sa.FromClause = worklist) -> sa.ScalarSelect[int]:
    """How often the caller of a call of ``work`` (the list, or rows of it) was missed, since he was last heard."""
    own, other, theirs, heard, theirs_heard = _WHOSE, _MISSED, _THEIRS, _HEARD, _THEIRS_HEARD
    whose = sa.select(own.c.caller).where(own.c.call_id == work.c.call_id)
    caller = whose.correlate(work).scalar_subquery()
    since = (
        sa.select(sa.func.coalesce(sa.func.max(heard.c.call_id), ""))
        .join(theirs_heard, theirs_heard.c.call_id == heard.c.call_id)
        .where(theirs_heard.c.caller == caller, heard.c.call_id < work.c.call_id, heard.c.missed == "")
        .where(~_is_placed(theirs_heard.c.call_id))
        .correlate(work)
        .scalar_subquery()
    )
    return (
        sa.select(sa.func.coalesce(sa.func.sum(other.c.tries), 0))
        .join(theirs, theirs.c.call_id == other.c.call_id)
        .where(theirs.c.caller == caller, other.c.call_id <= work.c.call_id, other.c.call_id > since)
        .correlate(work)
        .scalar_subquery()
    )


async def list_missed(
    connection: AsyncConnection, now: datetime, since: datetime | None = None
) -> Sequence[Owed]:
    """Those who were missed and wait to be called back, one entry a caller, who has waited longest first.

    With ``since`` only those whose call came then or later. What comes of calling them is kept by `note_attempt` under
    the entry's ``call_id``, and read by `read_attempts`: a result in ``SETTLES`` takes him off the list.
    """
    query = (
        sa.select(
            calls.c.call_id,
            calls.c.caller,
            calls.c.hotline,
            calls.c.started_at,
            worklist.c.missed,
            count_tries().label("tries"),
            sa.func.coalesce(calls.c.ended_at, calls.c.started_at),
        )
        .join(worklist, worklist.c.call_id == calls.c.call_id)
        .where(calls.c.call_id.in_(owed_calls(now)), worklist.c.missed != "", ~worklist.c.call_back)
        .order_by(calls.c.call_id)
    )
    if since is not None:
        query = query.where(calls.c.call_id >= f"{since:%Y%m%dT%H%M%S}")
    return [Owed(*row) for row in await connection.execute(query)]


async def note_attempt(
    connection: AsyncConnection, call_id: str, agent: str, result: Result, note: str, now: datetime
) -> None:
    """Add an attempt."""
    await connection.execute(
        sa.insert(call_backs).values(call_id=call_id, at=now, agent=agent, result=result, note=note)
    )


async def read_attempts(connection: AsyncConnection, call_id: str) -> Sequence[Attempt]:
    """All attempts at the caller, the first first: of one who was missed also those at his missed calls before.

    Calls from the page (回拨) are among them: those that nobody answered as attempts of their agents, the others with
    what has come of them.
    """
    own, work, other, theirs = calls.alias(), worklist.alias(), worklist.alias(), calls.alias()
    before = (
        sa.select(other.c.call_id)
        .join(theirs, theirs.c.call_id == other.c.call_id)
        .join(own, own.c.caller == theirs.c.caller)
        .join(work, work.c.call_id == own.c.call_id)
        .where(own.c.call_id == call_id, own.c.caller != "", work.c.missed != "")
        .where(other.c.missed != "", other.c.call_id < call_id)
    )
    query = sa.select(call_backs).where(
        sa.or_(call_backs.c.call_id == call_id, call_backs.c.call_id.in_(before))
    )
    rows = await connection.execute(query.order_by(call_backs.c.id))
    attempts = [Attempt(row.at, row.agent, row.result, row.note) for row in rows]
    made = sa.select(agent_calls).where(
        sa.or_(agent_calls.c.about == call_id, agent_calls.c.about.in_(before)),
        agent_calls.c.outcome.not_in([Outcome.NO_ANSWER, Outcome.BUSY, Outcome.DECLINED]),
    )
    for row in await connection.execute(made.order_by(agent_calls.c.ended_at)):
        unwritten = ",磁盘已满,没有录音" if row.cause == UNWRITTEN else ""
        note = f"通话 {round(row.talked_s)} 秒{unwritten}" if row.outcome == Outcome.TALKED else ""
        attempts.append(Attempt(row.ended_at, row.agent, f"回拨{row.outcome}", note))
    return sorted(attempts, key=lambda attempt: attempt.at)


async def owes(connection: AsyncConnection, call_id: str, now: datetime) -> bool:
    """Whether the caller still waits to be called back."""
    owed = owed_calls(now).subquery()
    return await connection.scalar(sa.select(sa.literal(1)).where(owed.c.call_id == call_id)) is not None
