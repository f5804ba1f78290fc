"""What this machine knows of its network: its own address, for SDP, its name servers, and other hosts' addresses."""

from __future__ import annotations

import asyncio
import ipaddress
import re
import socket
from pathlib import Path

from gateway.sip.fault import SipError

PORTS_PER_CALL = 6
"""RTP ports to try for each call: more than RTP and RTCP take, for other programs' ports lie between."""

_RESOLVER = Path("/etc/resolv.conf")
_HOST = re.compile(r"(sips?:(?:[^@]*@)?)([^:;?]+)(.*)", re.IGNORECASE)


def default_address() -> str:
    """This machine's address on its default route; no packet is sent (RFC 5737's documentation address)."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))
            return str(probe.getsockname()[0])
        except OSError:
            return "127.0.0.1"


def name_servers() -> list[str]:
    """The addresses of the system's name servers; this machine's own when it names none (resolv.conf(5))."""
    try:
        lines = [line.split() for line in _RESOLVER.read_text(errors="replace").splitlines()]
    except OSError:
        lines = []
    named = [line[1] for line in lines if len(line) > 1 and line[0] == "nameserver"]
    return [address for address in named if is_address(address)][:3] or ["127.0.0.1"]


async def look_up(uri: str) -> str:
    """Give the SIP URI with an IPv4 address in place of its host name, which the SIP stack would not look up.

    Raises SipError when there is no such host.
    """
    found = _HOST.fullmatch(uri)
    if found is None:
        raise SipError(f"{uri} is no SIP address: write it as sip:12345@HOST or sip:12345@HOST:PORT")
    host = found[2]
    try:
        addresses = await asyncio.get_running_loop().getaddrinfo(host, None, family=socket.AF_INET)
    except OSError as error:
        raise SipError(f"no IPv4 address is known for {host}: {error.strerror}; correct {uri}") from error
    return f"{found[1]}{addresses[0][4][0]}{found[3]}"


def is_address(text: str) -> bool:
    """Whether this is an IPv4 or IPv6 address, without a zone: that means nothing to any other host."""
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return "%" not in text
