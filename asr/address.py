"""Where a speech server is: on a Unix socket or at a TCP port."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlsplit

_LONGEST_PATH = 107  # sun_path of unix(7), less its NUL


@dataclass(frozen=True, slots=True)
class UnixAddress:
    """A socket in the file system."""

    path: str


@dataclass(frozen=True, slots=True)
class TcpAddress:
    """A host and a port (0, for a server: any free one); ``tls`` when a client is to use wss."""

    host: str
    port: int
    tls: bool = False


def read_address(text: str) -> UnixAddress | TcpAddress:
    """Read ``unix:/path``, ``tcp:host:port``, ``ws://host:port`` or ``wss://host:port``; raises ValueError."""
    scheme, _, rest = text.partition(":")
    if scheme == "unix" and rest.startswith("/"):
        if len(rest.encode()) > _LONGEST_PATH:
            raise ValueError(
                f"{text}: a Unix socket's path has at most {_LONGEST_PATH} bytes; choose a shorter folder"
            )
        return UnixAddress(rest)
    if scheme in ("tcp", "ws", "wss"):
        parts = urlsplit("//" + rest.removeprefix("//"))
        if parts.hostname and parts.port is not None and parts.path in ("", "/"):
            return TcpAddress(parts.hostname, parts.port, scheme == "wss")
    raise ValueError(
        f"{text}: not an address of a speech server; write unix:/path, tcp:host:port or ws://host:port"
    )


def split_addresses(text: str) -> list[str]:
    """The addresses in a setting, at least one, separated by blanks or commas; raises ValueError."""
    found = text.replace(",", " ").split()
    if not found:
        raise ValueError("no address of a speech server; write unix:/path, tcp:host:port or ws://host:port")
    return found
