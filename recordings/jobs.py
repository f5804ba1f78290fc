"""What follows a call, one row a job: claimed under a lease, tried again, and kept in view when it has failed.

A job waits until it is ``done`` or, after its last try, ``failed``. It is due when ``next_at`` has come and nobody
holds it: ``lease_until`` is kept ahead by whoever does (``beat``), so that the job of a process that died is taken up
by another. What a holder that has lost its lease writes down is refused.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final, Literal

import sqlalchemy as sa

from recordings.database import insert
from recordings.instant import Instant
from recordings.schema import calls, counting_id, metadata

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

    from sqlalchemy.ext.asyncio import AsyncConnection

Kind = Literal["late", "second"]
"""``late``: transcribe what was not heard live; ``second``: hear it all again by the large model."""

State = Literal["waiting", "done", "failed"]

# Nothing waits longer. What seems to was written under a clock that has since been set back: it is due.
_LONGEST_WAIT: Final = timedelta(hours=1)

jobs = sa.Table(
    "jobs",
    metadata,
    sa.Column("id", counting_id, primary_key=True, autoincrement=True),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("call_id", sa.Text, sa.ForeignKey("calls.call_id", ondelete="CASCADE"), nullable=False),
    sa.Column("node", sa.Integer, nullable=False),  # whose data folder has the call
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("tries", sa.Integer, nullable=False),
    sa.Column("next_at", Instant, nullable=False),
    sa.Column("holder", sa.Text),  # who works on it
    sa.Column("lease_until", Instant),
    sa.Column("last_error", sa.Text),
    sa.Column("created_at", Instant, nullable=False),
    sa.Column("settled_at", Instant),
    sa.UniqueConstraint("kind", "call_id"),
    sa.Index(
        "ix_jobs_waiting",
        "kind",
        "next_at",
        sqlite_where=sa.text("state = 'waiting'"),
        postgresql_where=sa.text("state = 'waiting'"),
    ),
    sa.Index(
        "ix_jobs_failed",
        "kind",
        "settled_at",
        sqlite_where=sa.text("state = 'failed'"),
        postgresql_where=sa.text("state = 'failed'"),
    ),
    sa.CheckConstraint("state IN ('waiting', 'done', 'failed')", name="state"),
    sqlite_autoincrement=True,
)


@dataclass(frozen=True, slots=True)
class Job:
    """A job that ``holder`` has claimed; ``tries`` counts this one, from 1."""

    id: int
    kind: Kind
    call_id: str
    holder: str
    tries: int


@dataclass(frozen=True, slots=True)
class JobLine:
    """A job as it is listed; see ``jobs`` for the columns. ``held``: somebody works on it now."""

    id: int
    kind: str
    call_id: str
    node: int
    state: State
    tries: int
    held: bool
    next_at: datetime
    last_error: str | None
    created_at: datetime
    settled_at: datetime | None


async def enqueue(
    connection: AsyncConnection, kind: Kind, wanted: Iterable[tuple[str, int]], now: datetime
) -> None:
    """Have a job done for each call (its id, its node). One that waits or has failed stays; one done is done anew."""
    rows = [
        {
            "kind": kind,
            "call_id": call_id,
            "node": node,
            "state": "waiting",
            "tries": 0,
            "next_at": now,
            "created_at": now,
        }
        for call_id, node in wanted
    ]
    if not rows:
        return
    anew = {"state": "waiting", "tries": 0, "next_at": now, "settled_at": None, "last_error": None}
    statement = insert(connection, jobs).on_conflict_do_update(
        index_elements=["kind", "call_id"], set_=anew, where=jobs.c.state == "done"
    )
    await connection.execute(statement, rows)


async def find_for_second(
    connection: AsyncConnection, nodes: Collection[int], since: datetime
) -> list[tuple[str, int]]:
    """The calls since then, with their nodes, that have ended, whose words are all there, and that have no such job."""
    known = sa.exists().where(jobs.c.kind == "second", jobs.c.call_id == calls.c.call_id)
    rows = await connection.execute(
        sa.select(calls.c.call_id, calls.c.node)
        .where(
            calls.c.started_at >= since,
            calls.c.node.in_(nodes),
            calls.c.answered_at.is_not(None),
            calls.c.ended_at.is_not(None),
            calls.c.late != "wanted",
            ~known,
        )
        .order_by(calls.c.started_at)
    )
    return [(call_id, node) for call_id, node in rows]


async def has_due(connection: AsyncConnection, kind: Kind, nodes: Collection[int], now: datetime) -> bool:
    """Whether ``claim`` would find something: a query that takes no write lock."""
    return bool(await connection.scalar(sa.select(sa.exists(_due(kind, nodes, now)))))


async def claim(
    connection: AsyncConnection,
    kind: Kind,
    nodes: Collection[int],
    holder: str,
    now: datetime,
    lease_s: float,
) -> Job | None:
    """Take the job that has been due for longest; nobody else gets it for ``lease_s`` seconds."""
    wanted = _due(kind, nodes, now).order_by(jobs.c.next_at, jobs.c.id).limit(1)
    found: int | None = await connection.scalar(wanted.with_for_update(skip_locked=True))
    if found is None:
        return None
    taken = await connection.execute(
        sa.update(jobs)
        .where(jobs.c.id == found)
        .values(holder=holder, lease_until=now + timedelta(seconds=lease_s), tries=jobs.c.tries + 1)
        .returning(jobs.c.call_id, jobs.c.tries)
    )
    call_id, tries = taken.one()
    return Job(found, kind, call_id, holder, tries)


async def beat(connection: AsyncConnection, job: Job, now: datetime, lease_s: float) -> bool:
    """Keep a claimed job for ``lease_s`` seconds more; False when it is no longer its holder's."""
    return await _change(connection, job, lease_until=now + timedelta(seconds=lease_s))


async def finish(connection: AsyncConnection, job: Job, now: datetime) -> bool:
    """The job is done; False when it is no longer its holder's."""
    return await _settle(connection, job, state="done", settled_at=now, last_error=None)


async def fail(connection: AsyncConnection, job: Job, reason: str, now: datetime) -> bool:
    """The job is given up, until an operator has it tried again."""
    return await _settle(connection, job, state="failed", settled_at=now, last_error=reason)


async def postpone(connection: AsyncConnection, job: Job, reason: str, until: datetime) -> bool:
    """The job is tried again at ``until``."""
    return await _settle(connection, job, next_at=until, last_error=reason)


async def give_back(connection: AsyncConnection, job: Job) -> bool:
    """The job is due for anybody, and this was no try: its holder was stopped, or what it needs is away."""
    return await _settle(connection, job, tries=jobs.c.tries - 1)


async def list_jobs(
    connection: AsyncConnection, states: Collection[State], now: datetime, limit: int
) -> list[JobLine]:
    """The oldest ``limit`` jobs in these states, the failed ones first."""
    failed_first = sa.case((jobs.c.state == "failed", 0), else_=1)
    held = sa.and_(jobs.c.state == "waiting", jobs.c.lease_until.is_not(None), jobs.c.lease_until > now)
    rows = await connection.execute(
        sa.select(
            jobs.c.id,
            jobs.c.kind,
            jobs.c.call_id,
            jobs.c.node,
            jobs.c.state,
            jobs.c.tries,
            sa.func.coalesce(held, sa.false()),
            jobs.c.next_at,
            jobs.c.last_error,
            jobs.c.created_at,
            jobs.c.settled_at,
        )
        .where(jobs.c.state.in_(states))
        .order_by(failed_first, jobs.c.id)
        .limit(limit)
    )
    return [
        JobLine(job, kind, call_id, node, state, tries, bool(now_held), *rest)
        for job, kind, call_id, node, state, tries, now_held, *rest in rows
    ]


async def retry(connection: AsyncConnection, now: datetime, ids: Sequence[int] | None = None) -> int:
    """Have failed jobs (None: all) tried again from the first try on; returns how many."""
    chosen = [jobs.c.id.in_(ids)] if ids is not None else []
    revived = await connection.execute(
        sa.update(jobs)
        .where(jobs.c.state == "failed", *chosen)
        .values(state="waiting", tries=0, next_at=now, settled_at=None, holder=None, lease_until=None)
    )
    return revived.rowcount


async def count(connection: AsyncConnection) -> Mapping[tuple[str, str], int]:
    """How many jobs wait and how many have failed, by kind and state, from their indices."""
    rows = await connection.execute(
        sa.select(jobs.c.kind, jobs.c.state, sa.func.count())
        .where(jobs.c.state.in_(("waiting", "failed")))
        .group_by(jobs.c.kind, jobs.c.state)
    )
    return {(kind, state): number for kind, state, number in rows}


async def _settle(connection: AsyncConnection, job: Job, **values: object) -> bool:
    return await _change(connection, job, holder=None, lease_until=None, **values)


async def _change(connection: AsyncConnection, job: Job, **values: object) -> bool:
    # Who has lost the lease has lost its say: another holder works on the job, or has settled it.
    changed = await connection.execute(
        sa.update(jobs)
        .where(
            jobs.c.id == job.id,
            jobs.c.state == "waiting",
            jobs.c.holder == job.holder,
            jobs.c.lease_until.is_not(None),
        )
        .values(values)
    )
    return changed.rowcount == 1


def _due(kind: Kind, nodes: Collection[int], now: datetime) -> sa.Select[Any]:
    return sa.select(jobs.c.id).where(
        jobs.c.state == "waiting",
        jobs.c.kind == kind,
        jobs.c.node.in_(nodes),
        _has_come(jobs.c.next_at, now),
        sa.or_(jobs.c.lease_until.is_(None), _has_come(jobs.c.lease_until, now)),
    )


def _has_come(moment: sa.Column[datetime | None], now: datetime) -> sa.ColumnElement[bool]:
    return sa.or_(moment <= now, moment > now + _LONGEST_WAIT)
