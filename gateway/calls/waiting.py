"""What has happened in a call and waits to be taken by its dialogue."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Final

from ivr.events import Event

if TYPE_CHECKING:
    from ivr.events import Digit

log = logging.getLogger(__name__)

MOST_AHEAD: Final = 40
"""So many things may wait when another key comes: more than anybody dials ahead of what he is asked."""


class Waiting(asyncio.Queue[Event | BaseException | None]):
    """In order; an exception breaks the call off, None asks to look again whether the line is held.

    Keys alone come as often as the other side likes: while too much waits they are lost, and the log says so once.
    """

    def __init__(self) -> None:
        super().__init__()
        self._told = False

    def press(self, digit: Digit) -> None:
        """A key has come."""
        if self.qsize() < MOST_AHEAD:
            self.put_nowait(digit)
        elif not self._told:
            self._told = True
            log.warning("keys come faster than the dialogue can take them: some are lost")
