"""What a call asks of tickets, beside its dialogue: the answer comes soon, or says that nobody could be asked."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import replace
from typing import TYPE_CHECKING

from ivr import actions
from ivr.events import Informed
from recordings import entries

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from gateway.calls.beside import Beside
    from gateway.calls.scribe import Scribe

log = logging.getLogger(__name__)

_LONGEST = 0.3  # seconds that a caller waits for a database


async def nobody_knows(asked: actions.Inquire) -> Informed:
    """Where there is nobody to ask."""
    return Informed(0.0, asked.id, "away")


class Inquiring:
    """The questions of one call; ``ask`` answers them, however long that takes."""

    def __init__(
        self,
        ask: Callable[[actions.Inquire], Awaitable[Informed]],
        scribe: Scribe,
        beside: Beside,
        tell: Callable[[Informed], None],
        now: Callable[[], float],
    ) -> None:
        self._ask, self._scribe, self._beside, self._tell, self._now = ask, scribe, beside, tell, now

    def perform(self, action: actions.Inquire | actions.Rate) -> None:
        """Do it, and come back at once."""
        if isinstance(action, actions.Rate):
            self._scribe.note(entries.Rated(action.ticket, action.rating))
        else:
            self._beside.do(self._inquire(action))

    async def _inquire(self, action: actions.Inquire) -> None:
        asking = asyncio.ensure_future(self._ask(action))
        answer = Informed(0.0, action.id, "away")
        await asyncio.wait({asking}, timeout=_LONGEST)
        if not asking.done():
            asking.cancel()  # and not waited for: a driver may take its time for that, too
            log.warning("nobody could be asked about a ticket within %g s", _LONGEST)
        elif (error := asking.exception()) is not None:
            log.warning("nobody could be asked about a ticket: %s", type(error).__name__)
        else:
            answer = asking.result()
        self._tell(replace(answer, at=self._now(), of=action.of))
