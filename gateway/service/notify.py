"""What whoever started the process is told (sd_notify(3)): ready, and alive for as long as that is true.

That is systemd, or `hotline up`; without either nothing is said. The watchdog is fed only when all of ``beats`` have
grown since the last time: a gateway's are counted by its SIP worker and by its audio clock, so either that hangs
starves the watchdog although the event loop still turns, and an event loop that hangs feeds nothing at all.
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
    from collections.abc import AsyncIterator, Callable, Iterator

_FEED_SECONDS = 0.5  # a hang is noticed at most so much, and a heartbeat, later than WatchdogSec
_FEEDS_A_PERIOD = 4
_CLOSE_SECONDS = 30.0  # at most, from the last feeding to the end of the process


@contextlib.asynccontextmanager
async def serving(
    beats: Callable[[], tuple[int, ...]] | None = None,
) -> AsyncIterator[Callable[[float], None]]:
    """Say READY=1, then feed the watchdog while the block runs.

    What it yields tells that the process is stopping, and how many seconds that may take at most.

    ``beats`` counts the heartbeats of threads that must live too; without it the event loop's own turning is
    the proof. A process that the watchdog ends (SIGABRT) first writes every thread's stack to its log.
    """
    notifier = SystemdNotifier()
    if notifier.socket is not None:
        notifier.socket.settimeout(0)  # a manager that does not listen just now must not stop the loop
    period = int(os.environ.get("WATCHDOG_USEC", "0")) / 1e6
    if period:
        faulthandler.enable(all_threads=True)
    notifier.notify("READY=1")
    if not period:
        yield partial(_stop, notifier)
        return
    pause = min(_FEED_SECONDS, period / _FEEDS_A_PERIOD)
    feeding = asyncio.create_task(_feed(notifier, beats or partial(_count, itertools.count()), pause))
    try:
        yield partial(_stop, notifier)
    finally:
        feeding.cancel()
        _stop(notifier, _CLOSE_SECONDS)


def _count(turns: Iterator[int]) -> tuple[int, ...]:
    return (next(turns),)


def _stop(notifier: SystemdNotifier, seconds: float) -> None:
    notifier.notify(f"STOPPING=1\nEXTEND_TIMEOUT_USEC={round(seconds * 1e6)}")


async def _feed(notifier: SystemdNotifier, beats: Callable[[], tuple[int, ...]], pause: float) -> None:
    counted: tuple[int, ...] = ()
    while True:
        now = beats()
        if not counted or all(one > before for one, before in zip(now, counted, strict=True)):
            notifier.notify("WATCHDOG=1")
            counted = now
        await asyncio.sleep(pause)
