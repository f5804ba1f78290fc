"""Who holds every leg and its call in the stack, and ends them: the one place where a call's native objects die."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from gateway.sip.pj.common import destroy

if TYPE_CHECKING:
    from collections.abc import Callable

    from gateway.sip.leg import Leg
    from gateway.sip.pj.channel import StackCall

log = logging.getLogger(__name__)

_LOST = 480  # the SIP status for a call that the stack no longer knows: nobody has told us how it ended


class Legs:
    """Every leg with its call in the stack, from the INVITE or the dialling until nothing of it is left.

    A call that is over leaves the bridge at once. Its recording is waited for, not its disk's thread; the call itself
    is destroyed on the event loop, once the SIP worker (``beats``) has fired its timer after the end: then that thread
    stands in none of the call's callbacks any more, and no other ever stood there longer than its stream lived.
    """

    def __init__(self, beats: Callable[[], int]) -> None:
        self._beats = beats
        self._held: dict[StackCall, Leg] = {}
        self._over: dict[StackCall, int] = {}  # with the beat in which each ended
        self._unknown: set[StackCall] = set()  # to the stack at the last look

    def __len__(self) -> int:
        """How many are not gone yet."""
        return len(self._held)

    def legs(self) -> tuple[Leg, ...]:
        """All of them at this moment."""
        return tuple(self._held.copy().values())

    def hold(self, call: StackCall, leg: Leg) -> None:
        """SIP thread or loop: be the owner of this call from now on."""
        self._held[call] = leg

    def find(self, call: StackCall) -> Leg | None:
        """The leg of a call that is held; None for any other."""
        return self._held.get(call)

    def bury(self, call: StackCall) -> None:
        """Loop: this call has left the bridge and is over; end the rest of it."""
        if call in self._held:
            self._over.setdefault(call, self._beats())
            self._close(call)

    def tend(self) -> bool:
        """Loop, many times a second while it says so: end what can be ended by now; never waits."""
        for call, beat in tuple(self._over.items()):
            self._close(call)
            if self._beats() != beat:
                destroy(call)
            if self._held[call].closed.done() and not hasattr(call, "this"):
                del self._over[call], self._held[call]
        return bool(self._over)

    def look(self) -> None:
        """Loop, every second: no leg outlives its call in the stack, and no hang-up is lost."""
        before, self._unknown = self._unknown, set()
        for call, leg in self._held.copy().items():
            if leg.ended is not None or call in self._over:
                continue
            if not call.holdsSlot():
                self._unknown.add(call)
                if call in before:  # its end is not just on the way to the loop
                    log.error("the stack has lost a call without a word; it is ended here")
                    leg.disconnected(_LOST, "the stack has lost the call", "")
            elif leg.is_hanging_up:
                call.end()

    def end(self) -> None:
        """After the stack's end: destroy all that is left, whatever state it is in."""
        for call, leg in self._held.items():
            call.bury()
            destroy(call)
            if not leg.closed.done():
                leg.closed.set_result(None)
        self._held.clear()
        self._over.clear()

    def _close(self, call: StackCall) -> None:
        leg = self._held[call]
        if not leg.closed.done() and call.close_recording():
            leg.closed.set_result(None)
