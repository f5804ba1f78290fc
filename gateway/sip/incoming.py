"""What an INVITE tells about a call (RFC 3261, P-Asserted-Identity RFC 3325)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from gateway.sip.address import is_address
from gateway.sip.dialled import read_dialled, read_user

if TYPE_CHECKING:
    from ivr.hotline import Called

_COMPACT = {
    "f": "from",
    "t": "to",
    "i": "call-id",
    "c": "content-type",
    "l": "content-length",
    "m": "contact",
}
_WITHHELD = {"", "anonymous", "unavailable", "restricted", "private", "unknown"}


@dataclass(frozen=True, slots=True)
class Incoming:
    """One call at the door.

    ``caller`` is the calling number as dialled within the country, digits only, empty when withheld; ``called`` is
    the user part of the Request-URI as it came, else that of To; ``dialled`` are all called numbers, see
    `gateway.sip.dialled`; ``source`` is the sender's ``address:port``; ``offers_media`` says whether there is an SDP
    body.
    """

    sip_call_id: str
    caller: str
    called: str
    dialled: tuple[Called, ...]
    source: str
    offers_media: bool


def read_invite(message: str, source: str) -> Incoming:
    """Read an INVITE's text as it came from the wire."""
    head, _, body = message.partition("\r\n\r\n")
    request_line, *lines = re.sub(r"\r\n[ \t]+", " ", head).split("\r\n")
    values: dict[str, list[str]] = {}
    for line in lines:
        name, _, value = line.partition(":")
        name = name.strip().lower()
        values.setdefault(_COMPACT.get(name, name), []).append(value.strip())
    headers = {name: found[0] for name, found in values.items()}
    parts = request_line.split(" ")
    request_uri = parts[1] if len(parts) > 1 else ""
    identity = headers.get("p-asserted-identity") or headers.get("from", "")
    withheld = "id" in {token.strip().lower() for token in headers.get("privacy", "").split(";")}
    return Incoming(
        sip_call_id=headers.get("call-id", ""),
        caller="" if withheld else _number(read_user(identity)),
        called=read_user(request_uri) or read_user(headers.get("to", "")),
        dialled=read_dialled(request_uri, values),
        source=source,
        offers_media=bool(body.strip()) and "application/sdp" in headers.get("content-type", "").lower(),
    )


def names_addresses(offer: str) -> bool:
    """Whether an SDP offer says where to send audio by IP addresses only (c= and a=rtcp; RFC 4566, RFC 3605).

    Host names are allowed there, but nothing in a call may wait for a name server.
    """
    places = re.findall(r"^(?:c=|a=rtcp:\d+ +)IN +IP[46] +([^\s/]+)", offer, re.MULTILINE)
    return all(is_address(place) for place in places)


def _number(user: str) -> str:
    if user.lower() in _WITHHELD:
        return ""
    bare = re.sub(r"[-.() ]", "", user)
    bare = re.sub(r"^(?:\+|00)86", "", bare).removeprefix("+")
    return bare if re.fullmatch(r"[0-9]{3,20}", bare) else ""
