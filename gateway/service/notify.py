"""What the service manager is told (sd_notify(3)): ready, and alive for as long as that is true.

Outside systemd nothing is said. The watchdog is fed only when ``beats`` has grown since the last time: a
gateway's beats are counted by its SIP worker, so a worker that hangs starves the watchdog although the event
loop still turns, and an event loop that hangs feeds nothing at all.
"""

from __future__ import annotations

import asyncio
import contextlib
import faulthandler
import itertools
import os
from functools import partial
from typing import TYPE_CHECKING

from sdnotify import SystemdNotifier

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

_FEED_SECONDS = 0.5  # a hang is noticed at most so much, and a heartbeat, later than WatchdogSec
_FEEDS_A_PERIOD = 4


@contextlib.asynccontextmanager
async def serving(beats: Callable[[], int] | None = None) -> AsyncIterator[Callable[[float], None]]:
    """Say READY=1, then feed the watchdog while the block runs.

    What it yields tells that the process is stopping, and how many seconds that may take at most.

    ``beats`` counts the heartbeats of a thread that must live too; without it the event loop's own turning is
    the proof. A process that the watchdog ends (SIGABRT) first writes every thread's stack to its log.
    """
    notifier = SystemdNotifier()
    period = int(os.environ.get("WATCHDOG_USEC", "0")) / 1e6
    if period:
        faulthandler.enable(all_threads=True)
    notifier.notify("READY=1")
    if not period:
        yield partial(_stop, notifier)
        return
    pause = min(_FEED_SECONDS, period / _FEEDS_A_PERIOD)
    feeding = asyncio.create_task(_feed(notifier, beats or itertools.count().__next__, pause))
    try:
        yield partial(_stop, notifier)
    finally:
        feeding.cancel()


def _stop(notifier: SystemdNotifier, seconds: float) -> None:
    notifier.notify(f"STOPPING=1\nEXTEND_TIMEOUT_USEC={round(seconds * 1e6)}")


async def _feed(notifier: SystemdNotifier, beats: Callable[[], int], pause: float) -> None:
    counted: int | None = None
    while True:
        now = beats()
        if now != counted:
            notifier.notify("WATCHDOG=1")
            counted = now
        await asyncio.sleep(pause)
