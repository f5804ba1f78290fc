"""What this machine knows of its network: its own address, for SDP, and its name servers."""

from __future__ import annotations

import ipaddress
import socket
from pathlib import Path

_RESOLVER = Path("/etc/resolv.conf")


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
    return [address for address in named if _is_address(address)][:3] or ["127.0.0.1"]


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return "%" not in text  # the SIP stack's resolver knows no zones
