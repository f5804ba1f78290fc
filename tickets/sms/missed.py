"""Telling callers who were missed that they will be called back, where they may be told so."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

import sqlalchemy as sa

from recordings.callbacks import Missed, list_missed
from recordings.schema import calls
from tickets.past import find_discreet
from tickets.runner import Backoff, keep_at

if TYPE_CHECKING:
    import asyncio

    from sqlalchemy.ext.asyncio import AsyncConnection

    from recordings.database import Database
    from tickets.sms.message import Writer

_EVERY_S: Final = 10.0
_BACKOFF: Final = Backoff(first=1.0, longest=60.0)
_LATELY: Final = timedelta(hours=1)
PATIENCE: Final = timedelta(minutes=5)
"""How long after his call nobody is told of it: who redials at once, and is heard, is not called back."""

TOLD: Final = frozenset({Missed.REFUSED, Missed.DROPPED})
"""Who hung up himself knows that he did, and who said nothing may not be alone: neither is sent anything."""


class MissedWatch:
    """Has a message written by ``writer`` to each caller of the last hour who found no line free, or was cut off."""

    def __init__(self, db: Database, writer: Writer) -> None:
        self._db, self._writer = db, writer
        self._told = set[str]()

    async def run(self, stop: asyncio.Event) -> None:
        """Work until ``stop`` is set; a database out of reach is waited for."""
        await keep_at(self._work, stop, _BACKOFF, "messages to missed callers wait")

    async def _work(self) -> float:
        await self.look(datetime.now(UTC))
        return _EVERY_S

    async def look(self, now: datetime) -> None:
        """Look once. Raises SQLAlchemyError or OSError when the database is away."""
        async with self._db.read() as connection:
            missed = await list_missed(connection, now, since=now - _LATELY)
            owed = {one.call_id: one for one in missed if one.missed in TOLD}
            new = [
                one for one in owed.values() if one.call_id not in self._told and one.over <= now - PATIENCE
            ]
            talk = await _find_talking(connection, now)
            due = [one for one in new if one.caller not in talk]
            quiet = await find_discreet(connection, {one.caller for one in due}, now)
        told = [one for one in due if one.caller not in quiet]
        if told:
            async with self._db.write() as connection:
                await self._writer.tell_missed(connection, told)
        self._told = owed.keys() & (self._told | {one.call_id for one in due})


async def _find_talking(connection: AsyncConnection, now: datetime) -> set[str]:
    """Who talks now, as far as is on file: whoever has called again is not written to meanwhile."""
    query = sa.select(calls.c.caller).where(calls.c.ended_at.is_(None), calls.c.started_at > now - _LATELY)
    return set(await connection.scalars(query))
