"""A circuit breaker (Nygard, Release It!) for one destination of posts, with its rate, without I/O.

Moments are seconds of any clock that never goes back.
"""

from __future__ import annotations

import math
from typing import Final

FAILURES: Final = 3
"""So many failures with no success between them are the destination's trouble, not one ticket's: it opens."""

_PROBE_FIRST_S: Final = 0.5
_PROBE_MAX_S: Final = 15.0
_DOUBLINGS_MAX: Final = 5
_BURST_S: Final = 0.25


class Circuit:
    """Says how many posts may begin now: ``most`` under way at once, ``per_second`` begun on average (0: no limit).

    Open, after ``FAILURES`` in a row, it lets one through at a time, ever more seldom, every 15 s at the least; the
    first that is answered closes it. Told to hold (Retry-After), it lets none through until then.
    """

    def __init__(self, most: int, per_second: float = 0.0) -> None:
        self._most = most
        self._per_second = per_second
        self._burst = max(1.0, per_second * _BURST_S)
        self._tokens = self._burst
        self._counted = -math.inf  # when the tokens were
        self._under_way = 0
        self._failures = 0  # in a row
        self._probed_at = -math.inf  # open: no post begins before
        self._held_until = -math.inf  # nor before this, whatever is answered meanwhile

    @property
    def is_open(self) -> bool:
        """Whether post after post has failed."""
        return self._failures >= FAILURES

    @property
    def _closed_until(self) -> float:
        return max(self._probed_at, self._held_until)

    def room(self, now: float) -> int:
        """How many posts may begin."""
        if now < self._closed_until:
            return 0
        most = 1 if self.is_open else self._most
        room = most - self._under_way
        if self._per_second:
            self._refill(now)
            room = min(room, int(self._tokens))
        return max(room, 0)

    def opens_in(self, now: float) -> float | None:
        """After how many seconds there may be room where there is none by the clock; None when that is not why."""
        waits = self._closed_until - now
        if self._per_second:
            self._refill(now)
            waits = max(waits, (1.0 - self._tokens) / self._per_second)
        return waits if waits > 0 else None

    def begin(self, count: int) -> None:
        """So many posts begin."""
        self._under_way += count
        self._tokens -= count if self._per_second else 0

    def fail(self, now: float, dice: float, hold_s: float | None = None) -> bool:
        """A post came to nothing; ``hold_s`` is how long to leave the destination alone. Whether that opens it.

        ``dice`` (0..1) spreads the tries of several couriers.
        """
        self._under_way -= 1
        self._failures += 1
        if self.is_open:
            doublings = min(self._failures - FAILURES, _DOUBLINGS_MAX)
            pause = min(math.ldexp(_PROBE_FIRST_S, doublings), _PROBE_MAX_S)
            self._probed_at = max(self._probed_at, now + pause * (1 + dice) / 2)
        if hold_s is not None:
            self._held_until = max(self._held_until, now + hold_s)
        return self._failures == FAILURES

    def answer(self) -> bool:
        """A post was answered, with whatever; whether that closes an open circuit."""
        self._under_way -= 1
        was_open = self.is_open
        self._failures = 0
        if was_open:
            self._probed_at = -math.inf
        return was_open

    def _refill(self, now: float) -> None:
        if self._counted == -math.inf:
            self._counted = now
        gained = max(now - self._counted, 0.0) * self._per_second
        self._tokens = min(self._tokens + gained, self._burst)
        self._counted = now
