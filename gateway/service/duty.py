"""What a gateway knows of the duty switch: told by whoever throws it, looked up besides, never waited for by a call."""

from __future__ import annotations

import asyncio
import logging
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from config.duty import Duty, DutyError, place_of, read_duty
from gateway.site import metrics
from recordings.threads import Threads

if TYPE_CHECKING:
    from pathlib import Path

log = logging.getLogger(__name__)

_LOOK_SECONDS: Final = 1.0
_reading: Final = Threads("duty", 1)


class DutyWatch:
    """Follows the duty switch of one data folder."""

    def __init__(self, data: Path) -> None:
        self._data = data
        self._seen: tuple[int, ...] = ()
        self._turn = asyncio.Lock()
        self.duty = Duty()
        """What was ordered; what cannot be read any more changes nothing."""
        self.trouble = ""
        """Why the file cannot be read; "" when it can."""
        metrics.DUTY.set_function(lambda: len(self.duty.in_force(datetime.now(UTC))))

    async def run(self) -> None:
        """Look every second until cancelled: who threw the switch may not have reached this gateway."""
        while True:
            await self.look()
            await asyncio.sleep(_LOOK_SECONDS)

    async def look(self) -> None:
        """Take what the file says now, if it is another one than before."""
        async with self._turn:
            try:
                seen, duty = await _reading.run(self._read)
            except DutyError as fault:
                if str(fault) != self.trouble:
                    self.trouble = str(fault)
                    log.error("what was ordered before stays: %s", fault)  # noqa: TRY400
                return
        self._seen, self.trouble = seen, ""
        if duty is not None and duty != self.duty:
            self.duty = duty
            self._tell()

    def _read(self) -> tuple[tuple[int, ...], Duty | None]:
        """What tells this file from another, and what it says; None when it is the one that was seen last."""
        try:
            stat = place_of(self._data).stat()
            seen: tuple[int, ...] = (stat.st_ino, stat.st_mtime_ns, stat.st_size)
        except OSError:  # none, or none that may be seen: the reading tells which
            seen = ()
        if seen and seen == self._seen:
            return seen, None
        return seen, read_duty(self._data)

    def _tell(self) -> None:
        orders = self.duty.in_force(datetime.now(UTC))
        for order in orders:
            until = order.until.isoformat() if order.until else ""
            told = {"hotline": order.line, "until": until, "by": order.by, "why": order.why}
            log.warning("callers are passed to a person at once", extra=told)
        if not orders:
            log.warning("callers are led by the dialogue again")
