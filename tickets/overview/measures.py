"""How well callers were served: sums and counts of what is on file, from which shares and means follow."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import sqlalchemy as sa

from recordings.callbacks import Result, call_backs, is_taken_elsewhere
from recordings.instant import elapsed
from recordings.schema import calls, legs, reviews, worklist
from tickets.legs import HANDED_OVER
from tickets.missed import LEFT
from tickets.review import PARTS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sqlalchemy.ext.asyncio import AsyncConnection

    from tickets.overview.scope import Scope

PROMPT_S: Final = 15.0
"""GB/T 33358: a call is answered within so many seconds."""


@dataclass(frozen=True, slots=True)
class Measures:
    """Counts, and mean lengths in seconds (None: of nothing).

    Of the ``offered`` calls, ``answered`` were, after ``ring_s``; ``promptly``: within `PROMPT_S`; ``unheard``: whose
    callers hung up without a word. Of the ``passed`` on to people, ``connected`` were, after ``wait_s``;
    ``abandoned``: whose callers hung up meanwhile. ``owed`` are the calls whose tickets ask for a call back; of these
    and of those whose callers were missed, ``called`` have been called back, after ``call_back_s``.
    ``reviewed`` are tickets that were decided on, ``review_s`` after the call; of the ``compared``, ``corrected`` were
    decided otherwise than they had been drafted, in the parts of ``corrections``.
    """

    offered: int
    answered: int
    ring_s: float | None
    promptly: int
    unheard: int
    passed: int
    connected: int
    wait_s: float | None
    abandoned: int
    owed: int
    called: int
    call_back_s: float | None
    reviewed: int
    review_s: float | None
    compared: int
    corrected: int
    corrections: Mapping[str, int]


async def measure(connection: AsyncConnection, scope: Scope) -> Measures:
    """Look at the calls that have ended."""
    on_file, answered, ring_s, promptly, unheard = await _read(connection, _measure_answers(scope))
    (again,) = await _read(connection, _count_refused_again(scope))
    passed, connected, wait_s, abandoned = await _read(connection, _measure_passing(scope))
    owed, called, call_back_s = await _read(connection, _measure_call_backs(scope))
    reviewed, review_s, compared, corrected, *parts = await _read(connection, _measure_reviews(scope))
    return Measures(
        offered=on_file + again,
        answered=answered,
        ring_s=ring_s,
        promptly=promptly,
        unheard=unheard,
        passed=passed,
        connected=connected,
        wait_s=wait_s,
        abandoned=abandoned,
        owed=owed,
        called=called,
        call_back_s=call_back_s,
        reviewed=reviewed,
        review_s=review_s,
        compared=compared,
        corrected=corrected,
        corrections=dict(zip(PARTS, parts, strict=True)),
    )


async def _read(connection: AsyncConnection, query: sa.Select[Any]) -> tuple[Any, ...]:
    return tuple((await connection.execute(query)).one())


def _measure_answers(scope: Scope) -> sa.Select[Any]:
    """Whom his own side was told to take elsewhere, nobody here could answer.

    Nor does a call count twice that one gateway had no line for and another has answered.
    """
    ring = elapsed(calls.c.started_at, calls.c.answered_at)
    redirected = sa.and_(calls.c.answered_at.is_(None), calls.c.reason.startswith(HANDED_OVER))
    return sa.select(
        sa.func.count(),
        sa.func.count(calls.c.answered_at),
        sa.func.avg(ring),
        sa.func.count().filter(ring <= PROMPT_S),
        sa.func.count().filter(calls.c.reason == LEFT),
    ).where(
        *scope.choose(calls),
        calls.c.ended_at.is_not(None),
        sa.func.coalesce(~redirected, sa.true()),
        ~_is_answered_elsewhere(),
    )


def _is_answered_elsewhere() -> sa.ColumnElement[bool]:
    """Whether a call of ``calls`` was refused here, and taken by another gateway: one call, on file twice."""
    other = calls.alias()
    return sa.and_(
        calls.c.answered_at.is_(None),
        calls.c.caller != "",
        sa.exists().where(other.c.caller == calls.c.caller, is_taken_elsewhere(calls, other)),
    )


def _count_refused_again(scope: Scope) -> sa.Select[Any]:
    """A caller who finds no line free is one call on file, however often he tries within a while."""
    is_missed = worklist.c.missed != sa.literal_column("''")  # as the index has it
    return sa.select(sa.func.coalesce(sa.func.sum(worklist.c.tries - 1), 0)).where(
        *scope.choose(worklist), is_missed
    )


def _measure_passing(scope: Scope) -> sa.Select[Any]:
    """By legs of our own: one that the caller's own side makes bears his call's id, and nobody tells who took it."""
    own = sa.or_(legs.c.sip_call_id == "", legs.c.sip_call_id != calls.c.sip_call_id)
    left = sa.and_(legs.c.answered_at.is_(None), legs.c.ended_by == "caller")
    each = (
        sa.select(
            sa.func.min(legs.c.began_at).label("began_at"),
            sa.func.min(legs.c.answered_at).label("answered_at"),
            sa.func.count().filter(left).label("left"),
        )
        .join_from(legs, calls, calls.c.call_id == legs.c.call_id)
        .where(*scope.choose(calls), calls.c.ended_at.is_not(None), legs.c.leg > 0, own)
        .group_by(legs.c.call_id)
        .subquery()
    )
    return sa.select(
        sa.func.count(),
        sa.func.count(each.c.answered_at),
        sa.func.avg(elapsed(each.c.began_at, each.c.answered_at)),
        sa.func.count().filter(each.c.answered_at.is_(None), each.c.left > 0),
    )


def _measure_call_backs(scope: Scope) -> sa.Select[Any]:
    """Those whose tickets ask for it, and those who were missed. A decision to make no attempt is none."""
    first = (
        sa.select(sa.func.min(call_backs.c.at))
        .where(call_backs.c.call_id == worklist.c.call_id, call_backs.c.result != Result.NO_MORE)
        .scalar_subquery()
    )
    each = (
        sa.select(calls.c.ended_at, worklist.c.call_back.label("asked"), first.label("at"))
        .join_from(worklist, calls, calls.c.call_id == worklist.c.call_id)
        .where(*scope.choose(worklist), worklist.c.call_back | (worklist.c.missed != sa.literal_column("''")))
        .subquery()
    )
    return sa.select(
        sa.func.count().filter(each.c.asked),
        sa.func.count(each.c.at),
        sa.func.avg(elapsed(each.c.ended_at, each.c.at)),
    )


def _measure_reviews(scope: Scope) -> sa.Select[Any]:
    """By the first decision on each ticket."""
    return (
        sa.select(
            sa.func.count(),
            sa.func.avg(elapsed(calls.c.ended_at, reviews.c.created_at)),
            sa.func.count(reviews.c.corrected),
            sa.func.count().filter(reviews.c.corrected != ""),
            *(sa.func.count().filter(reviews.c.corrected.contains(part)) for part in PARTS),
        )
        .join_from(reviews, calls, calls.c.call_id == reviews.c.call_id)
        .where(*scope.choose(calls), *scope.choose_days(reviews.c.call_id), reviews.c.review == 1)
    )
