"""What a caller is told of a ticket: its status by his own number or the ticket's, what came of it by its query code.

A ticket that is confidential, anonymous, or of a caller in danger, is told of by its own number alone. Nobody is told
of another's by guessing: after some wrong codes a ticket's outcome is not told for a day.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

import sqlalchemy as sa

from ivr.events import Informed
from recordings.progress import read_code, read_progress, try_code
from recordings.schema import outbox, tickets
from tickets.number import is_valid
from tickets.past import HANDLED, SHORTEST, is_discreet, list_documents, tell_past

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sqlalchemy.ext.asyncio import AsyncConnection

    from ivr.actions import Inquire
    from recordings.database import Database

_DAYS: Final = timedelta(days=90)
"""How old a ticket may be that is told of by the calling number alone."""

_TEXT_CHARACTERS: Final = 200
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

    async def answer(self, asked: Inquire) -> Informed:  # noqa: PLR0911 - one for each question
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
                case "past":
                    return await tell_past(connection, asked.id, asked.caller, datetime.now(UTC))
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
        handled=bool(told) and told[-1].status in HANDLED,
        text=text,
    )


async def _tell_status(connection: AsyncConnection, asked: int, number: str) -> Informed:
    if not number:
        return Informed(0.0, asked, "none")
    told = await read_progress(connection, [number])
    accepted = sa.exists().where(outbox.c.number == number, outbox.c.state == "accepted")
    status = told[-1].status if told else "accepted" if await connection.scalar(sa.select(accepted)) else ""
    return Informed(0.0, asked, "found", number, _WORDS[status], handled=status in HANDLED)


async def _find_newest(connection: AsyncConnection, caller: str) -> str:
    """The number of the newest ticket that the calling number alone may hear of, "" for none."""
    if len(caller) < SHORTEST:
        return ""
    known = await list_documents(connection, caller, datetime.now(UTC) - _DAYS)
    return next((number for number, _, document in known if not is_discreet(document)), "")


async def _read_document(connection: AsyncConnection, number: str) -> str:
    """What the last revision of a ticket says."""
    query = sa.select(tickets.c.document).where(tickets.c.number == number)
    return str(await connection.scalar(query.order_by(tickets.c.revision.desc()).limit(1)))
