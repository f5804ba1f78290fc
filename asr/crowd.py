"""The streams open now, as they bear on each other: who is let in, and who is let go."""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING, Protocol

from asr import metrics
from asr.admission import Admission
from asr.protocol import PURPOSES

if TYPE_CHECKING:
    from asr.protocol import Purpose
    from asr.turns import Turns

_log = logging.getLogger(__name__)

_SPEAKING_SECONDS = 1.0  # who has been silent for longer does not speak
_TOLD_SECONDS = 10.0  # between two lines of log about refusals
_RELIEF_SECONDS = 1.0  # after one stream is let go, until it shows in the delay of the others


class Member(Protocol):
    """An open stream."""

    purpose: Purpose
    spoke_at: float
    """When its last audio came, or it was let in, by time.monotonic."""

    def leave(self, reason: str) -> None:
        """Tell the client that the server is busy, and end."""


class Crowd:
    """All streams of a server whose threads take TURNS, and decode SPEED seconds of audio a second each."""

    def __init__(self, turns: Turns, speed: float) -> None:
        self._turns = turns
        self.load = Admission(turns.threads, speed)
        self._relieved_at = -_RELIEF_SECONDS
        self._members: list[Member] = []  # the newest last
        self._told_at = -_TOLD_SECONDS
        self._untold = 0

    @property
    def trouble(self) -> str:
        """Why a stream of dictation would be refused now; "" if it would not."""
        return self._judge("dictation")

    def refuse(self, purpose: Purpose) -> str:
        """Why a stream of PURPOSE that asks to be let in is not; "" if it is."""
        reason = self._judge(purpose)
        if reason:
            metrics.REFUSED.labels(purpose, "begin").inc()
            self._tell(reason)
        return reason

    def enter(self, member: Member) -> None:
        """It was let in."""
        self._members.append(member)

    def leave(self, member: Member) -> None:
        """It is over."""
        if member in self._members:
            self._members.remove(member)

    def relieve(self, purpose: Purpose) -> None:
        """Audio of PURPOSE came: while that waits too long, the newest of the least urgent live streams is let go."""
        delay = self._delay(purpose)
        if not self.load.is_overdue(purpose, delay):
            return
        now = time.monotonic()
        if not self.load.is_overdue(purpose) and now < self._relieved_at + _RELIEF_SECONDS:
            return
        recent = now - _SPEAKING_SECONDS
        for rival in reversed(PURPOSES[: PURPOSES.index(purpose) + 1]):
            for member in reversed(self._members):
                if member.purpose == rival and member.spoke_at > recent:
                    self._relieved_at = now
                    reason = f"speech waits {max(self.load.wait(purpose), delay):.1f} s to be decoded"
                    metrics.REFUSED.labels(rival, "behind").inc()
                    self._tell(reason)
                    member.leave(reason)
                    return

    def _judge(self, purpose: Purpose) -> str:
        recent = time.monotonic() - _SPEAKING_SECONDS
        speaking = [m.purpose for m in self._members if m.spoke_at > recent]
        delay = self._delay("dictation" if purpose == "late" else purpose)
        return self.load.refuse(purpose, speaking, delay)

    def _delay(self, purpose: Purpose) -> float:
        """How late the work for PURPOSE is, and for what is more urgent."""
        late = 0.0
        for one in PURPOSES:
            late = max(late, self._turns.delay(one))
            if one == purpose:
                break
        return late

    def _tell(self, reason: str) -> None:
        now = time.monotonic()
        self._untold += 1
        if now - self._told_at >= _TOLD_SECONDS:
            _log.warning(
                "too much to decode, streams refused since the last such line: %d; %s", self._untold, reason
            )
            self._told_at, self._untold = now, 0
