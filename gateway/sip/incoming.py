"""What an INVITE tells about a call (RFC 3261)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from gateway.sip.calling import read_caller
from gateway.sip.dialled import read_dialled
from gateway.sip.header import read_headers, read_user, split_entries

if TYPE_CHECKING:
    from ivr.hotline import Called


ALL_BELIEVED = frozenset({"p-asserted-identity", "diversion", "history-info"})
"""The headers that a network writes, and nobody else should (RFC 3325, RFC 5806, RFC 7044)."""
_CLAIMS = 8  # kept of one call: a stranger may write more


@dataclass(frozen=True, slots=True)
class Claim:
    """A header that was not believed, by its long name in lower case, and the user that one of its entries names."""

    header: str
    user: str


@dataclass(frozen=True, slots=True)
class Incoming:
    """One call at the door.

    ``caller`` is the calling number as dialled within the country, digits only, empty when withheld; ``called`` is
    the user part of the Request-URI as it came, else that of To; ``dialled`` are all called numbers, see
    `gateway.sip.dialled`; ``source`` is the sender's ``address:port``, ``trunk`` the name of what it came by, "" for
    the open door. ``claims`` are what headers say that are not believed of it.
    """

    sip_call_id: str
    caller: str
    called: str
    dialled: tuple[Called, ...]
    source: str
    trunk: str = ""
    claims: tuple[Claim, ...] = ()


def read_invite(
    message: str, source: str, trunk: str = "", believes: frozenset[str] = ALL_BELIEVED
) -> Incoming:
    """Read an INVITE's text as it came from the wire.

    Of the headers in which only a network may speak, those in ``believes`` are taken at their word.
    """
    request_line, _, lines = re.split(r"\r?\n\r?\n", message, maxsplit=1)[0].partition("\n")
    headers = read_headers(lines)
    doubted = {name: headers.pop(name, []) for name in sorted(ALL_BELIEVED - believes)}
    parts = request_line.split()
    request_uri = parts[1] if len(parts) > 1 else ""
    to = split_entries(headers.get("to", ()))
    return Incoming(
        sip_call_id=headers.get("call-id", [""])[0],
        caller=read_caller(headers),
        called=read_user(request_uri) or read_user(to[0] if to else ""),
        dialled=read_dialled(request_uri, headers),
        source=source,
        trunk=trunk,
        claims=tuple(
            Claim(name, user)
            for name, values in doubted.items()
            for user in map(read_user, split_entries(values))
            if user
        )[:_CLAIMS],
    )
