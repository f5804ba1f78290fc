"""Watching over the tasks that a process cannot work without, so that what restarts it gets to."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

from config.fault import Fault

if TYPE_CHECKING:
    from collections.abc import Collection

log = logging.getLogger(__name__)


class BreakdownError(Fault):
    """A task the process cannot work without has ended by itself; the message says which."""


async def attend(stop: asyncio.Event, tasks: Collection[asyncio.Task[None]]) -> None:
    """Wait until ``stop`` is set; raises BreakdownError when one of ``tasks`` ends before. The log says why."""
    await wait_for_first(stop, tasks)
    if not stop.is_set():
        raise BreakdownError(" ".join(tell_end(task) for task in tasks if task.done()))


async def wait_for_first(stop: asyncio.Event, tasks: Collection[asyncio.Task[None]]) -> None:
    """Wait until ``stop`` is set or one of ``tasks`` has ended."""
    stopping = asyncio.create_task(stop.wait())
    try:
        await asyncio.wait({stopping, *tasks}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        stopping.cancel()


def tell_end(task: asyncio.Task[None]) -> str:
    """Log that ``task`` has ended when it should not have, and why; the line without the traceback."""
    told = f"{task.get_name()} ended unexpectedly, and this process with it"
    log.critical(told, exc_info=None if task.cancelled() else task.exception())
    return told
