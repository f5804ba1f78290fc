"""From a ticket to its row in ``matters``: what it is about, where, and the words worth counting.

The row is made of the ticket's document alone, in the transaction that stores it, so that a revision, an agent's
decision among them, brings it up to date, and the tickets of before there were such rows can be taken up later.
"""

from __future__ import annotations

import json
import re
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

import sqlalchemy as sa

from recordings import matters as rows
from recordings.matters import MatterRow, matters
from recordings.schema import calls, tickets
from tickets.meaning.topics import name_main_topic
from tickets.meaning.understanding import categorizer
from tickets.meaning.words import plain
from tickets.number import CITY_TIME
from tickets.probed import is_probed

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from sqlalchemy.ext.asyncio import AsyncConnection

    from recordings.database import Database

_BATCH: Final = 200
_DAY_HOURS: Final = 24
_NOTHING_SAID: Final = re.compile(r"\([^)]*\)")  # what a ticket says in place of its caller's words
_TIMES: Final = "(?:好几|好多|无数|[两三四五六七八九十几]+)[次回遍]"
_AGAIN: Final = re.compile(
    "(?:上次|上回|之前|以前|前[几两]天|前段时间|上周|上个?月|昨天|早就|已经).{0,8}"
    f"(?:(?:反映|投诉|举报|报修)过(?:了|{_TIMES})?|打过(?:了?电话|热线|{_TIMES}))"
    f"|(?:反映|投诉|举报|报修|打)(?:过|了)?(?:电话)?{_TIMES}"
    "|催(?:一下|一催|催|办|促|个单)|(?:查|问|看)(?:一下|下)?.{0,8}(?:进度|进展|办到哪|处理得?怎么样|办得?怎么样)"
)
_FIRST_TIME: Final = re.compile("(?:没有?|未|从来?没|第一次)$")


def hour_of_week(at: datetime) -> int:
    """The hour of the week in the city's time, 0 to 167, from Monday midnight on."""
    there = at.astimezone(CITY_TIME)
    return there.weekday() * _DAY_HOURS + there.hour


def describe_matter(number: str, document: Mapping[str, Any]) -> MatterRow:
    """The row of a ticket's ``document`` (``Ticket.to_json``, or a draft's content).

    An anonymous line's ticket says no more than that there was one, on which line, and how urgent it is.
    """
    call, caller, appeal, place = (document[part] for part in ("call", "caller", "appeal", "place"))
    told = call["started_at"]
    at = told if isinstance(told, datetime) else datetime.fromisoformat(told)
    category = "_".join(filter(None, (appeal["category_1"], appeal["category_2"], appeal["category_3"])))
    nameless = caller["anonymous"]
    # An anonymous line's ticket has neither; what an agent has written into it since is not to be counted.
    withheld = nameless and document["recording"] is None and not document["transcript"]["utterances"]
    text = "" if withheld or _NOTHING_SAID.fullmatch(appeal["content"]) else appeal["content"]
    spoken = plain(text).text
    return MatterRow(
        number=number,
        call_id=call["call_id"],
        at=at,
        hour=hour_of_week(at),
        hotline=document["hotline"],
        caller="" if nameless else caller["contact"] or caller["number"],
        topic=name_main_topic(spoken) or (category.rpartition("_")[2] if spoken else ""),
        category=category,
        county="" if withheld else place["county"],
        township="" if withheld else place["township"],
        code="" if withheld else place["code"],
        urgency=appeal["urgency"],
        words=" ".join(categorizer().find_words(text)),  # no place or person is one, nor what everybody says
        urged=find_urging(spoken),
    )


def find_urging(text: str) -> str:
    """催办: the words of ``text`` (plain) by which its caller asks again for what he has told before; "" for none."""
    found = (m for m in _AGAIN.finditer(text) if not _FIRST_TIME.search(text[: m.start()]))
    match = next(found, None)
    return match[0] if match else ""


async def store(connection: AsyncConnection, documents: Iterable[tuple[str, Mapping[str, Any]]]) -> None:
    """Store the rows of tickets, each a number and a document; in the transaction that stores these. None of probes."""
    told = [(number, document) for number, document in documents if not is_probed(document)]
    await rows.store(connection, [describe_matter(number, document) for number, document in told])


async def backfill(db: Database) -> int:
    """Store the rows of the tickets that have none, the newest first; returns how many. Repeatable, by any process."""
    count = 0
    behind: sa.ColumnElement[bool] = sa.true()
    missing = ~sa.exists().where(matters.c.number == tickets.c.number)
    probed = sa.exists().where(calls.c.call_id == tickets.c.call_id, calls.c.test)
    newest = sa.select(tickets.c.number).distinct().order_by(tickets.c.number.desc()).limit(_BATCH)
    while True:
        query = newest.where(behind, missing, ~probed)
        async with db.read() as connection:
            numbers = list(await connection.scalars(query))
            last = await _read_last(connection, numbers)
        if not numbers:
            return count
        made = [describe_matter(number, document) for number, document in last]
        async with db.write() as connection:
            await rows.add(connection, made)
        count, behind = count + len(numbers), tickets.c.number < numbers[-1]


async def _read_last(connection: AsyncConnection, numbers: list[str]) -> list[tuple[str, dict[str, Any]]]:
    query = (
        sa.select(tickets.c.number, tickets.c.document)
        .where(tickets.c.number.in_(numbers))
        .order_by(tickets.c.revision)
    )
    last = {row.number: row.document for row in await connection.execute(query)}
    return [(number, json.loads(document)) for number, document in last.items()]
