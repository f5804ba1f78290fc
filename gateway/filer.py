"""Brings the database up to date with the calls' journals, as often as it takes."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

from gateway import metrics
from recordings.folders import archive
from tickets.courier import wake
from tickets.filing import file_call

if TYPE_CHECKING:
    from pathlib import Path

    from gateway.settings import Paths
    from recordings.database import Database
    from tickets.number import NumberBook

log = logging.getLogger(__name__)

_FIRST_RETRY_SECONDS = 0.5
_LAST_RETRY_SECONDS = 30.0


class Filer:
    """One task per call folder with something to file; a folder leaves the spool only when all of it is filed.

    A database that is away costs nothing but time: the journal is the truth, and filing is repeated until it
    succeeds or the process ends (the next start-up sweep takes it up again).
    """

    def __init__(self, db: Database, numbers: NumberBook, paths: Paths) -> None:
        self._db, self._numbers, self._paths = db, numbers, paths
        self._again: set[Path] = set()
        self._final: set[Path] = set()
        self._tasks: dict[Path, asyncio.Task[None]] = {}

    def file(self, folder: Path, *, final: bool = False) -> None:
        """Ask for a call's tickets to follow its journal; ``final``: the journal is closed, archive it after."""
        if final:
            self._final.add(folder)
        self._again.add(folder)
        if folder not in self._tasks:
            self._tasks[folder] = asyncio.create_task(self._work(folder), name=f"file {folder.name}")

    async def drain(self, seconds: float) -> None:
        """Give running filings this long to finish."""
        if self._tasks:
            await asyncio.wait(self._tasks.values(), timeout=seconds)
        for task in self._tasks.values():
            task.cancel()

    async def _work(self, folder: Path) -> None:
        delay = _FIRST_RETRY_SECONDS
        try:
            while folder in self._again:
                self._again.discard(folder)
                final = folder in self._final
                try:
                    filed = await file_call(self._db, self._numbers, folder)
                except Exception:  # boundary, call task: whatever it was, this call's tickets are still owed
                    metrics.FILING_FAILURES.inc()
                    log.exception("filing failed, next try in %.1f s", delay, extra={"call_id": folder.name})
                    self._again.add(folder)
                    await asyncio.sleep(delay)
                    delay = min(delay * 2, _LAST_RETRY_SECONDS)
                    continue
                wake(self._paths.run)
                delay = _FIRST_RETRY_SECONDS
                log.info(
                    "call filed",
                    extra={
                        "call_id": folder.name,
                        "tickets": filed.numbers,
                        "reason": filed.reason,
                        "final": final,
                    },
                )
                if final:
                    metrics.FILED.labels("ticket" if filed.numbers else "none").inc()
                    await asyncio.to_thread(archive, folder, self._paths.data)
        finally:
            self._tasks.pop(folder, None)
            self._final.discard(folder)
