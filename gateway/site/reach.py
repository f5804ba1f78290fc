"""Waiting for a database that is away: calls never do, whatever follows them does."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

from sqlalchemy.exc import SQLAlchemyError

from gateway.site.telling import tell
from recordings.database import WrongRevision
from recordings.nodes import NodeTaken

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

log = logging.getLogger(__name__)

AWAY = (SQLAlchemyError, OSError)
"""What using a database raises while it is out of reach."""

_FIRST_DELAY_SECONDS = 0.5
_LAST_DELAY_SECONDS = 10.0


async def reach(attempt: Callable[[], Awaitable[None]]) -> None:
    """Repeat ``attempt`` until the database is there, its tables and our node are ours, at intervals of up to 10 s.

    Each failure is one line in the log.
    """
    delay = _FIRST_DELAY_SECONDS
    while True:
        try:
            return await attempt()
        except (*AWAY, WrongRevision, NodeTaken) as error:
            log.warning("tickets wait for the database, next try in %.1f s: %s", delay, tell(error))
        await asyncio.sleep(delay)
        delay = min(delay * 2, _LAST_DELAY_SECONDS)
