"""Which of the keys that a phone tells are presses: RFC 4733 tells one many times, and some phones also by INFO."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import Literal

Way = Literal["rtp", "info"]
"""How a key was told: as an RFC 4733 telephone event, or by SIP INFO."""

_ONE_TONE_SECONDS = (
    1.0  # between a tone's end and the INFO of the same key, which may have been sent again once
)
_RECENT_EVENTS = 8
_MOST_A_SECOND = (
    20  # a phone dials 12 at most (ITU-T Q.24); what tells more is no phone, and must not busy us
)


@dataclass(slots=True)
class _Press:
    """A press that was told one way: ``at`` is when it was told last."""

    key: str
    way: Way
    at: float


class Keys:
    """The keys of one leg. Time is a parameter: seconds of any clock that only goes forward."""

    def __init__(self) -> None:
        self._events: list[tuple[int, str]] = []  # RFC 4733 events (timestamp, key) told of late
        self._alone: list[_Press] = []  # presses told one way so far
        self._tone: _Press | None = None
        self._counted: deque[float] = deque(maxlen=_MOST_A_SECOND)  # when the last presses were counted

    def begin(self, timestamp: int, key: str, at: float) -> bool:
        """An RFC 4733 event has begun, or a packet of an old one looks like it; whether it is another press."""
        if (timestamp, key) in self._events:  # a re-INVITE has made a new stream in the middle of the tone
            return False
        self._events = [*self._events[1 - _RECENT_EVENTS :], (timestamp, key)]
        self._tone = _Press(key, "rtp", at)
        return self._is_new(self._tone)

    def go_on(self, at: float) -> None:
        """The tone that began last still sounds."""
        if self._tone is not None:
            self._tone.at = at

    def told(self, key: str, at: float) -> bool:
        """A key came by INFO; whether it is another press."""
        return self._is_new(_Press(key, "info", at))

    def _is_new(self, press: _Press) -> bool:
        """Whether nobody has told of this press the other way; a press is paired with one of the other way at most."""
        self._alone = [one for one in self._alone if press.at - one.at <= _ONE_TONE_SECONDS]
        for one in self._alone:
            if one.key == press.key and one.way != press.way:
                self._alone.remove(one)
                return False
        if len(self._counted) == _MOST_A_SECOND and press.at - self._counted[0] < 1.0:
            return False
        self._counted.append(press.at)
        self._alone.append(press)
        return True
