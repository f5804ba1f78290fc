"""What an INVITE tells about a call (RFC 3261, P-Asserted-Identity RFC 3325)."""

from __future__ import annotations

import re
from dataclasses import dataclass

from gateway.address import is_address

_COMPACT = {
    "f": "from",
    "t": "to",
    "i": "call-id",
    "c": "content-type",
    "l": "content-length",
    "m": "contact",
}
_USER = re.compile(r"(?:sips?:([^@;>?\s]+)@|tel:([^;>?\s]+))", re.IGNORECASE)
_WITHHELD = {"", "anonymous", "unavailable", "restricted", "private", "unknown"}


@dataclass(frozen=True, slots=True)
class Incoming:
    """One call at the door.

    ``caller`` is the calling number as dialled within the country, digits only, empty when withheld; ``called`` is
    the called user part as it came; ``source`` the sender's ``address:port``; ``offers_media`` says whether there is
    an SDP body.
    """

    sip_call_id: str
    caller: str
    called: str
    source: str
    offers_media: bool


def read_invite(message: str, source: str) -> Incoming:
    """Read an INVITE's text as it came from the wire."""
    head, _, body = message.partition("\r\n\r\n")
    request_line, *lines = re.sub(r"\r\n[ \t]+", " ", head).split("\r\n")
    headers: dict[str, str] = {}
    for line in lines:
        name, _, value = line.partition(":")
        name = name.strip().lower()
        headers.setdefault(_COMPACT.get(name, name), value.strip())
    parts = request_line.split(" ")
    called = _user(parts[1]) if len(parts) > 1 else ""
    identity = headers.get("p-asserted-identity") or headers.get("from", "")
    withheld = "id" in {token.strip().lower() for token in headers.get("privacy", "").split(";")}
    return Incoming(
        sip_call_id=headers.get("call-id", ""),
        caller="" if withheld else _number(_user(identity)),
        called=called or _user(headers.get("to", "")),
        source=source,
        offers_media=bool(body.strip()) and "application/sdp" in headers.get("content-type", "").lower(),
    )


def names_addresses(offer: str) -> bool:
    """Whether an SDP offer says where to send audio by IP addresses only (c= and a=rtcp; RFC 4566, RFC 3605).

    Host names are allowed there, but nothing in a call may wait for a name server.
    """
    places = re.findall(r"^(?:c=|a=rtcp:\d+ +)IN +IP[46] +([^\s/]+)", offer, re.MULTILINE)
    return all(is_address(place) for place in places)


def _user(header: str) -> str:
    found = _USER.search(header)
    return (found[1] or found[2] or "") if found else ""


def _number(user: str) -> str:
    if user.lower() in _WITHHELD:
        return ""
    bare = re.sub(r"[-.() ]", "", user)
    bare = re.sub(r"^(?:\+|00)86", "", bare).removeprefix("+")
    return bare if re.fullmatch(r"[0-9]{3,20}", bare) else ""
