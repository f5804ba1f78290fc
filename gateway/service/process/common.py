"""What every process begins and waits with."""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import logging
import os
import signal
from typing import TYPE_CHECKING

from config.fault import Fault
from gateway.service.attendance import wait_for_first
from gateway.site.reach import AWAY, reach, tell
from recordings.database import WrongRevision, require_current

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator
    from pathlib import Path

    from recordings.database import Database

log = logging.getLogger(__name__)

_DATABASE_SECONDS = 5.0
_PATIENCE_SECONDS = 2.0


class AlreadyRunningError(Fault):
    """Another process of the same kind works on the same data."""


@contextlib.contextmanager
def alone(data: Path, name: str) -> Iterator[None]:
    """Hold the lock ``data/NAME.lock``; raises AlreadyRunningError naming the holder's process number."""
    with (data / f"{name}.lock").open("a+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.seek(0)
            raise AlreadyRunningError(
                f"`hotline {name}` already works on {data} (process {file.read().strip() or 'unknown'}): "
                "stop it first, or give this one its own --data. 该数据目录已有实例在运行。"
            ) from None
        file.truncate(0)
        file.write(str(os.getpid()))
        file.flush()
        yield


def stop_signal() -> asyncio.Event:
    """An event that SIGTERM and SIGINT set."""
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    return stop


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
