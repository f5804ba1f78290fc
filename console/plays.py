"""Who listens to, or reads, what just now: one play is many requests, each for a stretch. Kept in memory."""

from __future__ import annotations

import time
from typing import Final

_SAME_PLAY_S: Final = 60.0
# A browser that begins to play may ask for the start twice; a person who plays once more takes longer.
_SAME_START_S: Final = 5.0


class Plays:
    """Tells the first request of a play from those that follow it, each within ``same_s`` of the one before."""

    def __init__(self, same_s: float = _SAME_PLAY_S) -> None:
        self._same_s = same_s
        self._asked: dict[tuple[str, str], float] = {}

    def begins(self, session: str, call_id: str, *, at_start: bool) -> bool:
        """Whether this request begins a play: it asks for the start anew, or comes after a time without any."""
        now = time.monotonic()
        self._asked = {who: at for who, at in self._asked.items() if now - at < self._same_s}
        before = self._asked.get((session, call_id))
        self._asked[session, call_id] = now
        return before is None or (at_start and now - before > _SAME_START_S)
