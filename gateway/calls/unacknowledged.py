"""Calls that nobody has acknowledged yet: what one source may have of them, and what they may take from others."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from gateway.sip.leg import Leg

OVERDUE_SECONDS: Final = 2.0
"""An ACK takes one way there and one back (RFC 3261, 13.2.2.4); the answer is sent again after 0.5 and 1.5 s."""

SPARE: Final = 48
"""So many of these calls take no place in the cap: ports and memory for a few more than it are there."""

_SHARE = 4
_FEW = 8


class Unacknowledged:
    """Every call from its admission until its ACK comes or it ends; those of which the ACK is overdue are known.

    Who calls holds the lock. A source is ``address:port``.
    """

    def __init__(self) -> None:
        self._coming: Counter[str] = Counter()  # let in, and not at hand yet
        self._hosts: dict[Leg, str] = {}
        self._overdue: dict[Leg, str] = {}

    @property
    def placeless(self) -> int:
        """How many take no place."""
        return min(len(self._overdue), SPARE)

    def spare(self, source: str, cap: int) -> int:
        """Places beyond the cap for a call from there.

        As many as there are overdue calls; and all at once, before any can be overdue, where another source has a
        quarter of the cap's places with calls that it has not acknowledged.
        """
        own = _host(source)
        waiting = self._coming.copy()
        waiting.update(host for leg, host in self._hosts.items() if not leg.is_confirmed)
        besieged = any(count >= _share(cap) for host, count in waiting.items() if host != own)
        return SPARE if besieged else self.placeless

    def is_too_many(self, source: str, cap: int) -> bool:
        """Whether a source has a quarter of the cap's places with overdue calls already."""
        own = _host(source)
        return sum(host == own for host in self._overdue.values()) >= _share(cap)

    def expect(self, source: str) -> None:
        """A call from there was let in."""
        self._coming[_host(source)] += 1

    def begin(self, leg: Leg) -> None:
        """Here it is."""
        host = _host_of(leg)
        self._coming -= Counter({host: 1})
        self._hosts[leg] = host

    def add(self, leg: Leg) -> None:
        """The ACK of this call is overdue."""
        self._overdue[leg] = _host_of(leg)

    def discard(self, leg: Leg) -> None:
        """It has come, or the call is over."""
        self._hosts.pop(leg, None)
        self._overdue.pop(leg, None)


def _share(cap: int) -> int:
    return max(_FEW, cap // _SHARE)


def _host_of(leg: Leg) -> str:
    return _host(leg.incoming.source if leg.incoming else "")


def _host(source: str) -> str:
    return source.rpartition(":")[0]
