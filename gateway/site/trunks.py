"""The settings of trunks: who may send calls, over what, and as whom the gateway registers."""

from __future__ import annotations

import ipaddress
import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from gateway.site.section import Node, Section

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

Transport = Literal["udp", "tcp", "tls"]
Codec = Literal["PCMA", "PCMU", "G722", "opus"]
Transfer = Literal["refer", "redirect"]
Header = Literal["p-asserted-identity", "diversion", "history-info"]
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

_HOST_PORT = re.compile(r"(?:\[([0-9A-Fa-f:.]+)\]|([A-Za-z0-9.-]+))(?::([0-9]{1,5}))?")
_NUMBERS = re.compile(r"[0-9.]+")
_USER = re.compile(r"[A-Za-z0-9_.!~*'()&=+$,?/%-]+")
_LONGEST_PORT = 65535
_SOCKETS = 6  # of the stack's eight: `sip` takes two, UDP and TCP


def _check_either(text: str) -> str:
    if text:
        ipaddress.ip_address(text)
    return text


def _check_network(text: str) -> str:
    ipaddress.ip_network(text)  # its ValueError says what is wrong, host bits that are set included
    return text


def _check_host_port(text: str) -> str:
    if not text:
        return text
    found = _HOST_PORT.fullmatch(text)
    if found is None or int(found[3] or 1) not in range(1, _LONGEST_PORT + 1) or not _is_host(found):
        raise ValueError(f"{text!r} is no host: write HOST, HOST:PORT, or [IPv6 address]:PORT")
    return text


def _is_host(found: re.Match[str]) -> bool:
    """Whether it can be an address or a name: what is written in numbers alone must be an address."""
    if found[2] and _NUMBERS.fullmatch(found[2]) is None:
        return found[2][0].isalnum() and ".." not in found[2]
    try:
        ipaddress.ip_address(found[1] or found[2])
    except ValueError:
        return False
    return True


def _check_user(text: str) -> str:
    if _USER.fullmatch(text) is None:
        raise ValueError(f"{text!r} is no user of a SIP address: letters, digits and -_.+ only")
    return text


EitherAddress = Annotated[str, AfterValidator(_check_either)]
"""An IPv4 or IPv6 address of an interface, no name; "" where the setting has a default of its own."""
HostPort = Annotated[str, AfterValidator(_check_host_port)]


class RegistrationSettings(Section):
    """The address of record that this gateway registers, ``user`` @ ``domain``, and with what.

    ``registrar`` is where, if not at the domain itself; ``login`` the digest's user name, if it is not ``user``. The
    password is the content of a file of its own: the credential of the trunk's name, which wins, or ``password_file``;
    else ``password``.
    """

    user: Annotated[str, AfterValidator(_check_user)]
    domain: Annotated[HostPort, Field(min_length=1)]
    registrar: HostPort = ""
    login: str = ""
    password_file: Path | None = None
    password: str = ""
    expires_seconds: Annotated[int, Field(ge=10, le=86400)] = 300


class TlsSettings(Section):
    """PEM files: our certificate and its key, and the authorities whose certificates we take (none: the system's).

    ``verify``: the other side shows a certificate that one of them has signed, whichever side calls.
    """

    certificate: Path
    key: Path
    authorities: Path = Path("/etc/ssl/certs/ca-certificates.crt")
    verify: bool = True


class RtpSettings(Section):
    """``ports`` ports from ``first`` on, two of them a call."""

    first: Annotated[int, Field(ge=1024, le=65534)]
    ports: Annotated[int, Field(ge=4, le=64000)]

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.first + self.ports > _LONGEST_PORT + 1:
            raise ValueError(f"{self.ports} ports from {self.first} on end beyond {_LONGEST_PORT}")
        return self


class TrunkSettings(Section):
    """One trunk; docs/en/trunk.md says what each setting is for.

    ``bind``, ``port`` and ``rtp`` are those of ``sip`` unless they are given; with ``tls`` the port is 5061 then.
    ``address`` is where calls go out to, and who is asked for a sign of life; without it the registration's domain.
    """

    name: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{0,31}$")]
    peers: Annotated[tuple[Annotated[str, AfterValidator(_check_network)], ...], Field(min_length=1)]
    transport: Transport = "udp"
    node: Node | None = None
    address: HostPort = ""
    bind: EitherAddress = ""
    port: Annotated[int, Field(ge=1, le=65535)] | None = None
    advertised: EitherAddress = ""
    rtp: RtpSettings | None = None
    proxy: HostPort = ""
    registration: RegistrationSettings | None = None
    tls: TlsSettings | None = None
    srtp: Literal["off", "optional", "mandatory"] = "off"
    codecs: Annotated[tuple[Codec, ...], Field(min_length=1)] = ("PCMA", "PCMU", "G722")
    session_seconds: Annotated[int, Field(ge=0, le=86400)] = 1800
    options_seconds: Annotated[int, Field(ge=0, le=3600)] = 30
    cap: Annotated[int, Field(ge=1, le=1000)] = 1000
    believes: tuple[Header, ...] = ()
    transfers: tuple[Transfer, ...] = ()

    @model_validator(mode="after")
    def _check(self) -> Self:
        self._check_safety()
        self._check_family()
        if self.session_seconds and self.session_seconds < 90:  # noqa: PLR2004 - RFC 4028, 4
            raise ValueError("session_seconds: 90 or more (RFC 4028), or 0 for none")
        listed: tuple[tuple[str, Sequence[str]], ...] = (
            ("codecs", self.codecs),
            ("believes", self.believes),
            ("peers", self.peers),
            ("transfers", self.transfers),
        )
        for what, values in listed:
            if twice := _find_twice(values):
                raise ValueError(f"{what} names {twice} twice")
        return self

    def _check_safety(self) -> None:
        if (self.transport == "tls") != (self.tls is not None):
            raise ValueError("transport: tls and the section tls belong together: give both or neither")
        if self.srtp != "off" and self.transport != "tls":
            raise ValueError("srtp writes its keys into the SIP messages: it needs transport: tls")

    def _check_family(self) -> None:
        versions = {network.version for network in self.networks}
        versions |= {ipaddress.ip_address(text).version for text in (self.bind, self.advertised) if text}
        if len(versions) > 1:
            raise ValueError("peers, bind and advertised are of one family, IPv4 or IPv6: make two trunks")
        if versions == {6} and not self.bind:
            raise ValueError("bind: give this machine's IPv6 address")
        told = self.advertised or self.bind
        if told and ipaddress.ip_address(told).is_unspecified:
            raise ValueError(
                f"{told} is no address to send to: set bind or advertised to the one the peers reach"
            )

    @property
    def networks(self) -> tuple[Network, ...]:
        """``peers`` as networks."""
        return tuple(ipaddress.ip_network(text) for text in self.peers)


def check_trunks(trunks: Sequence[TrunkSettings], nodes: Sequence[int]) -> None:
    """Raises ValueError, with what to change, when two trunks would be the same to whoever calls or is registered."""
    for trunk in trunks:
        if trunk.node is not None and trunk.node not in nodes:
            raise ValueError(f"trunks: {trunk.name} is of node {trunk.node}, which no gateway here is")
        own = trunk.registration is not None or trunk.port is not None
        if trunk.node is None and own and len(nodes) > 1:
            raise ValueError(
                f"trunks: {trunk.name} registers or has a port of its own: of several gateways it needs the node"
            )
    for node in nodes:
        own_sockets = {
            (trunk.transport, trunk.bind, trunk.port)
            for trunk in trunks
            if trunk.node in {None, node} and (trunk.bind or trunk.port or trunk.transport == "tls")
        }
        if len(own_sockets) > _SOCKETS:
            raise ValueError(
                f"trunks: {len(own_sockets)} sockets of their own (transport, bind, port), and a gateway has room for "
                f"{_SOCKETS}: let trunks share one, their peers tell them apart, or give some to another gateway"
            )
    for what, values in (
        ("name", [trunk.name for trunk in trunks]),
        ("registration", [f"{r.user}@{r.domain}" for t in trunks if (r := t.registration) is not None]),
    ):
        if twice := _find_twice(values):
            raise ValueError(f"trunks: two have the {what} {twice}: give each its own")
    for one, other, network in _find_overlaps(trunks):
        raise ValueError(
            f"trunks: calls from {network} are of {one} and of {other}: change the peers, ports or transports"
        )


def _find_twice(values: Sequence[str]) -> str:
    return next((value for value in values if values.count(value) > 1), "")


def _find_overlaps(trunks: Sequence[TrunkSettings]) -> Iterator[tuple[str, str, Network]]:
    for n, one in enumerate(trunks):
        for other in trunks[n + 1 :]:
            if (one.transport, one.port) != (other.transport, other.port):
                continue
            if one.node is not None and other.node is not None and one.node != other.node:
                continue
            for network in one.networks:
                for second in other.networks:
                    if network.version == second.version and network.overlaps(second):
                        yield one.name, other.name, network
