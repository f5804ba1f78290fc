"""What an operator should know beforehand: certificates that end soon, a disk that will be full."""

from __future__ import annotations

import logging
import math
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

from gateway.service.observe import free_bytes
from gateway.site.certificate import SOON, CertificateError, list_certificates
from recordings.growth import forecast, note_day, read_growth
from tickets import metrics
from tickets.runner import Backoff, keep_at

if TYPE_CHECKING:
    import asyncio
    from pathlib import Path

    from gateway.site.settings import Settings
    from recordings.database import Database

log = logging.getLogger(__name__)

_EVERY_S: Final = 300.0
_BACKOFF: Final = Backoff(first=5.0, longest=300.0)
_DAY: Final = timedelta(days=1)


class Outlook:
    """Looks ahead every five minutes, into the metrics; what is near is said in the log once a day."""

    def __init__(self, settings: Settings, data: Path, db: Database) -> None:
        self._settings, self._data, self._db = settings, data, db
        self._said = dict[str, datetime]()

    async def run(self, stop: asyncio.Event) -> None:
        """Work until ``stop`` is set; a database out of reach is waited for."""
        await keep_at(self._work, stop, _BACKOFF, "the look ahead waits")

    async def _work(self) -> float:
        await self.look(datetime.now(UTC))
        return _EVERY_S

    async def look(self, now: datetime) -> None:
        """Look once. Raises SQLAlchemyError or OSError when the database or the disk is away."""
        for one in list_certificates(self._settings):
            try:
                end = one.read_end()
            except (CertificateError, OSError) as error:
                self._say(one.whose, now, f"the certificate of {one.whose} cannot be read: {error}")
                continue
            metrics.CERTIFICATE_END.labels(one.whose).set(end.timestamp())
            if end - now < SOON:
                days = (end - now) // _DAY
                when = f"ends {end:%Y-%m-%d}, in {days} days" if end > now else f"ended {end:%Y-%m-%d}"
                self._say(one.whose, now, f"the certificate of {one.whose} {when}: {one.file}")
        free, nodes = free_bytes(self._data), self._settings.nodes
        async with self._db.read() as connection:
            rate = await read_growth(connection, nodes, self._data, now)
        left = forecast(free, rate)
        metrics.DISK_FULL_IN.set(left)
        if left < self._settings.disk.warn_days * _DAY.total_seconds():
            self._say(
                "disk", now, f"the disk of {self._data} is full in {tell_time(left)} at the last day's rate"
            )

        async with self._db.read() as connection:  # last: a full disk takes no note
            await note_day(connection, nodes, self._data, free, now)

    def _say(self, what: str, now: datetime, text: str) -> None:
        """Once a day each."""
        if now - self._said.get(what, datetime.min.replace(tzinfo=UTC)) >= _DAY:
            self._said[what] = now
            log.warning("%s", text)


def tell_time(seconds: float) -> str:
    """Days, or hours when it is less than two of them."""
    if math.isinf(seconds):
        return "never"
    hours = seconds / 3600
    return f"{hours / 24:.0f} days" if hours >= 48 else f"{hours:.0f} h"  # noqa: PLR2004 - two days
