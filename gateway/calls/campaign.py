"""When calls are placed, and when one that did not come about is tried again. Pure: the time is brought."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from recordings.callouts import Pace
from recordings.calloutwords import Result
from tickets.number import CITY_TIME

if TYPE_CHECKING:
    from datetime import datetime

    from ivr.target import Hours

_LONGEST_SECONDS = 86400.0
_APART = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Campaign:
    """The rules of calls that we place; see `gateway.site.callback.CallbackSettings`.

    ``longest_call_seconds`` bounds a call, and with it how long a claim holds.
    """

    hours: tuple[Hours, ...]
    per_minute: int
    at_once: int
    ring_seconds: float
    busy_seconds: float
    no_answer_seconds: float
    longest_call_seconds: float

    def is_open(self, now: datetime) -> bool:
        """Whether citizens may be called at that moment."""
        here = now.astimezone(CITY_TIME)
        return any(hours.holds(here) for hours in self.hours)

    @property
    def pace(self) -> Pace:
        """How claims follow each other."""
        again = timedelta(seconds=self.no_answer_seconds)
        lease = timedelta(seconds=self.ring_seconds + self.longest_call_seconds)
        return Pace(self.per_minute, again, max(_APART, again), max(lease, again))

    def next_try(self, result: Result, tries: int, now: datetime) -> datetime:
        """When to try again after this result of the ``tries``-th try (from 1); each wait is twice the one before."""
        first = self.busy_seconds if result is Result.BUSY else self.no_answer_seconds
        return now + timedelta(seconds=min(first * 2 ** (tries - 1), _LONGEST_SECONDS))
