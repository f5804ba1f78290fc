"""The media pump: it ticks its members, and costs nothing without any."""

from __future__ import annotations

import asyncio
import time
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


class Laborious:
    """A member with so much to take that a round of many would keep the loop for a second."""

    def __init__(self, done: list[str], over: asyncio.Event) -> None:
        self._done, self._over = done, over

    def tick(self) -> None:
        time.sleep(0.02)
        self._done.append("audio")
        if self._done.count("audio") == 50:
            self._over.set()

    def fail(self, error: Exception) -> None:
        raise error


async def test_after_a_standstill_the_loop_does_other_things_between_the_calls_audio() -> None:
    pump, done, over = MediaPump(), list[str](), asyncio.Event()
    members = [Laborious(done, over) for _ in range(50)]
    for member in members:
        pump.join(member)
    gone = members[30]

    async def work() -> None:
        while not over.is_set():
            done.append("other")
            pump.leave(gone)  # a call that ends in the middle of the round
            await asyncio.sleep(0)

    pumping = asyncio.create_task(pump.run())
    async with asyncio.timeout(30):
        await work()
    pumping.cancel()
    await asyncio.wait([pumping])
    first_round = done[: [i for i, what in enumerate(done) if what == "audio"][48] + 1]
    assert first_round.count("other") >= 40
