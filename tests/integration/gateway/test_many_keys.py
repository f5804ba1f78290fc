"""Many keys in one call, in every form that phones tell them: each is taken once, in order, and none is lost."""

from __future__ import annotations

import asyncio
import contextlib
import random
import time
from typing import TYPE_CHECKING

import pytest
import pytest_asyncio
from acceptance.hostile.wire import LOOPBACK
from peers.trunk import KEYS, Trunk
from waiting import eventually

from gateway.sip.pj import UserAgent

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from gateway.sip.leg import Leg

pytestmark = pytest.mark.asyncio(
    loop_scope="module"
)  # one SIP stack a process: it lives as long as this file

LOSS = 0.05
TONE = 2  # packets of 20 ms: 40 ms, the shortest that counts (ITU-T Q.24)
ENDS = 3
INFO_SECONDS = 0.06  # between two: no phone dials faster than 20 a second


def lose(dice: random.Random, packets: int) -> set[int]:
    """What of a press gets lost, but for all of it: nobody could know of it."""
    lost = {number for number in range(packets) if dice.random() < LOSS}
    return lost if len(lost) < packets else set()


def short_tones(trunk: Trunk, key: str, dice: random.Random) -> None:
    trunk.rtp.press(key, lost=lose(dice, TONE + ENDS), updates=TONE, ends=ENDS, pause=0.02)


def without_marker(trunk: Trunk, key: str, dice: random.Random) -> None:
    lost = lose(dice, TONE + ENDS)
    trunk.rtp.press(key, lost=lost, updates=TONE, ends=ENDS, marker=False, pause=0.02)


def ends_only(trunk: Trunk, key: str, dice: random.Random) -> None:
    trunk.rtp.press(key, lost=lose(dice, ENDS), updates=0, ends=ENDS, pause=0.04)


def one_end_only(trunk: Trunk, key: str, _dice: random.Random) -> None:
    trunk.rtp.press(key, updates=0, ends=1, pause=0.08)


def relay(trunk: Trunk, key: str, _dice: random.Random) -> None:
    body = f"Signal={key}\r\nDuration=40\r\n"
    assert trunk.ask("INFO", body.encode(), "application/dtmf-relay").status == 200
    time.sleep(INFO_SECONDS)


def bare(trunk: Trunk, key: str, _dice: random.Random) -> None:
    assert trunk.ask("INFO", key.encode(), "application/dtmf").status == 200
    time.sleep(INFO_SECONDS)


FORMS: tuple[Callable[[Trunk, str, random.Random], None], ...] = (
    short_tones,
    without_marker,
    ends_only,
    one_end_only,
    relay,
    bare,
)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def agent() -> AsyncIterator[UserAgent]:
    agent = UserAgent(host=LOOPBACK, port=0, tcp=False)
    agent.on_invite = lambda _leg: None
    agent.admit = lambda _incoming: None
    agent.start(max_calls=len(FORMS))
    yield agent
    await agent.stop()


@pytest.mark.parametrize("count", [100, pytest.param(1000, marks=pytest.mark.soak)])
async def test_of_many_keys_each_is_taken_once_whatever_way_it_is_told(agent: UserAgent, count: int) -> None:
    taken: dict[str, str] = {}

    def take(leg: Leg) -> None:
        assert leg.incoming is not None
        call = leg.incoming.sip_call_id
        taken[call] = ""

        def press(key: str) -> None:
            taken[call] += key

        leg.on_digit = press
        leg.answer(None)

    agent.on_invite = take
    port = int(agent.address.rpartition(":")[2])

    def call(form: Callable[[Trunk, str, random.Random], None]) -> tuple[str, str, str]:
        """What one caller pressed, all in one call; what was taken of it."""
        dice = random.Random(form.__name__)
        pressed = "".join(dice.choices(KEYS, k=count))
        with Trunk(port) as trunk:
            assert trunk.invite().status == 200
            trunk.rtp.talk(0.2)
            for key in pressed:
                form(trunk, key, dice)
            with contextlib.suppress(AssertionError):  # which one it was, is told below
                eventually(lambda: len(taken[trunk.sip_call_id]) >= count, 5)
            trunk.rtp.talk(0.3)  # one that was told twice would be counted by now
            return form.__name__, pressed, taken[trunk.sip_call_id]

    for name, pressed, counted in await asyncio.gather(*(asyncio.to_thread(call, form) for form in FORMS)):
        assert counted == pressed, name
