"""The stack's own table is full: who calls then is told to try again, and not that somebody is busy."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from acceptance.hostile.wire import Wire

from gateway.sip.pj import UserAgent

if TYPE_CHECKING:
    from gateway.sip.leg import Leg


async def test_a_caller_never_meets_the_stacks_own_486() -> None:
    agent = UserAgent(host="127.0.0.1", port=0, tcp=False)
    legs: list[Leg] = []
    agent.on_invite = legs.append
    agent.start(max_calls=2)
    port = int(agent.address.rpartition(":")[2])
    try:
        with Wire(port) as wire:
            table = 0
            while True:  # nobody answers them
                wire.send(wire.request().encode())
                await asyncio.sleep(0.05)
                if len(legs) == table:
                    break
                table = len(legs)
            assert table == 4
            answer = await asyncio.to_thread(wire.ask, wire.request())
            assert answer is not None
            assert (answer.status, answer.headers.get("Retry-After")) == (503, "1")
            wire.end(answer)
            legs[0].refuse(486)
            await legs[0].closed
    finally:
        await agent.stop()
