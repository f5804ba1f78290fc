"""Keeps the list of nuisance callers as its file says, without any call waiting for a disk."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from config.document import ConfigError
from gateway.calls.access import Access
from gateway.calls.nuisances import FILE, read_nuisances
from gateway.site import metrics
from recordings.threads import Threads

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from gateway.calls.access import Nuisance
    from ivr.flow import Flow
    from ivr.hotline import Found

log = logging.getLogger(__name__)

_WATCH_SECONDS = 2.0

_reading = Threads("nuisances", 1)


class AccessWatch:
    """Has the `Access` in force. A file that cannot be read leaves the list as it was, and the log says why, once."""

    def __init__(self, data: Path, flow: Flow) -> None:
        self._data = data
        self._stamp: tuple[int, int] | None = None
        self.access = Access(flow, {})
        """What calls that come from now on are led by."""

    def lead(self, found: Found, caller: str) -> Found:
        """The line as it answers this caller now; a refusal is counted."""
        led = self.access.lead(found, caller, datetime.now(UTC))
        if led is not found:
            metrics.NUISANCES.inc()
            log.info("a caller on the nuisance list is refused")
        return led

    async def run(self) -> None:
        """Look every two seconds until cancelled."""
        while True:
            await asyncio.sleep(_WATCH_SECONDS)
            await self.look()

    async def look(self) -> None:
        """Read the file if it is another than at the last look."""
        try:
            read = await _reading.run(self._read)
        except (ConfigError, OSError) as error:
            log.error(  # noqa: TRY400 - the message says what, where, and what to do
                "the nuisance list cannot be used, that of before stays in force: %s", error
            )
        else:
            if read is not None:
                self.access = replace(self.access, nuisances=read)
                log.info("nuisance list", extra={"callers": len(read)})

    def _read(self) -> Mapping[str, Nuisance] | None:
        try:
            stat = (self._data / FILE).stat()
            stamp = (stat.st_mtime_ns, stat.st_ino)
        except FileNotFoundError:
            stamp = None
        if stamp == self._stamp:
            return None
        self._stamp = stamp
        return read_nuisances(self._data)
