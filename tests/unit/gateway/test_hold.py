from __future__ import annotations

import asyncio

import pytest

from gateway.calls.hold import Hold


class Time:
    def __init__(self) -> None:
        self.seconds = 50.0

    def __call__(self) -> float:
        return self.seconds


async def test_holds_that_are_over_add_up_until_they_are_asked_for() -> None:
    time = Time()
    hold = Hold(time)
    assert await hold.over(60.0) == 0.0
    hold.begin()
    time.seconds += 3.0
    hold.begin()  # said twice
    time.seconds += 4.0
    hold.end()
    hold.end()
    time.seconds += 5.0
    hold.begin()
    time.seconds += 1.0
    hold.end()
    assert await hold.over(60.0) == 8.0
    assert await hold.over(60.0) == 0.0


async def test_who_waits_is_told_when_it_is_over() -> None:
    hold = Hold(Time())
    hold.begin()
    waiting = asyncio.create_task(hold.over(60.0))
    await asyncio.sleep(0)
    assert not waiting.done()
    hold.end()
    assert await waiting == 0.0


async def test_the_bound_counts_from_the_beginning_of_the_hold() -> None:
    time = Time()
    hold = Hold(time)
    hold.begin()
    time.seconds += 60.0  # the dialogue was busy
    with pytest.raises(TimeoutError):
        await hold.over(60.0)
