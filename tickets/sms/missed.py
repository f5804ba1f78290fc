"""Telling callers who were missed that they will be called back, where they may be told so."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

import sqlalchemy as sa

from recordings.callbacks import Missed, list_missed
from recordings.schema import calls, tickets
from tickets.missed import QUIET
from tickets.past import is_discreet
from tickets.runner import Backoff, keep_at

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Collection

    from sqlalchemy.ext.asyncio import AsyncConnection

    from recordings.database import Database
    from tickets.sms.message import Writer

_EVERY_S: Final = 10.0
_BACKOFF: Final = Backoff(first=1.0, longest=60.0)
_LATELY: Final = timedelta(hours=1)
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
            new = owed.keys() - self._told
            told = sorted(new - await _find_discreet(connection, new))
        if told:
            async with self._db.write() as connection:
                for call_id in told:
                    await self._writer.tell_missed(connection, owed[call_id].caller, owed[call_id].at)
        self._told = set(owed)


async def _find_discreet(connection: AsyncConnection, call_ids: Collection[str]) -> set[str]:
    """Those of these calls of which others who share the caller's telephone must not learn."""
    if not call_ids:
        return set()
    quiet = sa.select(calls.c.call_id).where(calls.c.call_id.in_(call_ids), calls.c.reason == QUIET)
    filed = sa.select(tickets.c.call_id, tickets.c.document).where(tickets.c.call_id.in_(call_ids))
    return {
        *(await connection.scalars(quiet)),
        *(row.call_id for row in await connection.execute(filed) if is_discreet(json.loads(row.document))),
    }
