"""A caller who has put the line on hold (RFC 3264, 8.4): how long, and until when."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


class Hold:
    """The holds of one call. ``time`` is a clock in seconds that only goes forward."""

    def __init__(self, time: Callable[[], float]) -> None:
        self._time = time
        self._since: float | None = None
        self._seconds = 0.0
        self._over = asyncio.Event()
        self._over.set()

    def begin(self) -> None:
        """The caller holds the line."""
        if self._since is None:
            self._since = self._time()
            self._over.clear()

    def end(self) -> None:
        """He is back, or the call is over."""
        if self._since is not None:
            self._seconds += self._time() - self._since
            self._since = None
            self._over.set()

    async def over(self, longest: float) -> float:
        """Wait until he is back; how many seconds on hold have ended since this was asked last.

        Raises TimeoutError when the hold lasts longer than ``longest`` seconds in all.
        """
        if self._since is not None:
            async with asyncio.timeout(self._since + longest - self._time()):
                await self._over.wait()
        seconds, self._seconds = self._seconds, 0.0
        return seconds
