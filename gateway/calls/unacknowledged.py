"""Calls that were answered and not acknowledged: what one source may have of them, and what they may take."""

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
    """Those of which the ACK is overdue, until it comes or the call ends. Who calls holds the lock."""

    def __init__(self) -> None:
        self._sources: dict[Leg, str] = {}
        self._counts: Counter[str] = Counter()

    @property
    def placeless(self) -> int:
        """How many take no place."""
        return min(len(self._sources), SPARE)

    def is_too_many(self, source: str, cap: int) -> bool:
        """Whether a source (``address:port``) has a quarter of the cap's places with such calls already."""
        return self._counts[_host(source)] >= max(_FEW, cap // _SHARE)

    def add(self, leg: Leg) -> None:
        """The ACK of this call is overdue."""
        host = _host(leg.incoming.source if leg.incoming else "")
        if leg not in self._sources:
            self._sources[leg] = host
            self._counts[host] += 1

    def discard(self, leg: Leg) -> None:
        """It has come, or the call is over."""
        host = self._sources.pop(leg, None)
        if host is not None:
            self._counts[host] -= 1
            self._counts += Counter()  # without those that have none


def _host(source: str) -> str:
    return source.rpartition(":")[0]
