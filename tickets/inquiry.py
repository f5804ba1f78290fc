"""What a caller is told of a ticket: its status by his own number or the ticket's, what came of it by its query code.

A ticket that is confidential, anonymous, or of a caller in danger, is told of by its own number alone. Nobody is told
of another's by guessing: after some wrong codes a ticket's outcome is not told for a day.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

import sqlalchemy as sa

from ivr.events import Informed
from recordings.progress import read_code, read_progress, try_code
from recordings.schema import calls, outbox, tickets
from tickets.number import is_valid

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sqlalchemy.ext.asyncio import AsyncConnection

    from ivr.actions import Inquire
    from recordings.database import Database

_DAYS: Final = timedelta(days=90)
"""How old a ticket may be that is told of by the calling number alone."""

_CALLS: Final = 20  # of one number are looked at, the newest
_SHORTEST: Final = 7  # digits: fewer are nobody's own number
_TEXT_CHARACTERS: Final = 200
_DISCREETLY: Final = "不要透露"  # in the flows' reasons to call back, where the caller may not be alone
_HANDLED: Final = ("回访", "结案")
_WORDS: Final[Mapping[str, str]] = {
    "": "已经记下，正在报送",
    "accepted": "已经受理，正在等派单",
    "受理": "已经受理，正在等派单",
    "派单": "已经派到承办单位",
    "处置": "承办单位正在处理",
    "回访": "已经处理完，正在回访",
    "结案": "已经办结",
}


class Inquiries:
    """Answers what callers ask of the tickets in ``db``."""

    def __init__(self, db: Database) -> None:
        self._db = db

    async def answer(self, asked: Inquire) -> Informed:
        """The answer, with ``at`` left for who asks. Raises SQLAlchemyError or OSError while the database is away."""
        if asked.of == "ticket" and not is_valid(asked.ticket):
            return Informed(0.0, asked.id, "mistyped")
        if asked.of == "answer":
            async with self._db.write() as connection:
                right = await try_code(connection, asked.ticket, asked.code, datetime.now(UTC))
            if not right:
                return Informed(0.0, asked.id, "none")
        async with self._db.read() as connection:
            match asked.of:
                case "caller":
                    return await _tell_status(
                        connection, asked.id, await _find_newest(connection, asked.caller)
                    )
                case "ticket":
                    known = await connection.scalar(
                        sa.select(sa.exists().where(tickets.c.number == asked.ticket))
                    )
                    return await _tell_status(connection, asked.id, asked.ticket if known else "")
                case "code":
                    code = await read_code(connection, asked.ticket)
                    text = "，".join((code[:3], code[3:])) if code else ""
                    return Informed(0.0, asked.id, "found" if code else "away", asked.ticket, text=text)
                case "answer":
                    return await _tell_outcome(connection, asked)


async def _tell_outcome(connection: AsyncConnection, asked: Inquire) -> Informed:
    told = await read_progress(connection, [asked.ticket])
    text = ""
    answered = next((step for step in reversed(told) if step.note), None)  # closing it need not repeat it
    if answered is not None:
        title = json.loads(await _read_document(connection, asked.ticket))["appeal"]["title"]
        text = "，".join(filter(None, (title, answered.unit, answered.note)))[:_TEXT_CHARACTERS]
    return Informed(
        0.0,
        asked.id,
        "found",
        asked.ticket,
        handled=bool(told) and told[-1].status in _HANDLED,
        text=text,
    )


async def _tell_status(connection: AsyncConnection, asked: int, number: str) -> Informed:
    if not number:
        return Informed(0.0, asked, "none")
    told = await read_progress(connection, [number])
    accepted = sa.exists().where(outbox.c.number == number, outbox.c.state == "accepted")
    status = told[-1].status if told else "accepted" if await connection.scalar(sa.select(accepted)) else ""
    return Informed(0.0, asked, "found", number, _WORDS[status], handled=status in _HANDLED)


async def _find_newest(connection: AsyncConnection, caller: str) -> str:
    """The number of the newest ticket that the calling number alone may hear of, "" for none."""
    if len(caller) < _SHORTEST:
        return ""
    recent = (
        sa.select(calls.c.call_id)
        .where(calls.c.caller == caller, calls.c.started_at > datetime.now(UTC) - _DAYS)
        .order_by(calls.c.started_at.desc())
        .limit(_CALLS)
    )
    rows = await connection.execute(
        sa.select(tickets.c.number, tickets.c.document)
        .join(calls, calls.c.call_id == tickets.c.call_id)
        .where(tickets.c.call_id.in_(recent))
        .order_by(calls.c.started_at.desc(), tickets.c.matter.desc(), tickets.c.revision.desc())
    )
    seen: set[str] = set()
    for number, document in rows:
        if number in seen:
            continue
        seen.add(number)
        if not is_discreet(json.loads(document)):
            return str(number)
    return ""


def is_discreet(ticket: dict[str, Any]) -> bool:
    """Whether others who share the caller's telephone must not learn that there is such a ticket."""
    whose = ticket["caller"]
    if whose["confidential"] or whose["anonymous"] or _DISCREETLY in whose["call_back"]:
        return True
    return bool(whose["call_back"]) and ticket["appeal"]["urgency"] == "特急"  # danger, from a person perhaps


async def _read_document(connection: AsyncConnection, number: str) -> str:
    """What the last revision of a ticket says."""
    query = sa.select(tickets.c.document).where(tickets.c.number == number)
    return str(await connection.scalar(query.order_by(tickets.c.revision.desc()).limit(1)))
