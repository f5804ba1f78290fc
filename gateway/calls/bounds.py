"""How long a call may be without what a call needs: nobody's line stays up because nobody ends it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


@dataclass(frozen=True, slots=True)
class Bounds:
    """The bounds of every call, in seconds.

    ``acknowledged`` is for the ACK after the answer: after 64 * T1, 32 s, nobody may expect it any more (RFC 3261,
    13.3.1.4), and the stack itself would wait for ever. ``media`` is for audio to be agreed on once the call stands,
    ``sound`` for the caller's side to send anything at all once it is (or the line is off hold), ``longest`` for the
    whole call.
    """

    acknowledged: float = 32.0
    media: float = 5.0
    sound: float = 30.0
    longest: float = 7200.0


class Watch:
    """Watches one call. Times are seconds since its answer; no I/O, no clock of its own.

    ``has_sent`` says whether anything has come from the caller since the answer; it is asked when that is due.
    """

    def __init__(self, bounds: Bounds, has_sent: Callable[[], bool]) -> None:
        self._bounds, self._has_sent = bounds, has_sent
        self._due: dict[str, float] = {
            f"it had lasted {bounds.longest:g} s, the longest a call may": bounds.longest,
            _no_ack(bounds): bounds.acknowledged,
        }
        self._audible = self._alive = False

    @property
    def is_acknowledged(self) -> bool:
        """Whether the caller has confirmed that he was answered."""
        return _no_ack(self._bounds) not in self._due

    def confirm(self, now: float) -> None:
        """The ACK has come."""
        self._due.pop(_no_ack(self._bounds), None)
        if not self._audible:
            self._due[_no_media(self._bounds)] = now + self._bounds.media

    def stand(self, now: float, *, audible: bool) -> None:
        """The call stands already, with or without audio."""
        if audible:
            self.hear(now)
        self.confirm(now)

    def hear(self, now: float) -> None:
        """Audio is agreed on, for the first time or after a hold."""
        self._audible = True
        self._due.pop(_no_media(self._bounds), None)
        if not self._alive:
            self._due[_no_sound(self._bounds)] = now + self._bounds.sound

    def hold(self) -> None:
        """The caller holds the line, and need not send anything."""
        self._due.pop(_no_sound(self._bounds), None)

    def overdue(self, now: float) -> str:
        """Why the call must end now; "" as long as it may go on."""
        if now < min(self._due.values()):  # the longest a call may last is always among them
            return ""
        if now >= self._due.get(_no_sound(self._bounds), math.inf) and self._has_sent():
            self._alive = True
            del self._due[_no_sound(self._bounds)]
        return next((reason for reason, due in self._due.items() if now >= due), "")


def _no_ack(bounds: Bounds) -> str:
    return f"the caller's side did not acknowledge the answer within {bounds.acknowledged:g} s"


def _no_media(bounds: Bounds) -> str:
    return f"no audio was agreed on within {bounds.media:g} s"


def _no_sound(bounds: Bounds) -> str:
    return f"the caller's side sent no audio at all within {bounds.sound:g} s"
