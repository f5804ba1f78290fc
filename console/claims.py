"""Claims: a call is worked on by one agent at a time. A claim lasts for a while and is renewed by use.

All of it is one statement each, so that of two agents who ask at once one gets the call on either database.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Final

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from recordings.schema import worklist
from recordings.users import claims
from recordings.worklist import State

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from datetime import datetime

    from sqlalchemy.ext.asyncio import AsyncConnection

LASTS: Final = timedelta(minutes=15)  # from the list, until the call is opened
OPEN_LASTS: Final = timedelta(
    minutes=3
)  # with its page open, which asks again every minute while somebody works
_TRIED: Final = 20  # calls that other agents may snatch away one after the other while one is being found


@dataclass(frozen=True, slots=True)
class Claim:
    """Who has a call, since when, and until when unless he renews it."""

    call_id: str
    user: str
    claimed_at: datetime
    until: datetime


def holds(now: datetime) -> sa.ColumnElement[bool]:
    """Whether a claim holds now: one from far ahead was made under a clock that has been set back since."""
    return sa.and_(claims.c.until > now, claims.c.until <= now + 2 * LASTS)


async def claim(
    connection: AsyncConnection, call_id: str, user: str, now: datetime, lasts: timedelta = LASTS
) -> Claim | None:
    """Take the call, or keep it, for ``lasts`` from now; the claim that now holds, which may be another's.

    None when there is nothing to claim: no such call, or none to review.
    """
    # What has been reviewed may be claimed again, to correct it; what has no ticket has nothing to correct.
    reviewable = sa.exists().where(worklist.c.call_id == call_id, worklist.c.state != State.EMPTY)
    make = postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert
    statement = make(claims).from_select(
        ["call_id", "user_name", "claimed_at", "until"],
        sa.select(
            sa.literal(call_id),
            sa.literal(user),
            sa.literal(now, claims.c.claimed_at.type),
            sa.literal(now + lasts, claims.c.until.type),
        ).where(reviewable),
    )
    await connection.execute(
        statement.on_conflict_do_update(
            index_elements=["call_id"],
            set_={
                "user_name": statement.excluded.user_name,
                "claimed_at": sa.case(
                    (claims.c.user_name == user, claims.c.claimed_at), else_=statement.excluded.claimed_at
                ),
                "until": statement.excluded.until,
            },
            where=sa.or_(claims.c.user_name == user, ~holds(now)),
        )
    )
    return await find_claim(connection, call_id, now)


async def find_claim(connection: AsyncConnection, call_id: str, now: datetime) -> Claim | None:
    """The claim on a call that holds now."""
    query = sa.select(claims).where(claims.c.call_id == call_id, holds(now))
    row = (await connection.execute(query)).first()
    return Claim(row.call_id, row.user_name, row.claimed_at, row.until) if row else None


async def release(connection: AsyncConnection, call_id: str, user: str) -> bool:
    """Give the call back; False when the user did not have it."""
    gone = await connection.execute(
        sa.delete(claims).where(claims.c.call_id == call_id, claims.c.user_name == user)
    )
    return gone.rowcount > 0


async def assign(connection: AsyncConnection, call_id: str, to: str, now: datetime) -> Claim | None:
    """Give the call to ``to``, whoever has it, or to nobody (""); the claim that now holds."""
    await connection.execute(sa.delete(claims).where(claims.c.call_id == call_id))
    return await claim(connection, call_id, to, now) if to else None


async def list_next(
    connection: AsyncConnection,
    user: str,
    now: datetime,
    besides: str,
    wanted: Sequence[sa.ColumnElement[bool]],
    hidden: Collection[str] = (),
) -> Sequence[str]:
    """The calls this user could open next, the one to open first.

    An emergency comes before everything, and whatever is ``wanted`` (conditions on ``worklist``): his own, then one
    that nobody holds. Then what he holds already and has not reviewed; then the first of the list that nobody
    holds. Never ``besides``, the call he is at, nor one of the lines that are ``hidden`` from him.
    """
    held = sa.exists().where(claims.c.call_id == worklist.c.call_id, holds(now))
    his = sa.exists().where(claims.c.call_id == worklist.c.call_id, holds(now), claims.c.user_name == user)
    urgent = sa.and_(worklist.c.rank == 0, worklist.c.state == State.OPEN, worklist.c.hotline.not_in(hidden))
    open_ = sa.and_(worklist.c.state == State.OPEN, *wanted)
    found: list[str] = []
    for condition in (urgent & his, urgent & ~held, open_ & his, open_ & ~held):
        query = (
            sa.select(worklist.c.call_id)
            .where(condition, worklist.c.call_id != besides)
            .order_by(worklist.c.rank, worklist.c.call_id)
            .limit(_TRIED)
        )
        found += [call_id for call_id in await connection.scalars(query) if call_id not in found]
        if len(found) >= _TRIED:
            break
    return found


async def claim_next(
    connection: AsyncConnection,
    user: str,
    now: datetime,
    besides: str,
    wanted: Sequence[sa.ColumnElement[bool]],
    hidden: Collection[str] = (),
) -> Claim | None:
    """The call this user should open next (see ``list_next``), claimed; None when nothing waits."""
    for call_id in await list_next(connection, user, now, besides, wanted, hidden):
        got = await claim(connection, call_id, user, now)
        if got is not None and got.user == user:
            return got
    return None


async def count_held(connection: AsyncConnection, user: str, now: datetime) -> int:
    """How many calls that wait for review are held by others."""
    query = (
        sa.select(sa.func.count())
        .select_from(claims)
        .join(worklist, worklist.c.call_id == claims.c.call_id)
        .where(holds(now), claims.c.user_name != user, worklist.c.state == State.OPEN)
    )
    return await connection.scalar(query) or 0
