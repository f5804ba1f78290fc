"""The decoding threads, and whose turn it is: the most urgent first, those alike one after the other, in rounds."""

from __future__ import annotations

import asyncio
import os
import threading
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, TypeVar

from asr.protocol import PURPOSES

if TYPE_CHECKING:
    from collections.abc import Callable

    from asr.protocol import Purpose

_T = TypeVar("_T")

_NICER = 5  # than the event loop's thread, which must refuse in time while every core decodes


class Turns:
    """Runs short pieces of work on THREADS threads. For one event loop."""

    def __init__(self, threads: int) -> None:
        self.threads = threads
        self._pool = ThreadPoolExecutor(threads, "decode", initializer=_yield_to_others)
        self._free = threads
        self._waiting: dict[Purpose, deque[asyncio.Future[None]]] = {p: deque() for p in PURPOSES}

    @property
    def waiting(self) -> int:
        """Pieces of work that wait for a thread."""
        return sum(map(len, self._waiting.values()))

    async def take(self, purpose: Purpose, work: Callable[[], _T]) -> _T:
        """Do WORK once it is its turn; what it raises comes back."""
        await self._take_place(purpose)
        # A turn that nobody waits for any more goes on all the same, and holds its thread to its end.
        turn = asyncio.get_running_loop().run_in_executor(self._pool, work)
        turn.add_done_callback(lambda _turn: self._pass_on())
        return await asyncio.shield(turn)

    def close(self) -> None:
        """Let the threads end, once what they do is done."""
        self._pool.shutdown()

    async def _take_place(self, purpose: Purpose) -> None:
        if self._free:
            self._free -= 1
            return
        place = asyncio.get_running_loop().create_future()
        self._waiting[purpose].append(place)
        try:
            await place
        except asyncio.CancelledError:
            if place.done() and not place.cancelled():
                self._pass_on()
            elif place in self._waiting[purpose]:  # else it was passed over already
                self._waiting[purpose].remove(place)
            raise

    def _pass_on(self) -> None:
        """A thread is free: its next work is that of the first who waits."""
        for queue in self._waiting.values():
            while queue:
                place = queue.popleft()
                if not place.done():
                    place.set_result(None)
                    return
        self._free += 1


def _yield_to_others() -> None:
    """Thread, at its start: run after this process's other threads, and wake up at nobody's cost (sched(7)).

    Both are a thread's own on Linux.
    """
    thread = threading.get_native_id()
    os.sched_setscheduler(thread, os.SCHED_BATCH, os.sched_param(0))
    os.setpriority(os.PRIO_PROCESS, thread, os.getpriority(os.PRIO_PROCESS, thread) + _NICER)
