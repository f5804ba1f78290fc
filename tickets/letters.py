"""What operators see and decide of the outbox: what waits too long, what was refused, and what becomes of it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final, Literal

import sqlalchemy as sa

from recordings.schema import outbox

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy.ext.asyncio import AsyncConnection

    from tickets.outbox import Kind

OVERDUE: Final = timedelta(hours=1)
"""A ticket that has been on its way for longer is worth an operator's attention."""

State = Literal["pending", "dead", "dropped", "accepted"]
"""As operators call it; ``dropped`` is a dead letter that nobody is to be asked about any more."""


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A revision the intake has refused for good, and no later one has made good: why and when."""

    number: str
    revision: int
    reason: str
    settled_at: datetime


@dataclass(frozen=True, slots=True)
class Overdue:
    """A revision that has been on its way since ``created_at``; ``reason`` is why the last of its attempts failed.

    ``reason`` is None before the first attempt has ended.
    """

    number: str
    revision: int
    attempts: int
    reason: str | None
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Letter:
    """One row of the outbox, without what it says. ``dropped`` is who gave it up, and why."""

    number: str
    revision: int
    kind: Kind
    state: State
    attempts: int
    next_at: datetime
    created_at: datetime
    settled_at: datetime | None
    last_error: str | None
    dropped: str | None


@dataclass(frozen=True, slots=True)
class OpenedLetter:
    """One row with the ``document`` as it is posted (JSON), and the intake's ``receipt``."""

    letter: Letter
    document: str
    receipt: dict[str, Any] | None


async def read_dead_letters(connection: AsyncConnection) -> Sequence[DeadLetter]:
    """What the intake has refused and no later revision makes good, oldest first."""
    rows = await connection.execute(
        sa.select(outbox.c.number, outbox.c.revision, outbox.c.last_error, outbox.c.settled_at)
        .where(_is_dead_letter())
        .order_by(outbox.c.settled_at, outbox.c.id)
    )
    return [DeadLetter(*row) for row in rows]


async def read_overdue(
    connection: AsyncConnection, now: datetime, patience: timedelta = OVERDUE
) -> Sequence[Overdue]:
    """What has been on its way for longer than ``patience``, oldest first."""
    rows = await connection.execute(
        sa.select(
            outbox.c.number,
            outbox.c.revision,
            outbox.c.attempts,
            outbox.c.last_error,
            outbox.c.created_at,
        )
        .where(outbox.c.state == "pending", outbox.c.kind != "sms", outbox.c.created_at < now - patience)
        .order_by(outbox.c.created_at, outbox.c.id)
    )
    return [Overdue(*row) for row in rows]


async def list_letters(
    connection: AsyncConnection,
    states: Sequence[State],
    limit: int,
    kinds: Sequence[Kind] = ("ticket", "alert"),
) -> list[Letter]:
    """The rows of these kinds in these states, at most ``limit``, the newest; oldest first."""
    which = sa.and_(_state().in_(states), outbox.c.kind.in_(kinds))
    newest = sa.select(*_LETTER, outbox.c.id).where(which).order_by(outbox.c.id.desc()).limit(limit)
    rows = (await connection.execute(newest)).all()
    return [Letter(*row[:-1]) for row in reversed(rows)]


async def open_letters(connection: AsyncConnection, number: str) -> list[OpenedLetter]:
    """All revisions of this ticket, or the alert of this id, with what they say; the first one first."""
    query = sa.select(*_LETTER, outbox.c.document, outbox.c.receipt).where(outbox.c.number == number)
    rows = await connection.execute(query.order_by(outbox.c.revision))
    return [OpenedLetter(Letter(*row[:-2]), row[-2], row[-1]) for row in rows]


async def revive(connection: AsyncConnection, now: datetime, numbers: Sequence[str] | None = None) -> int:
    """Put dead letters back to be posted now, after their cause was mended; returns how many.

    Of these ``numbers``, one that was dropped among them; None: every one that was not. One that a later revision makes
    good stays as it is: posted after that one, it would undo it.
    """
    which = _is_dead_letter()
    if numbers is not None:
        which = sa.and_(_is_dead(), outbox.c.number.in_(numbers))
    revived = await connection.execute(
        sa.update(outbox)
        .where(which)
        .values(state="pending", next_at=now, lease_until=None, settled_at=None, dropped=None)
    )
    return revived.rowcount


async def drop(connection: AsyncConnection, number: str, who: str, why: str, now: datetime) -> int:
    """Give up what of ``number`` was not accepted: it is posted no more, kept, and asked about no more.

    Returns how many rows that were; one being posted at this moment may still reach the intake.
    """
    undelivered = sa.and_(outbox.c.state != "accepted", outbox.c.dropped.is_(None))
    dropped = await connection.execute(
        sa.update(outbox)
        .where(outbox.c.number == number, undelivered)
        .values(
            state="dead",
            lease_until=None,
            settled_at=sa.func.coalesce(
                outbox.c.settled_at, sa.bindparam("now", now, outbox.c.settled_at.type)
            ),
            dropped=f"{who}: {why}",
        )
    )
    return dropped.rowcount


def _is_dead_letter() -> sa.ColumnElement[bool]:
    """Refused and not dropped, and no later revision makes it good. Messages to callers are none."""
    return sa.and_(_is_dead(), outbox.c.dropped.is_(None), outbox.c.kind != "sms")


def _is_dead() -> sa.ColumnElement[bool]:
    """Refused, and no later revision, which holds all that this one says, is accepted or on its way."""
    later = outbox.alias("later")
    made_good = sa.exists().where(
        later.c.number == outbox.c.number,
        later.c.revision > outbox.c.revision,
        later.c.state != "dead",
    )
    return sa.and_(outbox.c.state == "dead", ~made_good)


def _state() -> sa.ColumnElement[str]:
    dropped = sa.and_(outbox.c.state == "dead", outbox.c.dropped.is_not(None))
    return sa.case((dropped, "dropped"), else_=outbox.c.state)


_LETTER = (
    outbox.c.number,
    outbox.c.revision,
    outbox.c.kind,
    _state().label("state"),
    outbox.c.attempts,
    outbox.c.next_at,
    outbox.c.created_at,
    outbox.c.settled_at,
    outbox.c.last_error,
    outbox.c.dropped,
)
