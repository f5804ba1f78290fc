"""Trunks in the stack: their transports, and whose a call is."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pjsua2 as pj

from gateway.sip.fault import SipError
from gateway.sip.pj.common import destroy
from gateway.sip.pj.line import Line
from gateway.sip.pj.trunk_config import listen
from gateway.sip.trunk import Standing, Trunk, choose

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gateway.sip.pj.channel import StackCall
    from gateway.sip.pj.door import Account, Door, Host
    from gateway.sip.pj.endpoint import Endpoint


class Lines:
    """All trunks. Without any, whoever reaches the door is let in."""

    def __init__(self, agent: Host, trunks: Sequence[Trunk]) -> None:
        self._lines = {trunk.name: Line(agent, trunk) for trunk in trunks}
        self._trunks = tuple(trunks)
        self._strangers = pj.PJSUA_INVALID_ID  # whose account has what is of no trunk

    def __bool__(self) -> bool:
        return bool(self._lines)

    @property
    def codecs(self) -> frozenset[str]:
        """Every codec that one of them offers."""
        return frozenset(codec for trunk in self._trunks for codec in trunk.codecs)

    @property
    def standings(self) -> tuple[Standing, ...]:
        """How each one stands."""
        return tuple(line.standing for line in self._lines.values())

    def open(self, endpoint: Endpoint, door: Door) -> None:
        """Open the transports that are not the door's already, and the accounts. Raises SipError."""
        self._strangers = door.account_for("").getId()
        opened: dict[tuple[str, str, int], int] = {}
        for trunk in self._trunks:
            transport = door.transport_of(trunk.transport, trunk.host, trunk.port)
            key = (trunk.transport, trunk.host, trunk.port)
            if transport is None and key not in opened:
                opened[key] = listen(endpoint, trunk)
            self._lines[trunk.name].open(opened[key] if transport is None else transport)

    def select(self, prm: pj.OnSelectAccountParam) -> None:
        """SIP thread: have a request be of its trunk's account; of what is no trunk's, the door's takes care."""
        arrival = pj.arrivalOf(prm.rdata)
        trunk = choose(self._trunks, prm.rdata.srcAddress, arrival.transport, arrival.port)
        prm.accountIndex = self._lines[trunk.name].getId() if trunk is not None else self._strangers

    def let_in(self, account: Account, call: StackCall) -> bool:
        """SIP thread: count a call to this account as its trunk's; False when it is of none, or the trunk is full."""
        if not isinstance(account, Line):
            return False
        try:
            account.enter(call)
        except SipError:
            return False
        return True

    def leave(self, call: StackCall) -> None:
        """Any thread: the call is over."""
        for line in self._lines.values():
            line.calls.discard(call)

    def named(self, name: str) -> Line:
        """The trunk of that name; raises SipError."""
        line = self._lines.get(name)
        if line is None:
            known = ", ".join(self._lines) or "none"
            raise SipError(f"there is no trunk {name!r}; the settings have: {known}")
        return line

    def tend(self) -> None:
        """Loop, every second."""
        for line in self._lines.values():
            line.tend()

    def shut(self) -> None:
        """Take no more calls, and give the registrations back."""
        for line in self._lines.values():
            line.shutdown()

    def destroy(self) -> None:
        """After the stack's end: leave nothing behind."""
        for line in self._lines.values():
            destroy(line)
        self._lines.clear()
