"""Looking for surges while the house runs: every few seconds, in the worker, over what the table tells."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

import structlog

from tickets import matters, metrics
from tickets.alert import SurgeAlert
from tickets.alerting import enqueue_alerts, read_last
from tickets.runner import Backoff, keep_at
from tickets.surges import register

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Sequence

    from sqlalchemy.ext.asyncio import AsyncConnection

    from recordings.database import Database
    from tickets.surges.detection import Sighting
    from tickets.surges.register import Surge

_EVERY_S: Final = 15.0
_BACKOFF: Final = Backoff(first=15.0, longest=60.0)
_WORTH_TELLING: Final = 1.5
"""How many times as many as the intake was told of last there must be for it to be told again: 4, 6, 9, 14 …"""

_log = structlog.get_logger(__name__)


class SurgeWatch:
    """Finds surges among the matters of ``db``, enters them, and sends an alert for each, once more as it grows.

    Tickets of before there were matters are taken up first. It may be ended and begun at any time, and several may
    work on one database: all that is known stands there.
    """

    def __init__(self, db: Database) -> None:
        self._db = db
        self._taken_up = False

    async def run(self, stop: asyncio.Event) -> None:
        """Work until ``stop`` is set. A database out of reach is waited for."""
        await keep_at(self._work, stop, _BACKOFF, "the look for surges waits")

    async def _work(self) -> float:
        if not self._taken_up:
            if count := await matters.backfill(self._db):
                _log.info("tickets of before are counted among the matters", tickets=count)
            self._taken_up = True
            return 0.0
        await self.look(datetime.now(UTC))
        return _EVERY_S

    async def look(self, now: datetime) -> list[Surge]:
        """Look once; the surges that are new. Raises SQLAlchemyError or OSError when the database is away."""
        began = time.monotonic()
        async with self._db.read() as connection:
            seen, grown = await register.look(connection, now)
        new = await self._enter(seen, now) if seen or grown else []
        metrics.SURGE_LOOK.observe(time.monotonic() - began)
        metrics.SURGE_LOOKED.set(now.timestamp())
        for surge in new:
            metrics.SURGES.inc()
            _log.warning("surge", surge=surge.id, topic=surge.topic, place=surge.county + surge.township)
        return new

    async def _enter(self, seen: Sequence[Sighting], now: datetime) -> list[Surge]:
        async with self._db.write() as connection:
            changes = await register.update(connection, seen, now)
            new = [change.surge for change in changes if change.new]
            await _send(connection, [(surge, 1) for surge in new], now)
            grown = [change.surge for change in changes if not change.new]
            await _send(connection, await _find_worth_telling(connection, grown), now)
        return new


def _name(surge: Surge) -> str:
    return f"surge-{surge.began_at:%Y%m%dT%H%M%S}-{surge.id}"


async def _find_worth_telling(connection: AsyncConnection, grown: Sequence[Surge]) -> list[tuple[Surge, int]]:
    """Those of which there are so many more than was told last, each with the revision that says so."""
    told = await read_last(connection, [_name(surge) for surge in grown])
    return [
        (surge, last.revision + 1)
        for surge in grown
        if (last := told.get(_name(surge))) and surge.count >= last.count * _WORTH_TELLING
    ]


async def _send(connection: AsyncConnection, some: Sequence[tuple[Surge, int]], now: datetime) -> None:
    """Put an alert for each, with its revision, into the outbox; the courier finds it there."""
    behind = await register.read_members(connection, [surge for surge, _ in some])
    alerts = [
        SurgeAlert(
            id=_name(surge),
            at=now,
            revision=revision,
            topic=surge.topic,
            county=surge.county,
            township=surge.township,
            since=surge.began_at,
            count=surge.count,
            expected=round(surge.expected, 3),
            words=register.find_common_words(behind[surge.id]),
            tickets=tuple(matter.number for matter in behind[surge.id]),
        )
        for surge, revision in some
    ]
    await enqueue_alerts(connection, alerts, now)
