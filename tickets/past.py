"""What is asked of a caller about his calls before: a call that was cut off just now, or a matter that is still open.

Nothing of it is told: a number may be a family's or an office's. What is confidential, of a caller in danger or of an
anonymous line is not even asked about.
"""

from __future__ import annotations

import json
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

import sqlalchemy as sa

from ivr.events import Informed
from recordings.callbacks import OWED_FOR
from recordings.matters import matters
from recordings.progress import read_progress
from recordings.schema import calls, tickets
from tickets.joining import CUT_SHORT, UNFINISHED
from tickets.missed import QUIET

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence
    from datetime import datetime

    from sqlalchemy.ext.asyncio import AsyncConnection

CUT_OFF_FOR: Final = timedelta(minutes=30)
"""How long after its end a call that broke off is gone on with."""

REPEATS_FOR: Final = timedelta(days=30)
"""How old a matter may be of which it is asked whether it is the same."""

SHORTEST: Final = 7
"""Digits: fewer are nobody's own number."""

HANDLED: Final = ("回访", "结案")
"""What is told of a ticket once there is an outcome."""

IN_DANGER: Final = "来电人按了求助键,可能有危险"
SAYS_DANGER: Final = "来电人说有危险"
"""Notes of a ticket, which stay when somebody has talked with the caller and nobody need call back any more."""

_DISCREETLY: Final = "不要透露"  # in the flows' reasons to call back, where the caller may not be alone
_CALLS: Final = 20  # of one number are looked at, the newest
_AT_ONCE: Final = 1000  # numbers of a query: PostgreSQL's driver takes 32,767 parameters


def is_discreet(ticket: Mapping[str, Any]) -> bool:
    """Whether others who share the caller's telephone must not learn that there is such a ticket."""
    whose = ticket["caller"]
    if whose["confidential"] or whose["anonymous"] or _DISCREETLY in whose["call_back"]:
        return True
    if IN_DANGER in ticket["notes"] or SAYS_DANGER in ticket["notes"]:
        return True
    return bool(whose["call_back"]) and ticket["appeal"]["urgency"] == "特急"  # danger, from a person perhaps


async def find_discreet(connection: AsyncConnection, numbers: Collection[str], now: datetime) -> set[str]:
    """Those of these telephone numbers (digits) that must not ring or be written to with a word of 12345.

    Somebody has called from there, or is to be called back there, of whose ticket others must not learn
    (`is_discreet`), within ``REPEATS_FOR`` and whatever has become of it since: danger does not end with a ticket. Or
    a call from there was silent, for as long as it may be owed a call back: its caller may not have been alone.
    """
    asked = tuple(numbers)  # of a flood of refused callers there are tens of thousands
    found: set[str] = set()
    for first in range(0, len(asked), _AT_ONCE):
        found |= await _find_some_discreet(connection, asked[first : first + _AT_ONCE], now)
    return found


async def _find_some_discreet(connection: AsyncConnection, numbers: Sequence[str], now: datetime) -> set[str]:
    quiet = sa.select(calls.c.caller).where(
        calls.c.caller.in_(numbers), calls.c.reason == QUIET, calls.c.started_at > now - OWED_FOR
    )
    own = sa.select(calls.c.caller, calls.c.call_id).where(
        calls.c.caller.in_(numbers), calls.c.started_at > now - REPEATS_FOR
    )
    given = sa.select(matters.c.caller, matters.c.call_id).where(
        matters.c.caller.in_(numbers), matters.c.at > now - REPEATS_FOR
    )
    whose = sa.union(own, given).subquery()
    query = (
        sa.select(whose.c.caller, tickets.c.number, tickets.c.document)
        .join(tickets, tickets.c.call_id == whose.c.call_id)
        .order_by(tickets.c.revision)
    )
    last = {(row.caller, row.number): row.document for row in await connection.execute(query)}
    told = {caller for (caller, _), document in last.items() if is_discreet(json.loads(document))}
    return told.union(await connection.scalars(quiet))


async def list_documents(
    connection: AsyncConnection, caller: str, since: datetime
) -> list[tuple[str, datetime | None, dict[str, Any]]]:
    """The caller's tickets, the newest call first and in it the last: number, end of the call, last revision.

    A probe has none: it is to be answered like who calls for the first time, each time.
    """
    recent = (
        sa.select(calls.c.call_id)
        .where(calls.c.caller == caller, calls.c.started_at > since, ~calls.c.test)
        .order_by(calls.c.started_at.desc())
        .limit(_CALLS)
    )
    rows = await connection.execute(
        sa.select(tickets.c.number, calls.c.ended_at, tickets.c.document)
        .join(calls, calls.c.call_id == tickets.c.call_id)
        .where(tickets.c.call_id.in_(recent))
        .order_by(calls.c.started_at.desc(), tickets.c.matter.desc(), tickets.c.revision.desc())
    )
    found: dict[str, tuple[str, datetime | None, dict[str, Any]]] = {}
    for number, ended_at, document in rows:
        if number not in found:
            found[number] = (number, ended_at, json.loads(document))
    return list(found.values())


async def tell_past(connection: AsyncConnection, asked: int, caller: str, now: datetime) -> Informed:
    """Which ticket the caller is to be asked about, and whether its call was cut off just now."""
    if len(caller) < SHORTEST:
        return Informed(0.0, asked, "none")
    known = await list_documents(connection, caller, now - REPEATS_FOR)
    ended = [one for one in known if one[1] is not None]
    last = {document["call"]["call_id"] for _, _, document in (*known[:1], *ended[:1])}
    if not ended or any(_is_secret(one) for _, _, one in known if one["call"]["call_id"] in last):
        return Informed(0.0, asked, "none")
    number, ended_at, document = ended[0]
    told = await read_progress(connection, [number])
    if ended_at and now - ended_at <= CUT_OFF_FOR and _can_go_on(document):
        return Informed(0.0, asked, "found", number, cut=True)
    if told and told[-1].status in HANDLED:
        return Informed(0.0, asked, "none")
    return Informed(0.0, asked, "found", number)


def _is_secret(ticket: Mapping[str, Any]) -> bool:
    """Whether nobody must hear that its call was made: of danger, even where a person has taken it up."""
    return is_discreet(ticket) or ticket["appeal"]["urgency"] == "特急"


def _can_go_on(ticket: Mapping[str, Any]) -> bool:
    """Whether the call broke off before it was told to the end, all of its words are known, and no agent has looked."""
    broken = any(note in ticket["notes"] for note in (UNFINISHED, CUT_SHORT))
    return broken and ticket["review"] is None and not ticket["appeal"]["text_pending"]
