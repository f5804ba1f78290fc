"""Who listens to what just now: one play is many requests, each for a stretch of the sound. Kept in memory."""

from __future__ import annotations

import time
from typing import Final

_SAME_PLAY_S: Final = 60.0


class Plays:
    """Tells the first request of a play from those that follow it."""

    def __init__(self) -> None:
        self._heard: dict[tuple[str, str], float] = {}

    def begins(self, session: str, call_id: str, *, at_start: bool) -> bool:
        """Whether this request begins a play: it asks for the start, or comes after a minute without any."""
        now = time.monotonic()
        self._heard = {who: at for who, at in self._heard.items() if now - at < _SAME_PLAY_S}
        known = (session, call_id) in self._heard
        self._heard[session, call_id] = now
        return at_start or not known
