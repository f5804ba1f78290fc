"""重复诉求: the earlier tickets that may be of the same matter as one, by the same caller or by others, with reasons.

They are proposals: nothing is linked or merged until an agent decides it (``repeats`` of the ticket).
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

import sqlalchemy as sa

from recordings.matters import MatterRow, matters
from recordings.schema import tickets
from recordings.threads import Threads
from tickets.meaning.topics import SAME_FROM, compare

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy.ext.asyncio import AsyncConnection

    from recordings.database import Database

_OWN: Final = timedelta(days=90)
_OTHERS: Final = timedelta(days=30)
_LOOKED_AT: Final = 20  # of each, the newest
_SHOWN: Final = 5
_OWN_FROM: Final = 0.3  # the likeness of texts that is enough where the caller is the same
_comparing = Threads("repeats", 1)


@dataclass(frozen=True, slots=True)
class Repeat:
    """An earlier ticket that may be of the same matter: how likely (0 to 1), and why, in Chinese."""

    number: str
    call_id: str
    at: datetime
    title: str
    status: str
    own: bool
    score: float
    reasons: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Repeats:
    """What may have been told before of a ticket's matter.

    ``urged`` are the words by which its caller asks for it again, "" for none; ``calls`` how often he has called in the
    90 days before.
    """

    likely: tuple[Repeat, ...] = ()
    urged: str = ""
    calls: int = 0


async def find_repeats(db: Database, call_id: str) -> dict[str, Repeats]:
    """What may have been told before of each ticket of a call, by its number; of one not counted yet there is none."""
    found = {}
    async with db.read() as connection:
        rows = await connection.execute(sa.select(matters).where(matters.c.call_id == call_id))
        asked = [MatterRow(*row) for row in rows]
        for matter in asked:
            others = await _read_candidates(connection, matter)
            documents = await _read_documents(connection, [matter.number, *(o.number for o in others)])
            calls = await _count_calls(connection, matter)
            found[matter.number] = (matter, others, documents, calls)
    return {
        number: Repeats(await _comparing.run(_weigh, matter, others, documents), matter.urged, calls)
        for number, (matter, others, documents, calls) in found.items()
    }


async def _read_candidates(connection: AsyncConnection, matter: MatterRow) -> list[MatterRow]:
    """Those of the caller, and those of the same topic in the same township (or county), each once."""
    earlier = sa.and_(matters.c.call_id != matter.call_id, matters.c.at <= matter.at)
    conditions = []
    if matter.caller:
        conditions.append(sa.and_(matters.c.caller == matter.caller, matters.c.at > matter.at - _OWN))
    if matter.topic and matter.county:
        place = [matters.c.county == matter.county]
        if matter.township:
            place.append(matters.c.township == matter.township)
        conditions.append(
            sa.and_(matters.c.topic == matter.topic, matters.c.at > matter.at - _OTHERS, *place)
        )
    found: dict[str, MatterRow] = {}
    for condition in conditions:
        newest = sa.select(matters).where(condition, earlier).order_by(matters.c.at.desc()).limit(_LOOKED_AT)
        found |= {row.number: MatterRow(*row) for row in await connection.execute(newest)}
    return list(found.values())


async def _count_calls(connection: AsyncConnection, matter: MatterRow) -> int:
    if not matter.caller:
        return 0
    count = sa.select(sa.func.count(matters.c.call_id.distinct())).where(
        matters.c.caller == matter.caller,
        matters.c.at > matter.at - _OWN,
        matters.c.at <= matter.at,
        matters.c.call_id != matter.call_id,
    )
    return await connection.scalar(count) or 0


async def _read_documents(connection: AsyncConnection, numbers: Sequence[str]) -> dict[str, dict[str, Any]]:
    """The last revision of each."""
    query = (
        sa.select(tickets.c.number, tickets.c.document)
        .where(tickets.c.number.in_(numbers))
        .order_by(tickets.c.revision)
    )
    last = {row.number: row.document for row in await connection.execute(query)}
    return {number: json.loads(document) for number, document in last.items()}


def _weigh(
    matter: MatterRow, others: Sequence[MatterRow], documents: dict[str, dict[str, Any]]
) -> tuple[Repeat, ...]:
    """Those that are likely enough, the likeliest first."""
    text = _tell(documents[matter.number])
    found = []
    for other in others:
        document = documents[other.number]
        own = bool(matter.caller) and other.caller == matter.caller
        likeness = compare(text, _tell(document))
        if likeness.score < (_OWN_FROM if own else SAME_FROM):
            continue
        found.append(
            Repeat(
                number=other.number,
                call_id=other.call_id,
                at=other.at,
                title=document["appeal"]["title"],
                status=document["status"],
                own=own,
                score=likeness.score,
                reasons=(*(("同一来电人",) if own else ()), *likeness.reasons),
            )
        )
    found.sort(key=lambda repeat: (not repeat.own, -repeat.score, repeat.at))
    return tuple(found[:_SHOWN])


def _tell(document: dict[str, Any]) -> str:
    """The matter in one text, its place as the ticket has it before the words."""
    place, content = document["place"], document["appeal"]["content"]
    where = "".join(place[level] for level in ("county", "township", "village"))
    return content if where and where in content else f"{where}{content}"
