"""The lines on which people are called: as many at once as are set, some of them kept for danger."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gateway.sip.fault import SipError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from gateway.sip.leg import Leg
    from ivr.target import Target


class Outgoing:
    """Calls targets. A line is taken from the dialling until the leg is down.

    Of ``cap`` lines the last ``for_danger`` are given to callers in danger alone; both may be changed at any time.
    """

    def __init__(
        self, dial: Callable[[Target, str, Mapping[str, str]], Leg], cap: int, for_danger: int
    ) -> None:
        self._dial, self.cap, self.for_danger = dial, cap, for_danger
        self._lines = 0
        self.bridged = 0
        """Targets that talk with a caller at this moment."""

    @property
    def lines(self) -> int:
        """Lines that are up at this moment, those still ringing included."""
        return self._lines

    @property
    def is_full(self) -> bool:
        """Whether no line is left but those that are kept for danger."""
        return self._lines >= self.cap - self.for_danger

    def call(self, target: Target, *, caller: str, headers: Mapping[str, str], danger: bool) -> Leg:
        """Call the target; raises SipError, also when no line is left for this call."""
        most = self.cap if danger else self.cap - self.for_danger
        if self._lines >= most:
            raise SipError(
                f"call {target.name}: {self._lines} lines to people are in use, of {most} (passing.cap)"
            )
        leg = self._dial(target, caller, headers)
        self._lines += 1
        leg.on_gone = self._free
        return leg

    def _free(self) -> None:
        self._lines -= 1
