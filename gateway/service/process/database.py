"""What the processes that need the database begin and wait with."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

from gateway.service.attendance import wait_for_first
from gateway.site.reach import AWAY, reach
from gateway.site.telling import tell
from recordings.database import WrongRevision, require_current

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from recordings.database import Database

log = logging.getLogger(__name__)

_DATABASE_SECONDS = 5.0
_PATIENCE_SECONDS = 2.0


async def claim_if_there(claim: Callable[[], Awaitable[None]]) -> bool:
    """Claim, if the database is there and has our tables; that it is not is no reason not to start.

    Raises NodeTaken.
    """
    try:
        async with asyncio.timeout(_DATABASE_SECONDS):
            await claim()
    except AWAY as error:
        log.warning("database out of reach, going on without it: %s", tell(error))
        return False
    except WrongRevision as error:
        log.warning("the database has other tables than ours, going on without it: %s", tell(error))
        return False
    return True


async def reach_until(attempt: Callable[[], Awaitable[None]], stop: asyncio.Event) -> bool:
    """Repeat ``attempt`` until the database is there with our tables; False when ``stop`` is set before."""
    reaching = asyncio.create_task(reach(attempt))
    await wait_for_first(stop, [reaching])
    if not reaching.done():
        reaching.cancel()
        await asyncio.wait([reaching])
        return False
    await reaching
    return True


async def look_at_database(db: Database) -> tuple[list[str], list[str]]:
    """What is wrong with the tables, and whether the database is away, each in plain words or not at all."""
    try:
        async with asyncio.timeout(_PATIENCE_SECONDS):
            await require_current(db)
    except WrongRevision as error:
        return [str(error)], []
    except AWAY as error:
        return [], [f"the database is out of reach ({type(error).__name__})"]
    return [], []
