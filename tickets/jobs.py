"""The worker's hands: claims jobs of one kind, does them one after the other, and writes down what came of each."""

from __future__ import annotations

import asyncio
import os
import secrets
import socket
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

import structlog
from sqlalchemy.exc import SQLAlchemyError

from asr.client import AsrUnavailable
from recordings import jobs
from tickets import metrics
from tickets.runner import AWAY, Backoff, describe, keep_at

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Collection

    from recordings.database import Database
    from recordings.jobs import Job, Kind

TRIES: Final = 20
"""After so many a job has failed: the first within seconds, the last some five hours after it was put down."""

_POLL_S: Final = 2.0
_BATCH: Final = 20
_BACKOFF: Final = Backoff(first=1.0, longest=30.0)
_LEASE_S: Final = 30.0
_BEATS: Final = 3  # to a lease
_DELAY_FIRST_S: Final = 1.0
_DELAY_MAX_S: Final = 1800.0

_log = structlog.get_logger(__name__)


class Hopeless(Exception):  # noqa: N818 - what has become of one job, not a mistake
    """This job cannot be done, however often it is tried; the message says why."""


class JobRunner:
    """Does the jobs of one ``kind`` for the calls of ``nodes``, the oldest first; ``do`` does the one of a call id.

    ``do`` is repeatable: a job whose holder died in the middle is done from its beginning. It raises Hopeless for what
    no other try would mend. AsrUnavailable holds up the kind, and counts as no try; any other error is this job's own,
    which then waits by itself, longer each time, while the others go on. ``find`` enters jobs that nobody has entered.
    Any number of runners may share a database: a job is one's at a time, and of who dies another takes it up within
    ``lease_s`` seconds.
    """

    def __init__(
        self,
        db: Database,
        kind: Kind,
        nodes: Collection[int],
        do: Callable[[str], Awaitable[None]],
        find: Callable[[], Awaitable[None]] | None = None,
        *,
        lease_s: float = _LEASE_S,
    ) -> None:
        self._db, self._kind, self._nodes, self._do, self._find = db, kind, nodes, do, find
        self._lease_s = lease_s
        self._holder = f"{socket.gethostname()}-{os.getpid()}-{secrets.token_hex(4)}"

    async def run(self, stop: asyncio.Event) -> None:
        """Work until ``stop`` is set; the job in hand is then given back.

        While the recogniser or the database is away, it tries again at growing intervals, 30 s at most.
        """

        async def look() -> float:
            return 0.0 if await self.work() else _POLL_S

        await keep_at(look, stop, _BACKOFF, f"{self._kind} transcription waits", (*AWAY, AsrUnavailable))

    async def work(self) -> int:
        """Do what is due now (a batch of it); returns how many jobs were done.

        Raises AsrUnavailable, and SQLAlchemyError or OSError when the database is away: the rest waits on.
        """
        if self._find is not None:
            await self._find()
        done = 0
        for _ in range(_BATCH):
            job = await self._claim()
            if job is None:
                break
            with structlog.contextvars.bound_contextvars(call_id=job.call_id, job=job.id):
                done += await self._try(job)
        return done

    async def _claim(self) -> Job | None:
        now = datetime.now(UTC)
        async with self._db.read() as connection:
            if not await jobs.has_due(connection, self._kind, self._nodes, now):
                return None
        async with self._db.write() as connection:
            return await jobs.claim(connection, self._kind, self._nodes, self._holder, now, self._lease_s)

    async def _try(self, job: Job) -> bool:
        """Do one job; whether that succeeded. Raises AsrUnavailable."""
        try:
            doing = await self._hold(job)
        except asyncio.CancelledError:
            await self._give_back(job)
            raise
        if doing.cancelled():
            _log.warning("another worker has taken this job")
            return False
        try:
            doing.result()
        except AsrUnavailable:
            await self._give_back(job)
            raise
        except Hopeless as error:
            await self._fail(job, str(error))
        except Exception as error:  # noqa: BLE001 - boundary, worker job: one call's trouble must not become the others'
            await self._postpone(job, error)
        else:
            metrics.JOBS.labels(job.kind, "done").inc()
            async with self._db.write() as connection:
                return await jobs.finish(connection, job, datetime.now(UTC))
        return False

    async def _hold(self, job: Job) -> asyncio.Future[None]:
        """Do it under its lease, kept ahead meanwhile: what has come of it; cancelled when the job is another's now."""
        doing = asyncio.ensure_future(self._do(job.call_id))
        losing = asyncio.create_task(self._keep(job))
        try:
            await asyncio.wait({doing, losing}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            doing.cancel()
            losing.cancel()
            await asyncio.wait({doing, losing})
        return doing

    async def _keep(self, job: Job) -> None:
        """Keep the lease ahead; returns when it is lost."""
        held = True
        while held:
            await asyncio.sleep(self._lease_s / _BEATS)
            try:
                async with self._db.write() as connection:
                    held = await jobs.beat(connection, job, datetime.now(UTC), self._lease_s)
            except AWAY as error:
                _log.warning("the lease could not be kept ahead", reason=describe(error))

    async def _give_back(self, job: Job) -> None:
        with suppress(*AWAY):  # then its lease runs out
            async with self._db.write() as connection:
                await jobs.give_back(connection, job)

    async def _fail(self, job: Job, reason: str) -> None:
        _log.error(
            "given up: `hotline jobs list` shows it, `hotline jobs retry` tries it again", reason=reason
        )
        metrics.JOBS.labels(job.kind, "failed").inc()
        async with self._db.write() as connection:
            await jobs.fail(connection, job, reason, datetime.now(UTC))

    async def _postpone(self, job: Job, error: Exception) -> None:
        reason = _name(error)
        if job.tries >= TRIES:
            await self._fail(job, reason)
            return
        delay = min(_DELAY_FIRST_S * 2 ** (job.tries - 1), _DELAY_MAX_S)
        if isinstance(error, (SQLAlchemyError, OSError, Refused)):
            _log.warning("not done", again_in_s=delay, tries=job.tries, reason=reason)
        else:
            _log.error("not done", again_in_s=delay, tries=job.tries, reason=reason, exc_info=error)
        metrics.JOBS.labels(job.kind, "postponed").inc()
        async with self._db.write() as connection:
            until = datetime.now(UTC) + timedelta(seconds=delay)
            await jobs.postpone(connection, job, reason, until)


class Refused(Exception):  # noqa: N818 - what has happened to one recording, not a mistake
    """What a job needs is there, and has not done this one; the message says why. Another try may."""


def _name(error: Exception) -> str:
    """For the table: what is known to hold no words of a caller's; of anything else only its kind."""
    known = isinstance(error, (OSError, Refused))
    return str(error) if known and str(error) else type(error).__name__
