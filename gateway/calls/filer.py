"""Brings the database up to date with the calls' journals, as often as it takes."""

from __future__ import annotations

import asyncio
import logging
from contextlib import nullcontext
from typing import TYPE_CHECKING

from sqlalchemy.exc import SQLAlchemyError

from gateway.site import metrics
from gateway.site.reach import AWAY, reach
from recordings.folders import archive, locate
from recordings.threads import Threads
from tickets.bell import wake
from tickets.filing import file_call

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from pathlib import Path

    from gateway.site.settings import Paths
    from recordings.database import Database
    from recordings.journals import Journals
    from tickets.filing import Filed
    from tickets.number import NumberBook

log = logging.getLogger(__name__)

_FIRST_RETRY_SECONDS = 0.5
_LAST_RETRY_SECONDS = 30.0
_CANCEL_SECONDS = 2.0
_archiving = Threads("archive", 2)


class Filer:
    """One task per call folder with something to file; a folder leaves the spool only when all of it is filed.

    A database that is away, has other tables than ours, or knows our node as another's (``claim`` says so), costs
    nothing but time: the journal is the truth, and filing is repeated until it succeeds or the process ends (the next
    start-up sweep takes it up again). One task then asks for the database on behalf of all.
    """

    def __init__(
        self,
        db: Database,
        numbers: NumberBook,
        paths: Paths,
        claim: Callable[[], Awaitable[None]],
        journals: Journals,
    ) -> None:
        self._db, self._numbers, self._paths, self._claim = db, numbers, paths, claim
        self._journals = journals
        self._again: set[Path] = set()
        self._final: set[Path] = set()
        self._orphans: set[Path] = set()
        self._turn = (
            asyncio.Lock()
        )  # one orphan at a time: there may be hundreds, and calls that go on come first
        self._tasks: dict[Path, asyncio.Task[None]] = {}
        self._reached = False  # the database was there, with our tables, and nothing has failed since
        self._reaching = asyncio.Lock()

    def file(self, folder: Path, *, final: bool = False, orphan: bool = False) -> None:
        """Ask for a call's tickets to follow its journal; ``final``: the journal is closed, archive it after.

        A call whose journal was closed unfinished stays in the spool for the next start-up sweep. Those that a sweep
        found, each an ``orphan``, are tried in turn.
        """
        if final:
            self._final.add(folder)
        if orphan:
            self._orphans.add(folder)
        self._again.add(folder)
        if folder not in self._tasks:
            self._tasks[folder] = asyncio.create_task(self._work(folder), name=f"file {folder.name}")

    async def drain(self, seconds: float) -> None:
        """Give running filings this long to finish, and end those that have not."""
        if self._tasks:
            _done, late = await asyncio.wait(self._tasks.values(), timeout=seconds)
            for task in late:
                task.cancel()
            if late:
                await asyncio.wait(late, timeout=_CANCEL_SECONDS)  # before anybody closes their database

    async def _work(self, folder: Path) -> None:
        delay = _FIRST_RETRY_SECONDS
        try:
            while folder in self._again:
                self._again.discard(folder)
                try:
                    await self._wait_for_disk(folder)
                    await self._reach()
                    async with self._turn if folder in self._orphans else nullcontext():
                        await self._follow(folder)
                except AWAY as error:
                    # A driver's own words may quote a citizen's.
                    reason = type(error).__name__ if isinstance(error, SQLAlchemyError) else error
                    log.warning(
                        "filing failed, next try in %.1f s: %s", delay, reason, extra={"call_id": folder.name}
                    )
                except Exception:  # boundary, call task: whatever it was, this call's tickets are still owed
                    log.exception("filing failed, next try in %.1f s", delay, extra={"call_id": folder.name})
                else:
                    delay = _FIRST_RETRY_SECONDS
                    continue
                metrics.FILING_FAILURES.inc()
                self._reached = False
                self._again.add(folder)
                await asyncio.sleep(delay)
                delay = min(delay * 2, _LAST_RETRY_SECONDS)
        finally:
            self._tasks.pop(folder, None)
            self._final.discard(folder)
            self._orphans.discard(folder)

    async def _wait_for_disk(self, folder: Path) -> None:
        """Let what the call has told be written; and touch no database that may lie on a disk which stands still.

        SQLite maps a file of it into this process: a thread that is held up there can hold up all.
        """
        await self._journals.written(folder)
        while not await self._journals.moves(_LAST_RETRY_SECONDS):
            log.info("filing waits for the disk", extra={"call_id": folder.name})

    async def _reach(self) -> None:
        async with self._reaching:
            if not self._reached:
                await reach(self._claim)
                self._reached = True

    async def _follow(self, folder: Path) -> None:
        """File what the call's journal says by now, and archive the call when that was all."""
        final = folder in self._final
        place = locate(self._paths.data, folder.name)  # another gateway on this data may have archived it
        if place is None:
            log.error("the call's folder is gone, there is nothing to file", extra={"call_id": folder.name})
            return
        filed = await file_call(self._db, self._numbers, place)
        wake(self._paths.run)
        log.info(
            "call filed",
            extra={
                "call_id": folder.name,
                "tickets": filed.numbers,
                "reason": filed.reason,
                "final": final,
            },
        )
        if final and filed.ended:
            _tell_strange(filed)
            metrics.FILED.labels("ticket" if filed.numbers else "none").inc()
            await _archiving.run(archive, place, self._paths.data)
        elif final:  # archived, it would never get the rest of its tickets
            log.error(
                "the call's journal is not finished: left in the spool, the next start takes it up",
                extra={"call_id": folder.name},
            )


def _tell_strange(filed: Filed) -> None:
    """Say what of a call's journal this version does not know; once a call, when nothing more will come of it."""
    if not filed.strange:
        return
    for (what, _), count in filed.strange.items():
        metrics.JOURNAL_UNKNOWN.labels(what).inc(count)
    log.warning(
        "filed with what is known of the journal; not known to this version: %s",
        ", ".join(f"{what} {name} ({count})" for (what, name), count in sorted(filed.strange.items())),
        extra={"call_id": filed.call_id},
    )
