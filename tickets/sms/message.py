"""Who is sent which message, each once: rows of the outbox beside the tickets'.

A message's number there, its idempotency key and its id at the operator's gateway are the same, and follow from what it
is about: however often it is asked for, there is one.
"""

# No `from __future__ import annotations` here: pydantic reads the annotations at run time.

import json
import re
from collections.abc import Collection, Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final

import sqlalchemy as sa
from pydantic import BaseModel, ConfigDict
from sqlalchemy.ext.asyncio import AsyncConnection

from recordings.callbacks import Owed
from recordings.database import insert
from recordings.schema import outbox, tickets
from tickets.number import CITY_TIME
from tickets.past import is_discreet
from tickets.probed import is_probed
from tickets.sms.wording import Templates, What

LATELY: Final = timedelta(days=1)
"""Who called longer ago is told nothing any more: a ticket that an agent takes up again is no news to him."""

_MOBILE: Final = re.compile(r"(?:00)?(?:86)?0?(1[3-9][0-9]{9})")
_MISSED: Final = "sms-missed-"  # begins the numbers of such messages, see `_put`
_WANTS_TO_WRITE: Final = (
    "按键求助"  # in the flows' reason to call back of who cannot talk, and asked for help by a key
)


class Message(BaseModel):
    """What the outbox keeps of one: the mobile number it goes ``to``, and its whole ``text``."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    to: str
    text: str
    what: What


class Writer:
    """Writes messages by these ``templates``, each with the ``signature`` (签名) first."""

    def __init__(self, templates: Templates, signature: str) -> None:
        self._templates, self._signature = templates, signature

    async def tell_accepted(self, connection: AsyncConnection, document: str, now: datetime) -> None:
        """The intake has a ticket, a JSON text: tell its caller the number, or who cannot talk how to write.

        Nobody is told of a ticket that others who share his telephone must not learn of (`is_discreet`), nor of another
        of the same call: who was in danger, was so on that telephone.
        """
        ticket: dict[str, Any] = json.loads(document)
        began = datetime.fromisoformat(ticket["call"]["started_at"])
        if began < now - LATELY or is_probed(ticket):
            return
        whose, number = ticket["caller"], ticket["number"]
        if _WANTS_TO_WRITE in whose["call_back"] and not whose["anonymous"]:
            await self._put(connection, "form", number, whose["number"], now, {})
        elif not (is_discreet(ticket) or await _is_of_discreet_call(connection, ticket["call"]["call_id"])):
            await self._put(
                connection, "ticket", number, whose["contact"] or whose["number"], now, {"number": number}
            )

    async def tell_missed(self, connection: AsyncConnection, missed: Collection[Owed]) -> None:
        """Calls came to nothing, on lines that are not anonymous: say to their callers that they are called back.

        To each once a day of the city that his calls are of, however often he tries. The message is named after the
        call: a number's digest could be looked up by whoever reads the log.
        """
        told = await _list_told(connection, min(one.at for one in missed)) if missed else set()
        for one in missed:
            mark = (find_mobile(one.caller), _day_of(one.at))
            if mark not in told:
                told.add(mark)
                await self._put(connection, "missed", one.call_id, one.caller, one.at, {})

    async def _put(
        self,
        connection: AsyncConnection,
        what: What,
        about: str,
        caller: str,
        now: datetime,
        told: Mapping[str, str],
    ) -> None:
        to, text = find_mobile(caller), self._templates.write(what, self._signature, **told)
        if not (to and text):
            return
        key = f"sms-{what}-{about}"
        row = {
            "kind": "sms",
            "number": key,
            "revision": 1,
            "idempotency_key": key,
            "document": Message(to=to, text=text, what=what).model_dump_json(),
            "state": "pending",
            "attempts": 0,
            "next_at": now,
            "created_at": now,
        }
        await connection.execute(insert(connection, outbox).values(row).on_conflict_do_nothing())


async def _is_of_discreet_call(connection: AsyncConnection, call_id: str) -> bool:
    """Whether others must not learn of any ticket of that call, by what is on file now."""
    query = sa.select(tickets.c.number, tickets.c.document).where(tickets.c.call_id == call_id)
    filed = await connection.execute(query.order_by(tickets.c.revision))
    last = {row.number: row.document for row in filed}
    return any(is_discreet(json.loads(document)) for document in last.values())


async def _list_told(connection: AsyncConnection, since: datetime) -> set[tuple[str, date]]:
    """To which numbers it is said that they were missed, and of which day's calls; from the day of ``since`` on.

    By the messages' numbers, which begin with the time and have an index: the outbox keeps every ticket there ever was.
    """
    first = (since - timedelta(days=1)).astimezone(UTC)
    written = sa.select(outbox.c.document, outbox.c.created_at).where(
        outbox.c.number >= f"{_MISSED}{first:%Y%m%d}", outbox.c.number < f"{_MISSED}9"
    )
    return {
        (Message.model_validate_json(row.document).to, _day_of(row.created_at))
        for row in await connection.execute(written)
    }


def _day_of(at: datetime) -> date:
    return at.astimezone(CITY_TIME).date()


async def give_up_old(connection: AsyncConnection, now: datetime) -> int:
    """Send nothing that has waited for longer than ``LATELY``; returns how many messages that were.

    What a courier has at this moment is left to him.
    """
    old = sa.and_(outbox.c.kind == "sms", outbox.c.state == "pending", outbox.c.created_at < now - LATELY)
    free = sa.or_(outbox.c.lease_until.is_(None), outbox.c.lease_until <= now)
    ids = sa.select(outbox.c.id).where(old, free).with_for_update(skip_locked=True)
    reason = "not sent within a day: it is no news any more"
    given_up = await connection.execute(
        sa.update(outbox)
        .where(outbox.c.id.in_(ids))
        .values(state="dead", last_error=reason, settled_at=now, lease_until=None)
    )
    return given_up.rowcount


def find_mobile(digits: str) -> str:
    """The mobile number of the mainland in a number as it was shown or keyed; "" for any other."""
    found = _MOBILE.fullmatch(digits)
    return found[1] if found else ""
