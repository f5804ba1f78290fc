from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from recordings.grouping import Group

if TYPE_CHECKING:
    from collections.abc import Sequence


class Inverse:
    """Answers 1/n; remembers how it was asked, and takes its time."""

    def __init__(self) -> None:
        self.batches: list[list[int]] = []
        self.asked, self.go = asyncio.Event(), asyncio.Event()

    async def serve(self, requests: Sequence[int]) -> list[float]:
        self.batches.append(list(requests))
        self.asked.set()
        await self.go.wait()
        return [1 / n for n in requests]


async def test_who_asks_meanwhile_is_served_together():
    inverse = Inverse()
    group = Group(inverse.serve, largest=3)
    asked = [asyncio.create_task(group.ask(1))]
    await inverse.asked.wait()
    asked += [asyncio.create_task(group.ask(n)) for n in (2, 4, 5, 8)]
    await asyncio.sleep(0)
    inverse.go.set()
    assert await asyncio.gather(*asked) == [1.0, 0.5, 0.25, 0.2, 0.125]
    assert inverse.batches == [[1], [2, 4, 5], [8]]
    assert await group.ask(10) == 0.1


async def test_a_bad_request_fails_alone():
    inverse = Inverse()
    inverse.go.set()
    group = Group(inverse.serve)
    answers = await asyncio.gather(*(group.ask(n) for n in (1, 0, 2)), return_exceptions=True)
    assert isinstance(answers[1], ZeroDivisionError)
    assert [answers[0], answers[2]] == [1.0, 0.5]


async def test_who_has_gone_holds_nobody_up():
    inverse = Inverse()
    group = Group(inverse.serve)
    first, second = asyncio.create_task(group.ask(1)), asyncio.create_task(group.ask(2))
    await inverse.asked.wait()
    first.cancel()
    inverse.go.set()
    assert await second == 0.5
    with pytest.raises(asyncio.CancelledError):
        await first


async def test_nothing_is_served_any_more_once_it_is_closed():
    begun, ended = asyncio.Event(), []

    async def serve(requests: Sequence[int]) -> list[int]:
        begun.set()
        try:
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(0.05)  # a rollback
            ended.append(list(requests))
        return list(requests)

    group = Group(serve, largest=1)
    gone, waiting, next_one = [asyncio.create_task(group.ask(n)) for n in (1, 2, 3)]
    await begun.wait()
    gone.cancel()
    await group.close()
    assert ended == [[1]]
    for asked in (gone, waiting, next_one):
        with pytest.raises(asyncio.CancelledError):
            await asked
    await group.close()


async def test_whoever_has_gone_before_his_turn_is_not_served():
    inverse = Inverse()
    group = Group(inverse.serve, largest=1)
    first, second, third = [asyncio.create_task(group.ask(n)) for n in (1, 2, 4)]
    await inverse.asked.wait()
    second.cancel()
    inverse.go.set()
    assert (await first, await third) == (1.0, 0.25)
    assert inverse.batches == [[1], [4]]
