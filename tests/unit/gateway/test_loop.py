"""The meter of the event loop, on a loop it made."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

import pytest

from gateway.service import loop as module
from gateway.service.loop import LoopMeter

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable


def measure(work: Callable[[], Awaitable[None]]) -> LoopMeter:
    meter = LoopMeter()

    async def run() -> None:
        metering = asyncio.create_task(meter.run())
        await asyncio.sleep(0.2)
        await work()
        await asyncio.sleep(0.2)
        metering.cancel()

    with asyncio.Runner(loop_factory=meter.make_loop) as runner:
        runner.run(run())
    return meter


def test_a_callback_that_works_is_both_cost_and_delay() -> None:
    async def work() -> None:
        until = time.thread_time() + 0.3
        while time.thread_time() < until:
            pass

    meter = measure(work)
    assert 0.3 <= meter.turn_cpu_max < 0.5
    assert meter.delay_p999 >= 0.0
    assert max(meter._delays) >= 0.2


def test_a_callback_that_blocks_is_delay_but_no_cost() -> None:
    async def block() -> None:
        time.sleep(0.3)  # noqa: ASYNC251 - the fault that is measured

    meter = measure(block)
    assert meter.turn_cpu_max < 0.1
    assert max(meter._delays) >= 0.2


def test_waiting_is_neither() -> None:
    async def wait() -> None:
        await asyncio.sleep(0.5)

    meter = measure(wait)
    assert meter.turn_cpu_max < 0.1


def test_what_is_long_past_is_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 1000.0
    monkeypatch.setattr(module.time, "monotonic", lambda: now)
    meter = LoopMeter()
    meter.note_turn(0.5)
    assert meter.turn_cpu_max == 0.5
    now += module.REMEMBERED_SECONDS + 10
    assert meter.turn_cpu_max == 0.0
    for _ in range(100):
        now += 10
        meter.note_turn(0.1)
    assert meter.turn_cpu_max == pytest.approx(0.1)
