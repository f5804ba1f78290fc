"""Three-way: while caller and target talk, the target may bring in somebody third, and let him go again, by keys."""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING, Final

from gateway.calls.attempt import Attempt
from gateway.sip.fault import SipError
from ivr.actions import Prompt
from ivr.target import THIRD
from tickets.number import CITY_TIME

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from gateway.calls.attempt import Wish
    from gateway.calls.outgoing import Outgoing
    from gateway.calls.target_line import By

log = logging.getLogger(__name__)

KEYS: Final = "*3"
_NOBODY: Final = Prompt("third_refused")


@dataclass(frozen=True, slots=True)
class Bounds:
    """How long, in seconds, a target's line may send nothing at all, and how long either side may be on hold."""

    silence: float
    hold: float


class Third:
    """Watches the keys of who talks with the caller as soon as it is made. Whoever makes one closes it.

    The keys call those of the reason ``third``, one after the other; caller and target talk on meanwhile, and the three
    hear each other once somebody has come. The same keys again let him go, or give it up. Who hangs up leaves the other
    two talking. ``on_change`` is called when he has come, and when he has gone.
    """

    def __init__(
        self, wish: Wish, outgoing: Outgoing, bounds: Bounds, host: Attempt, on_change: Callable[[], None]
    ) -> None:
        self._wish, self._outgoing = replace(wish, reason=THIRD), outgoing
        self._bounds, self._host, self._on_change = bounds, host, on_change
        self.attempt: Attempt | None = None
        """Who is there with the two, None while nobody is."""
        self._bringing: asyncio.Task[None] | None = None
        self._watching = asyncio.create_task(self._watch())

    async def stay(self) -> None:
        """The one who brought him in has left; wait until he has, too."""
        if self._bringing is not None:
            await asyncio.wait((self._bringing,))

    async def close(self, by: By) -> None:
        """End whatever there is; raises what has kept it from going on, JournalError above all."""
        if self.attempt is not None:
            self.attempt.line.hang_up(by)
        tasks = [task for task in (self._watching, self._bringing) if task is not None]
        for task in tasks:
            task.cancel()
        for outcome in await asyncio.gather(*tasks, return_exceptions=True):
            if isinstance(outcome, Exception):
                raise outcome

    async def _watch(self) -> None:
        while await self._host.line.presses_in_turn(KEYS):
            if self._bringing is None or self._bringing.done():
                self._bringing = asyncio.create_task(self._bring())
            else:
                self._bringing.cancel()

    async def _bring(self) -> None:
        for attempt in self._call():
            try:
                attempt.note()
                if await attempt.is_taken():
                    attempt.join()
                    self.attempt = attempt
                    self._join(attempt)
                    await attempt.line.talks(self._bounds.silence, self._bounds.hold)
                    return
            finally:
                self.attempt = None
                attempt.close()
                self._on_change()
        told = await self._wish.party.render(_NOBODY)
        if told is not None and self._host.line.leg.ended is None:
            with suppress(SipError):  # it has just ended
                self._host.line.leg.play(told)

    def _call(self) -> Iterator[Attempt]:
        """Call one after the other of those who are there at this time of the day."""
        for target in self._wish.errand.hotline.targets.get(THIRD, ()):
            if target.is_open(datetime.now(CITY_TIME)):
                try:
                    yield Attempt(self._wish, target, self._outgoing)
                except SipError as error:
                    why = str(error).replace(target.uri, target.name)
                    log.warning("a third cannot be called: %s", why, extra={"target": target.name})

    def _join(self, attempt: Attempt) -> None:
        """All three hear each other; whoever was entertained with music meanwhile hears no more of it."""
        for leg in (self._wish.party.leg, self._host.line.leg):
            leg.stop_playing()
            leg.partners.join(attempt.line.leg)
        self._on_change()
