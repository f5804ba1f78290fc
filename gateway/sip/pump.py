"""The media pump: one timer for all calls takes caller audio out of the ring buffers."""

from __future__ import annotations

import asyncio
import logging
from contextvars import Context, copy_context
from typing import Protocol

log = logging.getLogger(__name__)

TICK_SECONDS = 0.05
_TURN_SECONDS = 0.01
"""So long members are ticked before the loop may do something else: after a standstill each has much to take."""


class Pumped(Protocol):
    """Whoever wants to be called at every tick."""

    def tick(self) -> None:
        """Take what has come since the last tick; must not block."""

    def fail(self, error: Exception) -> None:
        """A tick has failed, and no other will follow; must not raise."""


class MediaPump:
    """Calls every member's ``tick`` each 50 ms: one timer for hundreds of calls is cheaper than one each.

    Without members it sleeps.
    """

    def __init__(self) -> None:
        self._members: dict[Pumped, Context] = {}
        self._joined = asyncio.Event()

    def join(self, member: Pumped) -> None:
        """Tick this member from now on, in the context of whoever says so: its log lines carry the call's id."""
        self._members[member] = copy_context()
        self._joined.set()

    def leave(self, member: Pumped) -> None:
        """Tick it no longer."""
        self._members.pop(member, None)

    async def run(self) -> None:
        """Tick until cancelled. A late tick is not made up for: the ring buffers keep what came meanwhile."""
        loop = asyncio.get_running_loop()
        due = loop.time()
        while True:
            if not self._members:
                self._joined.clear()
                await self._joined.wait()
            turn = loop.time()
            for member, context in tuple(self._members.items()):
                if loop.time() - turn > _TURN_SECONDS:
                    await asyncio.sleep(0)
                    turn = loop.time()
                if member in self._members:
                    context.run(self._tick, member)
            due = max(due + TICK_SECONDS, loop.time())
            await asyncio.sleep(due - loop.time())

    def _tick(self, member: Pumped) -> None:
        try:
            member.tick()
        except Exception as error:  # boundary, call task: one call's trouble must not deafen the others
            log.exception("a call's audio cannot be taken any more")
            self.leave(member)
            member.fail(error)
