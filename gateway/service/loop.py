"""How the gateway's event loop turns: how late it comes to what is due, and what one turn of it costs.

Calls wait for the loop with everything that is not audio: a late loop is a late answer. A turn is all that the loop
does between two looks at its sockets, so no callback costs more of the processor than the costliest turn.
"""

from __future__ import annotations

import asyncio
import selectors
import time
from collections import deque
from typing import TYPE_CHECKING, Final

from gateway.site import metrics

if TYPE_CHECKING:
    from selectors import SelectorKey

REMEMBERED_SECONDS: Final = 300.0
"""What the meter tells of: the last five minutes."""

_SAMPLE_SECONDS = 0.05
_SLOT_SECONDS = 10.0
_FEW = 0.999  # the share of samples that a delay is said to stay below


class LoopMeter:
    """Measures the loop that it makes: ``run`` it there, in a task."""

    def __init__(self) -> None:
        self._delays: deque[float] = deque(maxlen=round(REMEMBERED_SECONDS / _SAMPLE_SECONDS))
        self._costliest: deque[tuple[int, float]] = deque(maxlen=round(REMEMBERED_SECONDS / _SLOT_SECONDS))
        metrics.LOOP_DELAY_P999.set_function(lambda: self.delay_p999)
        metrics.LOOP_TURN_CPU_MAX.set_function(lambda: self.turn_cpu_max)

    def make_loop(self) -> asyncio.SelectorEventLoop:
        """A loop whose turns are measured."""
        return asyncio.SelectorEventLoop(_MeasuringSelector(self))

    @property
    def delay_p999(self) -> float:
        """Seconds of the clock by which the loop came late, 99.9 % of the time at most; 0 before the first sample."""
        ordered = sorted(self._delays)
        return ordered[int(_FEW * (len(ordered) - 1))] if ordered else 0.0

    @property
    def turn_cpu_max(self) -> float:
        """Seconds of the processor that the costliest turn has used."""
        oldest = time.monotonic() // _SLOT_SECONDS - (self._costliest.maxlen or 0)
        return max((cost for slot, cost in self._costliest if slot > oldest), default=0.0)

    def note_turn(self, seconds: float) -> None:
        """A turn has used the processor for so long."""
        slot = int(time.monotonic() // _SLOT_SECONDS)
        if not self._costliest or self._costliest[-1][0] != slot:
            self._costliest.append((slot, seconds))
        elif seconds > self._costliest[-1][1]:
            self._costliest[-1] = slot, seconds

    async def run(self) -> None:
        """Sample the delay until cancelled, twenty times a second; what the start has cost is forgotten."""
        self._costliest.clear()
        loop = asyncio.get_running_loop()
        self._wait(loop)
        try:
            await loop.create_future()  # nobody sets it
        finally:
            self._timer.cancel()

    def _wait(self, loop: asyncio.AbstractEventLoop) -> None:
        # A timer alone costs one turn a sample, a sleep would cost two.
        self._timer = loop.call_later(_SAMPLE_SECONDS, self._sample, loop)

    def _sample(self, loop: asyncio.AbstractEventLoop) -> None:
        delay = max(0.0, loop.time() - self._timer.when())
        self._wait(loop)
        self._delays.append(delay)
        metrics.LOOP_DELAY.observe(delay)


class _MeasuringSelector(selectors.DefaultSelector):
    """Where the loop waits: each turn ends as it comes here, and the next begins as it leaves."""

    def __init__(self, meter: LoopMeter) -> None:
        super().__init__()
        self._meter = meter
        self._began = time.thread_time()

    def select(self, timeout: float | None = None) -> list[tuple[SelectorKey, int]]:
        self._meter.note_turn(time.thread_time() - self._began)
        ready = super().select(timeout)
        self._began = time.thread_time()
        return ready
