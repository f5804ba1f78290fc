"""The loop of a worker's job: work, pause, again; while what it needs is away, ever more seldom; until told to stop."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import structlog
from sqlalchemy.exc import SQLAlchemyError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

AWAY: Final[tuple[type[Exception], ...]] = (SQLAlchemyError, OSError)
"""What a database raises, or a disk, that is not there just now."""

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Backoff:
    """How long a job waits after trouble, in seconds: ``first``, then twice as long each time, ``longest`` at most."""

    first: float
    longest: float


async def keep_at(
    work: Callable[[], Awaitable[float]],
    stop: asyncio.Event,
    backoff: Backoff,
    waits: str,
    away: tuple[type[Exception], ...] = AWAY,
) -> None:
    """Do ``work`` again and again until ``stop`` is set; it returns after how many seconds it wants to be done again.

    An error of ``away`` is waited out, and logged with ``waits``, which says what is waiting; any other ends the job.
    Work that is under way when ``stop`` is set is cancelled, and has ended when this returns: a database closed under
    a running query would hold the process.
    """
    stopping = asyncio.create_task(stop.wait())
    delay = backoff.first
    try:
        while not stop.is_set():
            working = asyncio.ensure_future(work())
            try:
                await asyncio.wait({working, stopping}, return_when=asyncio.FIRST_COMPLETED)
                if not working.done():
                    return
                pause, delay = working.result(), backoff.first
            except away as error:
                _log.warning(waits, again_in_s=delay, reason=describe(error))
                pause, delay = delay, min(delay * 2, backoff.longest)
            finally:
                working.cancel()
                await asyncio.wait({working})
            await asyncio.wait({stopping}, timeout=pause)
    finally:
        stopping.cancel()


def describe(error: Exception) -> str:
    """What an error says; of the database only its kind, for the driver's own words may quote a value."""
    return type(error).__name__ if isinstance(error, SQLAlchemyError) else str(error)
