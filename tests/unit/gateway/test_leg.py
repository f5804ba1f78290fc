from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

from gateway.sip.ended import Ended
from gateway.sip.fault import SipError
from gateway.sip.leg import Leg
from gateway.site.sound import Sound

if TYPE_CHECKING:
    from collections.abc import Callable


class Quiet:
    """A line on which nothing happens: what is tested is the leg's own bookkeeping."""

    def __getattr__(self, name: str) -> Callable[..., Any]:
        return lambda *_args: 12.34 if name == "seconds" else None


@pytest.fixture
async def leg() -> Leg:
    return Leg(Quiet(), None, lambda function: function(), asyncio.get_running_loop().create_future())


async def test_repeats_and_late_packets_of_a_key_are_one_key(leg: Leg) -> None:
    keys: list[str] = []
    leg.on_digit = keys.append
    for timestamp, key, repeat in [
        (1, "5", False),
        (1, "5", True),
        (9, "5", False),
        (1, "5", False),
        (20, "#", False),
    ]:
        leg.digit((timestamp, key), repeat=repeat)
    assert keys == ["5", "5", "#"]


@pytest.mark.parametrize(
    ("status", "ours", "by"),
    [
        (200, False, "caller"),
        (487, False, "caller"),
        (408, False, "lost"),
        (503, False, "lost"),
        (200, True, "gateway"),
    ],
)
async def test_who_hung_up(leg: Leg, status: int, ours: bool, by: str) -> None:
    ended: list[Ended] = []
    leg.on_ended = ended.append
    if ours:
        leg.hang_up()
    leg.disconnected(
        status, "because", "SIP/2.0 503 Busy\r\nRetry-After: 17\r\n\r\n" if status == 503 else ""
    )
    assert ended == [Ended(by, status, "because", 12.34, "17" if status == 503 else "")]
    assert leg.ended == ended[0]


async def test_an_ended_leg_plays_and_presses_nothing(leg: Leg) -> None:
    leg.disconnected(200, "OK", "")
    assert leg.play(Sound(bytes(2))) == 0
    leg.press("1")
    leg.hang_up()


async def test_an_ended_leg_is_neither_answered_nor_refused() -> None:
    """Its owner may come to it late, when the stack has destroyed its half."""
    line = Recorded()
    leg = Leg(line, None, lambda function: function(), asyncio.get_running_loop().create_future())
    leg.disconnected(487, "Request Terminated", "")
    with pytest.raises(SipError):
        leg.answer(None)
    with pytest.raises(SipError):
        leg.refuse(503)
    assert "respond" not in line.done


class Recorded(Quiet):
    """A line that says what was done to it."""

    def __init__(self) -> None:
        self.done: list[str] = []

    def __getattr__(self, name: str) -> Callable[..., Any]:
        self.done.append(name)
        return super().__getattr__(name)


async def test_whatever_fails_above_the_line_ends_and_its_place_is_free() -> None:
    def fail(_ended: Ended) -> None:
        raise OSError(28, "No space left on device")

    line, gone = Recorded(), []
    leg = Leg(line, None, lambda function: function(), asyncio.get_running_loop().create_future())
    leg.on_ended, leg.on_gone = fail, lambda: gone.append(True)
    leg.disconnected(200, "OK", "")
    leg.disconnected(480, "again", "")  # told twice, it ends once
    assert line.done.count("bury") == 1
    assert gone == [True]
    assert leg.ended is not None
    assert leg.ended.status == 200


async def test_a_callback_that_fails_costs_no_other(leg: Leg) -> None:
    keys: list[str] = []

    def fail() -> None:
        raise KeyError("media")

    leg.on_media, leg.on_confirmed, leg.on_digit = fail, fail, keys.append
    leg.media_began()
    leg.confirmed()
    leg.digit((1, "5"), repeat=False)
    assert keys == ["5"]
