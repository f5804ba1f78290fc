"""Whom a leg's other side talks with: the other sides of one leg, or of several that hear each other as well."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gateway.sip.leg import Leg


class Partners:
    """Those of one leg. On the event loop; harmless again, and in any state of either line."""

    def __init__(self, leg: Leg) -> None:
        self._leg = leg
        self._hears: dict[Leg, bool] = {}  # whether what comes from there is heard on this leg

    def only(self, other: Leg, *, both: bool) -> None:
        """Let the two talk with each other and nobody else; without ``both`` the other hears nothing of this one."""
        if tuple(self._hears) != (other,) or other.partners.hear(self._leg) != both:
            self.part()
            other.partners.part()
        self.join(other, both=both)

    def join(self, other: Leg, *, both: bool = True) -> None:
        """Let the two talk with each other, beside whom either talks with already."""
        if self._leg.ended is not None or other.ended is not None:
            return
        self._hears[other] = True
        other.partners.take(self._leg, hears=both)
        self.rejoin()

    def take(self, other: Leg, *, hears: bool) -> None:
        """The other has joined this one."""
        self._hears[other] = hears

    def hear(self, other: Leg) -> bool | None:
        """Whether what comes from the other is heard on this leg; None when they do not talk."""
        return self._hears.get(other)

    def part(self) -> None:
        """Let this one talk with nobody any more; whom it talked with go on with each other."""
        for other in tuple(self._hears):
            del self._hears[other]
            other.partners.lose(self._leg)
            self._leg.channel.disconnect(other.channel)

    def lose(self, other: Leg) -> None:
        """The other has parted from this one."""
        self._hears.pop(other, None)

    def rejoin(self) -> None:
        """Connect again, after whatever has changed on either line; who holds his neither hears nor is heard."""
        for other, hears in self._hears.items():
            if self._leg.is_held or other.is_held:
                self._leg.channel.disconnect(other.channel)
            else:
                self._leg.channel.connect(
                    other.channel, hears=hears, is_heard=bool(other.partners.hear(self._leg))
                )
