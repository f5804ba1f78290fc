"""The outbox: revisions of tickets, and alerts, on their way to the intake, and messages on theirs to callers.

It lies in the same database as the tickets.

A row is ``pending`` until the intake has accepted it or it is ``dead``: refused for good, or ``dropped`` by an operator
(`tickets.letters`). It is due when ``next_at`` has come and ``lease_until``, if any, has passed. The lease keeps a row
to the courier that claimed it; a row that the intake asked to hold back (Retry-After) stays leased until then.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final, Literal, get_args

import sqlalchemy as sa

from recordings.schema import outbox, tickets

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from sqlalchemy.ext.asyncio import AsyncConnection

Kind = Literal["ticket", "alert", "sms"]
KINDS: Final[tuple[Kind, ...]] = get_args(Kind)

_WITHHELD: Final[Mapping[Kind, str]] = {
    "alert": "not posted: intake.alerts is off",
    "sms": "not sent: sms.provider is not set",
}
"""What is kept beside one that was settled without being posted."""

# No row waits longer. One that seems to was written under a clock that has since been set back: it is due.
_LONGEST_WAIT: Final = timedelta(minutes=15)


@dataclass(frozen=True, slots=True)
class Parcel:
    """A claimed row: post ``document`` under ``key``. ``attempt`` counts from 1.

    ``created_at`` is when it could first go; ``call_id`` the call a ticket comes from, None when nobody knows. The
    ``number`` of an alert or a message is its id. ``unsure``: an attempt at a message was begun before, and nobody has
    written down what came of it.
    """

    id: int
    kind: Kind
    number: str
    revision: int
    key: str
    document: str
    attempt: int
    created_at: datetime
    call_id: str | None
    unsure: bool = False


@dataclass(frozen=True, slots=True)
class Stock:
    """What the database holds of unfinished work.

    ``oldest`` is when the oldest pending revision could first go, None when none is pending. Messages to callers are
    counted by themselves: those that wait.
    """

    pending: int
    oldest: datetime | None
    dead: int
    messages: int = 0


async def enqueue(
    connection: AsyncConnection, number: str, revision: int, document: str, ready: datetime
) -> None:
    """Put one revision, a JSON text, into the outbox; call it in the transaction that stores the ticket.

    It goes when ``ready`` has come, and counts as waiting from then on. Raises sqlalchemy.exc.IntegrityError when this
    revision is there already.
    """
    await connection.execute(
        sa.insert(outbox).values(
            number=number,
            revision=revision,
            idempotency_key=f"{number}-r{revision}",
            document=document,
            state="pending",
            attempts=0,
            next_at=ready,
            created_at=ready,
        )
    )


async def withdraw(connection: AsyncConnection, number: str, revision: int) -> bool:
    """Take a revision out again; False once a courier has claimed it: the intake may have it by then."""
    gone = await connection.execute(
        sa.delete(outbox).where(
            outbox.c.number == number,
            outbox.c.revision == revision,
            outbox.c.state == "pending",
            outbox.c.attempts == 0,
        )
    )
    return gone.rowcount > 0


async def has_due(connection: AsyncConnection, now: datetime, kinds: Collection[Kind] = KINDS) -> bool:
    """Whether ``claim`` would find something: a query that takes no write lock."""
    return bool(await connection.scalar(sa.select(sa.exists(_due(now, kinds)))))


async def claim(
    connection: AsyncConnection, now: datetime, lease_s: float, limit: int, kinds: Collection[Kind] = KINDS
) -> list[Parcel]:
    """Take up to ``limit`` due rows, the oldest first; nobody else gets them for ``lease_s`` seconds.

    A revision is never claimed before the earlier ones of its ticket are settled.
    """
    wanted = _due(now, kinds).order_by(outbox.c.next_at, outbox.c.id).limit(limit)
    wanted = wanted.add_columns(sa.and_(outbox.c.attempts > 0, outbox.c.last_error.is_(None)))
    found: Sequence[Any] = (await connection.execute(wanted.with_for_update(skip_locked=True))).all()
    taken = {row[0]: bool(row[1]) for row in found}
    if not taken:
        return []
    ids = tuple(taken)
    # Of a message it is kept whether an attempt has ended: the reason of the one before stands only until the next.
    reason = sa.case((outbox.c.kind == "sms", sa.null()), else_=outbox.c.last_error)
    rows = await connection.execute(
        sa.update(outbox)
        .where(outbox.c.id.in_(ids))
        .values(
            lease_until=now + timedelta(seconds=lease_s), attempts=outbox.c.attempts + 1, last_error=reason
        )
        .returning(
            outbox.c.id,
            outbox.c.kind,
            outbox.c.number,
            outbox.c.revision,
            outbox.c.idempotency_key,
            outbox.c.document,
            outbox.c.attempts,
            outbox.c.created_at,
        )
    )
    of_call = await _read_calls(connection, ids)
    return sorted(
        (
            Parcel(
                row,
                kind,
                number,
                revision,
                key,
                document,
                attempt,
                created_at,
                of_call.get(row),
                taken[row],
            )
            for row, kind, number, revision, key, document, attempt, created_at in rows
        ),
        key=lambda parcel: parcel.id,
    )


async def _read_calls(connection: AsyncConnection, ids: Sequence[Any]) -> dict[int, str]:
    """The call each row's ticket comes from."""
    same = sa.and_(tickets.c.number == outbox.c.number, tickets.c.revision == outbox.c.revision)
    query = sa.select(outbox.c.id, tickets.c.call_id).join_from(outbox, tickets, same)
    rows = await connection.execute(query.where(outbox.c.id.in_(ids)))
    return {row.id: row.call_id for row in rows}


async def accept(connection: AsyncConnection, row: int, receipt: dict[str, Any], now: datetime) -> None:
    """The intake has it, also when it was dropped while it was posted; ``receipt`` is kept."""
    taken = {"state": "accepted", "receipt": receipt, "last_error": None, "settled_at": now, "dropped": None}
    await _settle(
        connection, row, sa.or_(outbox.c.state == "pending", outbox.c.dropped.is_not(None)), **taken
    )


async def bury(connection: AsyncConnection, row: int, reason: str, now: datetime) -> None:
    """The intake refused it for good; ``reason`` is kept."""
    await _settle(connection, row, state="dead", last_error=reason, settled_at=now)


async def withhold(connection: AsyncConnection, kind: Kind, now: datetime) -> int:
    """Settle those of this kind that wait without posting them: nobody takes them. Returns how many; no receipt."""
    changes = {"state": "accepted", "last_error": _WITHHELD[kind], "lease_until": None, "settled_at": now}
    return await _change_pending(connection, outbox.c.kind == kind, **changes)


async def postpone(
    connection: AsyncConnection, row: int, reason: str, until: datetime, *, held: bool
) -> None:
    """Try again at ``until``; ``held``: not before, even when the intake is found to be back."""
    await _settle(connection, row, last_error=reason, next_at=until, lease_until=until if held else None)


async def rouse(connection: AsyncConnection, now: datetime) -> None:
    """Make everything due that merely waits for the intake to come back."""
    waiting = sa.and_(outbox.c.lease_until.is_(None), outbox.c.next_at > now)
    await _change_pending(connection, waiting, next_at=now)


async def release(connection: AsyncConnection) -> None:
    """Give back every claim, those of a courier that died with its process among them.

    Another live courier's claims may be among them too. That costs at most a second post under the same
    idempotency key, which the intake answers as it answered the first. A message would be sent twice: its claim ends by
    itself.
    """
    which = sa.and_(outbox.c.lease_until.is_not(None), outbox.c.kind != "sms")
    await _change_pending(connection, which, lease_until=None)


async def take_stock(connection: AsyncConnection) -> Stock:
    """Count what is unfinished, by the indices of it."""
    is_message = outbox.c.kind == "sms"
    waiting = sa.select(sa.func.count(), sa.func.min(outbox.c.created_at)).where(outbox.c.state == "pending")
    pending, oldest = (await connection.execute(waiting.where(~is_message))).one()
    messages, _ = (await connection.execute(waiting.where(is_message))).one()
    refused = sa.and_(outbox.c.state == "dead", outbox.c.dropped.is_(None), ~is_message)
    dead = await connection.scalar(sa.select(sa.func.count()).select_from(outbox).where(refused))
    return Stock(pending, oldest, dead or 0, messages)


async def _settle(
    connection: AsyncConnection, row: int, which: sa.ColumnElement[bool] | None = None, **values: Any
) -> None:
    # Only a pending row: what another courier has settled meanwhile stays settled.
    which = outbox.c.state == "pending" if which is None else which
    await connection.execute(
        sa.update(outbox).where(outbox.c.id == row, which).values({"lease_until": None, **values})
    )


async def _change_pending(connection: AsyncConnection, which: sa.ColumnElement[bool], **values: Any) -> int:
    # Rows that another courier is writing to are passed over: two that waited for each other would be a deadlock.
    ids = sa.select(outbox.c.id).where(outbox.c.state == "pending", which).with_for_update(skip_locked=True)
    changed = await connection.execute(sa.update(outbox).where(outbox.c.id.in_(ids)).values(values))
    return changed.rowcount


def _due(now: datetime, kinds: Collection[Kind]) -> sa.Select[tuple[int]]:
    earlier = outbox.alias("earlier")
    blocked = sa.exists().where(
        earlier.c.number == outbox.c.number,
        earlier.c.revision < outbox.c.revision,
        earlier.c.state == "pending",
    )
    return sa.select(outbox.c.id).where(
        outbox.c.state == "pending",
        outbox.c.kind.in_(kinds),
        _has_come(outbox.c.next_at, now),
        sa.or_(outbox.c.lease_until.is_(None), _has_come(outbox.c.lease_until, now)),
        ~blocked,
    )


def _has_come(moment: sa.Column[datetime | None], now: datetime) -> sa.ColumnElement[bool]:
    return sa.or_(moment <= now, moment > now + _LONGEST_WAIT)
