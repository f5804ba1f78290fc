"""The media pump: it ticks its members, and costs nothing without any."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from gateway.service.loop import LoopMeter
from gateway.sip.pump import TICK_SECONDS, MediaPump

if TYPE_CHECKING:
    import pytest


class Member:
    def __init__(self, pump: MediaPump, ticks: int) -> None:
        self._pump, self._ticks = pump, ticks
        self.ticked = 0
        self.over = asyncio.Event()
        pump.join(self)

    def tick(self) -> None:
        self.ticked += 1
        if self.ticked == self._ticks:
            self._pump.leave(self)
            self.over.set()

    def fail(self, error: Exception) -> None:
        raise error


def test_a_pump_ticks_its_members_and_sleeps_without_any(monkeypatch: pytest.MonkeyPatch) -> None:
    meter, turns = LoopMeter(), 0

    def count(_seconds: float) -> None:
        nonlocal turns
        turns += 1

    monkeypatch.setattr(meter, "note_turn", count)

    async def run() -> None:
        pump = MediaPump()
        pumping = asyncio.create_task(pump.run())
        for _ in range(2):
            before = turns
            await asyncio.sleep(10 * TICK_SECONDS)
            assert turns - before < 5, "it turns without a member"
            member = Member(pump, 3)
            async with asyncio.timeout(5):
                await member.over.wait()
        pumping.cancel()
        await asyncio.wait([pumping])

    with asyncio.Runner(loop_factory=meter.make_loop) as runner:
        runner.run(run())
