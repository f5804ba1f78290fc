"""Whom a call can be passed on to: the targets of a line, by the reason for which somebody is to be reached."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from datetime import date, datetime, time

    from config.calendar import CalendarDays

Kind = Literal["queue", "personal"]
"""A queue of an exchange answers when an agent does; a personal telephone may be answered by its voicemail."""

Transfer = Literal["warm", "cold"]
"""``warm``: the gateway calls the target, and stays in between; ``cold``: the caller's own side is asked to call it."""

Keeper = Literal["ours", "theirs"]
"""Whose ticket it becomes once an agent has talked with the caller."""

THIRD = "third"
"""The reason of those whom a target may bring in while it talks with the caller."""

TALKED_SECONDS = 10.0
"""A talk with an agent that lasted so long, and was not cut off, has settled where the matter is now."""


@dataclass(frozen=True, slots=True)
class Hours:
    """A stretch of ``days``, ISO weekdays (1 is Monday) or a calendar's, from ``begin`` until before ``end``.

    Its times are the city's.
    One whose end is not after its beginning goes on past midnight, until that time of the next day.
    """

    days: frozenset[int] | CalendarDays
    begin: time
    end: time

    def holds(self, moment: datetime) -> bool:
        """Whether the moment, a time of the city, lies in it."""
        now, day = moment.time(), moment.date()
        if self.begin < self.end:
            return self.begin <= now < self.end and self._are_of(day)
        before = day - timedelta(days=1)
        return (now >= self.begin and self._are_of(day)) or (now < self.end and self._are_of(before))

    def _are_of(self, day: date) -> bool:
        return day.isoweekday() in self.days if isinstance(self.days, frozenset) else day in self.days


@dataclass(frozen=True, slots=True)
class Target:
    """Somebody who can be called: ``name`` is said to the caller, and recorded.

    ``uri`` is its SIP address, ``trunk`` the name of the trunk it is called by, "" for the open door. Without ``hours``
    the target is always open. ``ring_seconds`` is how long one that does not answer is rung. ``keys`` says that the
    caller's keys are relayed, since an exchange may ask for them. ``call_id_header`` is the name of the header by which
    its answer or its hang-up tells the id that the call has in its own system, "" when none does. ``early_media`` says
    that what its side sends before the answer is heard by the caller, instead of the music. ``whisper`` says that it is
    told what the call is about before the two hear each other. ``transfer`` cold counts for callers who came by
    ``trunk``, all others are passed on the warm way. ``three_way`` says that it may bring in somebody of the reason
    ``third``, by keys.
    """

    name: str
    uri: str
    hours: tuple[Hours, ...] = ()
    ring_seconds: float = 30.0
    kind: Kind = "queue"
    ticket: Keeper = "ours"
    keys: bool = True
    trunk: str = ""
    call_id_header: str = ""
    early_media: bool = False
    whisper: bool = True
    transfer: Transfer = "warm"
    three_way: bool = False

    def is_open(self, moment: datetime) -> bool:
        """Whether somebody is there at that time of the city."""
        return not self.hours or any(hours.holds(moment) for hours in self.hours)
