"""The gateway's front door in the stack: its transports, and an account for each address it is reached by."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Protocol

import pjsua2 as pj

from gateway.sip.address import PORTS_PER_CALL, default_address
from gateway.sip.pj.channel import Owner, StackCall
from gateway.sip.pj.common import attempt, destroy

if TYPE_CHECKING:
    from collections.abc import Callable

    from gateway.sip.pj.endpoint import Endpoint
    from gateway.sip.trunk import Trunk

log = logging.getLogger(__name__)

_ANY = "0.0.0.0"  # noqa: S104 - a name for it
_LOOPBACK = "127.0.0.1"


class Host(Owner, Protocol):
    """Who takes the calls that come to an account."""

    def invited(self, call: StackCall, account: Account, message: str, source: str) -> None:
        """SIP callback: an INVITE has come to this account."""

    def post(self, function: Callable[[], None]) -> None:
        """Any thread: run it on the event loop."""

    def drop(self, call: StackCall) -> None:
        """SIP callback: refuse a call whose INVITE could not be taken; never raises."""


class Door:
    """Where calls come in: ``host`` and ``port``, over UDP and, with ``tcp``, over TCP.

    ``media_host`` is the address RTP is bound to and SDP names; empty: the address that was dialled.
    ``rtp_first_port`` 0 takes whatever ports the system gives.
    """

    def __init__(
        self, agent: Host, *, host: str, port: int, tcp: bool, media_host: str, rtp_first_port: int
    ) -> None:
        self._agent = agent
        self._host, self._port, self._tcp = host, port, tcp
        # RTP is bound to the address the caller dialled: of a machine's outside address and its loopback, the
        # account whose host stands in the INVITE answers it.
        self._media_hosts = (
            [media_host or host] if media_host or host != _ANY else [default_address(), _LOOPBACK]
        )
        self._rtp_first_port = rtp_first_port
        self._accounts: list[Account] = []
        self._transports: dict[str, int] = {}

    @property
    def is_open(self) -> bool:
        """Whether the transports are open."""
        return bool(self._accounts)

    @property
    def address(self) -> str:
        """``host:port`` a caller on this machine can dial."""
        return f"{_LOOPBACK if self._host == _ANY else self._host}:{self._port}"

    def listen(self, endpoint: Endpoint) -> None:
        """Open the transports. Raises SipError, with what to change, when the port is taken."""
        self._listen(endpoint, pj.PJSIP_TRANSPORT_UDP, "UDP")
        if self._tcp:
            self._listen(endpoint, pj.PJSIP_TRANSPORT_TCP, "TCP")

    def open(self, max_calls: int) -> None:
        """Take calls from now on, so many at once; the stack has started."""
        for host in self._media_hosts:
            self._accounts.append(self._open_account(host, max_calls))

    def transport_of(self, transport: str, host: str, port: int) -> int | None:
        """The stack's number of the door's own transport where it listens there too; None where it does not."""
        is_here = port == self._port and (host == self._host or (self._host == _ANY and ":" not in host))
        return self._transports.get(transport) if is_here else None

    def account_for(self, uri: str) -> Account:
        """The account to dial ``uri`` from: that of the same address, else the first."""
        hosts = zip(self._media_hosts, self._accounts, strict=True)
        return next((account for host, account in hosts if f"@{host}" in uri), self._accounts[0])

    def shut(self) -> None:
        """Take no more calls."""
        for account in self._accounts:
            account.shutdown()

    def destroy(self) -> None:
        """After the stack's end: leave nothing behind."""
        for account in self._accounts:
            destroy(account)
        self._accounts.clear()

    def _listen(self, endpoint: Endpoint, kind: int, name: str) -> None:
        config = pj.TransportConfig()
        config.port = self._port
        config.boundAddress = "" if self._host == _ANY else self._host
        number = attempt(
            f"cannot listen for SIP on {self._host}:{self._port}/{name}"
            " (another program may use this port, `ss -lnp` tells which; set sip.port to a free one)",
            lambda: endpoint.transportCreate(kind, config),
        )
        self._transports[name.lower()] = number
        self._port = int(endpoint.transportGetInfo(number).localName.rsplit(":", 1)[-1])

    def _open_account(self, host: str, max_calls: int) -> Account:
        config = pj.AccountConfig()
        config.idUri = f"sip:hotline@{host}:{self._port}"
        media = config.mediaConfig.transportConfig
        media.boundAddress = media.publicAddress = host
        media.port = self._rtp_first_port
        if self._rtp_first_port:
            media.portRange = min(65535 - self._rtp_first_port, max_calls * PORTS_PER_CALL)
        account = Account(self._agent)
        account.create(config)
        return account


class Account(pj.Account):
    """pjsua2 finds the account of each INVITE by the address that was dialled.

    ``codecs`` are offered in this order; none: in the stack's.
    """

    codecs: tuple[str, ...] = ()

    def __init__(self, agent: Host) -> None:
        super().__init__()
        self._agent = agent

    @property
    def trunk(self) -> Trunk | None:
        """Whose it is; None: the door's own."""
        return None

    def onIncomingCall(self, prm: pj.OnIncomingCallParam) -> None:  # noqa: N802 - pjsua2's name
        """An INVITE."""
        call = StackCall(self, self._agent, prm.callId, self.codecs)
        try:
            self._agent.invited(call, self, prm.rdata.wholeMsg, prm.rdata.srcAddress)
        except Exception:  # boundary, SIP callback: without an answer the caller would hear nothing for ever
            log.exception("an INVITE could not be taken", extra={"source": prm.rdata.srcAddress})
            self._agent.drop(call)
