"""The decoding threads, and whose turn it is: the most urgent first, those alike one after the other, in rounds.

Among those alike, who is to get a final goes first: he has said what he had to say, and waits. What the others have
said can be decoded as long as they speak on; but nobody is passed over for long.

Recordings have threads of their own, which everything else on the machine goes before: whoever speaks live waits for
none of their work, however long the recogniser takes for it (a new one 0.5 s for its first 0.2 s of audio, with an
official model).
"""

from __future__ import annotations

import asyncio
import os
import threading
import time
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, TypeVar

from asr.protocol import PURPOSES

if TYPE_CHECKING:
    from collections.abc import Callable

    from asr.protocol import Purpose

_T = TypeVar("_T")
_Place = tuple["asyncio.Future[None]", "Callable[[], bool]", float]  # is it the last; when it was asked for

_NICER = 5  # than the event loop's thread, which must refuse in time while every core decodes
_PATIENCE_SECONDS = 2.0  # of a piece of a recording; and of who is passed over for others' finals
_NICER_LATE = 15  # beside a thread for who speaks live, one for a recording gets a tenth of a core


class Turns:
    """Runs short pieces of work on THREADS threads, those of recordings on others. For one event loop.

    A recording's work begins while fewer than half of them are at work for who speaks live, and leaves one to him; what
    has waited for long, as soon as one of them has nothing to do.
    """

    def __init__(self, threads: int) -> None:
        self.threads = threads
        self._most_late = max(1, threads - 1)
        self._live = ThreadPoolExecutor(threads, "decode", _yield_to_others, (_NICER,))
        self._late = ThreadPoolExecutor(self._most_late, "decode-late", _yield_to_others, (_NICER_LATE,))
        self._working = dict.fromkeys(PURPOSES, 0)
        self._waiting: dict[Purpose, deque[_Place]] = {p: deque() for p in PURPOSES}
        # When work that is not done was asked for, the first first.
        self._asked: dict[Purpose, dict[object, float]] = {p: {} for p in PURPOSES}

    @property
    def waiting(self) -> int:
        """Pieces of work that wait for a thread."""
        return sum(map(len, self._waiting.values()))

    def delay(self, purpose: Purpose) -> float:
        """For how many seconds the work for PURPOSE that was asked for first has not been done."""
        for at in self._asked[purpose].values():
            return time.monotonic() - at
        return 0.0

    async def take(
        self, purpose: Purpose, work: Callable[[], _T], is_last: Callable[[], bool] = lambda: False
    ) -> _T:
        """Do WORK once it is its turn; what it raises comes back. IS_LAST, asked meanwhile: it leads to a final."""
        asked = object()
        self._asked[purpose][asked] = time.monotonic()
        try:
            await self._take_place(purpose, is_last)
        except asyncio.CancelledError:
            del self._asked[purpose][asked]
            raise

        def pass_on(_turn: object) -> None:
            del self._asked[purpose][asked]
            self._pass_on(purpose)

        # A turn that nobody waits for any more goes on all the same, and holds its thread to its end.
        pool = self._late if purpose == "late" else self._live
        turn = asyncio.get_running_loop().run_in_executor(pool, work)
        turn.add_done_callback(pass_on)
        return await asyncio.shield(turn)

    def close(self) -> None:
        """Let the threads end, once what they do is done."""
        self._live.shutdown()
        self._late.shutdown()

    async def _take_place(self, purpose: Purpose, is_last: Callable[[], bool]) -> None:
        if self._is_free(purpose):
            self._working[purpose] += 1
            return
        future = asyncio.get_running_loop().create_future()
        place = future, is_last, time.monotonic()
        self._waiting[purpose].append(place)
        try:
            await future
        except asyncio.CancelledError:
            if future.done() and not future.cancelled():
                self._pass_on(purpose)
            elif place in self._waiting[purpose]:  # else it was passed over already
                self._waiting[purpose].remove(place)
            raise

    def _is_free(self, purpose: Purpose) -> bool:
        late, all_ = self._working["late"], sum(self._working.values())
        if purpose == "late":
            live = all_ - late
            most = self.threads if self.delay("late") > _PATIENCE_SECONDS else max(1, self.threads // 2)
            return late < self._most_late and live < most and all_ < self.threads
        return all_ - late < self.threads

    def _pass_on(self, done: Purpose) -> None:
        """A thread is free: its next work is that of the first who waits."""
        self._working[done] -= 1
        for purpose, queue in self._waiting.items():
            while queue and self._is_free(purpose):
                chosen = _choose(queue)
                queue.remove(chosen)
                future, *_ = chosen
                if not future.done():
                    self._working[purpose] += 1
                    future.set_result(None)


def _choose(queue: deque[_Place]) -> _Place:
    """The first who is to get a final; the first of all when there is none, or when he has waited for long."""
    first = queue[0]
    if time.monotonic() - first[2] > _PATIENCE_SECONDS:
        return first
    return next((one for one in queue if one[1]()), first)


def _yield_to_others(nicer: int) -> None:
    """Thread, at its start: run after this process's other threads, and wake up at nobody's cost (sched(7)).

    Both are a thread's own on Linux.
    """
    thread = threading.get_native_id()
    os.sched_setscheduler(thread, os.SCHED_BATCH, os.sched_param(0))
    os.setpriority(os.PRIO_PROCESS, thread, os.getpriority(os.PRIO_PROCESS, thread) + nicer)
