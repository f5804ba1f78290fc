"""Trunks as the gateway uses them: whose calls are whose, what is believed of them, and how each one stands."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Sequence

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


@dataclass(frozen=True, slots=True)
class Registration:
    """The address of record ``user`` @ ``domain``, kept for ``seconds`` at a time at ``registrar`` (host:port)."""

    user: str
    domain: str
    registrar: str
    login: str
    password: str
    seconds: int


@dataclass(frozen=True, slots=True)
class Tls:
    """PEM files (RFC 5246): our certificate and key, whose signatures are taken, and whether they are asked for."""

    certificate: str
    key: str
    authorities: str
    verify: bool


@dataclass(frozen=True, slots=True)
class Trunk:
    """One way calls come and go by.

    ``host`` is the address of this machine that SIP and media are bound to, ``advertised`` the one that the other side
    is told (RFC 3261, 8.1.1.8; RFC 4566, 5.7); ``port`` our SIP port. ``networks`` are whose calls are this trunk's.
    ``address`` (host:port) is where calls go out to, ``proxy`` by way of whom; "" for none. ``codecs`` are SDP's names
    (RFC 4566, 6), the first the dearest. Of ``session_seconds`` (RFC 4028) and ``options_seconds`` 0 is none.
    ``believes`` are the headers whose word about caller and called is taken, ``transfers`` the ways in which the other
    side takes a call back to pass it on itself: ``refer`` (RFC 3515), ``redirect`` (302, RFC 3261, 8.1.3.4).
    """

    name: str
    networks: tuple[Network, ...]
    transport: Literal["udp", "tcp", "tls"]
    host: str
    port: int
    advertised: str
    rtp_first: int
    rtp_ports: int
    address: str = ""
    proxy: str = ""
    registration: Registration | None = None
    tls: Tls | None = None
    srtp: Literal["off", "optional", "mandatory"] = "off"
    codecs: tuple[str, ...] = ("PCMA", "PCMU", "G722")
    session_seconds: int = 1800
    options_seconds: int = 0
    cap: int = 1000
    believes: frozenset[str] = frozenset()
    transfers: frozenset[str] = frozenset()

    @property
    def version(self) -> int:
        """4 or 6."""
        return ipaddress.ip_address(self.host).version

    @property
    def identity(self) -> str:
        """The SIP address this gateway has on this trunk."""
        if self.registration is not None:
            return f"sip:{self.registration.user}@{self.registration.domain}"
        return f"sip:hotline@{in_uri(self.advertised)}:{self.port}"

    def asserted(self, number: str) -> str:
        """The SIP address of a number of ours, for P-Asserted-Identity (RFC 3325)."""
        host = self.registration.domain if self.registration is not None else in_uri(self.advertised)
        return f"sip:{number}@{host}"

    @property
    def contact(self) -> str:
        """Where requests reach this gateway, for Contact."""
        user = self.registration.user if self.registration is not None else "hotline"
        return f"<sip:{user}@{in_uri(self.advertised)}:{self.port}{self.suffix}>"

    @property
    def suffix(self) -> str:
        """The parameter that has a SIP address reached by this trunk's transport; UDP needs none."""
        return "" if self.transport == "udp" else f";transport={self.transport}"

    @property
    def destination(self) -> str:
        """``host:port`` that calls go out to, "" when none is known."""
        return self.address or (self.registration.domain if self.registration is not None else "")

    def takes(self, source: str, transport: str, port: int) -> bool:
        """Whether what came from this address (no port), by this transport, to this port of ours is this trunk's."""
        if (transport, port) != (self.transport, self.port):
            return False
        address = ipaddress.ip_address(source)
        return any(address in network for network in self.networks)


@dataclass(frozen=True, slots=True)
class Standing:
    """How a trunk stands: whether it is registered and whether the other side gives signs of life, None: not asked for.

    ``reason`` tells of what is wrong, "" when nothing is; ``calls`` are those of this moment, of ``cap``.
    """

    name: str
    transport: str
    registered: bool | None
    reachable: bool | None
    reason: str
    calls: int
    cap: int

    @property
    def trouble(self) -> str:
        """What is wrong with it in plain words, or ""."""
        if self.registered is False:
            return f"trunk {self.name} is not registered: {self.reason}"
        if self.reachable is False:
            return f"trunk {self.name} does not answer: {self.reason}"
        return ""


def choose(trunks: Sequence[Trunk], source: str, transport: str, port: int) -> Trunk | None:
    """The trunk that a request from ``address:port`` is of; None: of none."""
    host = split_host(source)
    return next((trunk for trunk in trunks if trunk.takes(host, transport, port)), None)


def split_host(source: str) -> str:
    """The address alone of ``address:port`` or ``[address]:port``."""
    host, _, _ = source.rpartition(":")
    return host.strip("[]")


def in_uri(address: str) -> str:
    """An address as it stands in a URI: IPv6 in brackets (RFC 3986, 3.2.2)."""
    return f"[{address}]" if ":" in address else address
