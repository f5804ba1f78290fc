"""One ticket of two calls: what a caller says who was cut off goes on with what he had said before."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

import sqlalchemy as sa

from ivr.matter import Spoken
from recordings.nodes import read_taken
from recordings.schema import tickets
from tickets.following import follow

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ivr.matter import Matter
    from recordings.database import Database
    from tickets.record import CallRecord


UNFINISHED: Final = "来电人未办完即挂机"
CUT_SHORT: Final = "通话中断,内容可能不完整"
"""By one of these notes a ticket says that its call may be gone on with."""


@dataclass(frozen=True, slots=True)
class Before:
    """The last revision of a ticket before a call went on with it, which one follows it, and that revision's call."""

    revision: int
    next: int
    call_id: str
    document: Mapping[str, Any]


async def read_before(db: Database, record: CallRecord) -> dict[str, Before]:
    """What the tickets say, by number, that the call goes on with; one that is not on file is left out."""
    found: dict[str, Before] = {}
    for number in {told.matter.joins for told in record.matters if told.matter.joins}:
        own = sa.select(sa.func.min(tickets.c.revision)).where(
            tickets.c.number == number, tickets.c.call_id == record.call_id
        )
        query = sa.select(tickets.c.revision, tickets.c.call_id, tickets.c.document).where(
            tickets.c.number == number, tickets.c.call_id != record.call_id
        )
        async with db.read() as connection:
            first = await connection.scalar(own)
            if first is not None:
                query = query.where(tickets.c.revision < first)
            row = (await connection.execute(query.order_by(tickets.c.revision.desc()).limit(1))).first()
            taken = await read_taken(connection)
        if row is not None:
            found[number] = Before(
                row.revision, follow(number, row.revision, taken), row.call_id, json.loads(row.document)
            )
    return found


def tell_before(matter: Matter) -> list[str]:
    """What the agent is told of the calls before."""
    joined = ["接续此前中断的通话,其录音和文字见本工单的上一版"] if matter.joins else []
    repeated = [f"来电人说是上次反映过的事,见工单{matter.repeats}"] if matter.repeats else []
    return joined + repeated


def join(record: CallRecord, before: Mapping[str, Before]) -> CallRecord:
    """The call's matters with the words, and the place, that were told of them in the calls before."""
    return replace(
        record,
        matters=tuple(
            replace(told, matter=_join(told.matter, before[told.matter.joins].document))
            if told.matter.joins in before
            else told
            for told in record.matters
        ),
    )


def _join(matter: Matter, document: Mapping[str, Any]) -> Matter:
    words, place = document["appeal"]["content"], document["place"]
    said = (
        () if words.startswith("(") else (Spoken(words, 0.0, 0.0, 1.0),)
    )  # in brackets: a remark, nobody's words
    return replace(
        matter,
        spoken=(*said, *matter.spoken),
        place=matter.place or place["said"],
        place_name=matter.place_name or f"{place['county']}{place['township']}",
        call_back=matter.call_back or document["caller"]["call_back"],
    )
