"""User-to-User (RFC 7433), as ISDN has it (RFC 7434): a few characters that one exchange tells another of a call."""

from __future__ import annotations

import re
from typing import Final

NAME: Final = "User-to-User"

_IA5: Final = 0x04
"""The protocol discriminator of characters (ITU-T Q.931, 4.5.30), with which an ISDN user's information begins."""
_OCTETS: Final = 128  # of ISDN (RFC 7434); what is longer is cut by some networks, and refused by others
_SPACE: Final = 0x20  # the first octet that is a character; discriminators stand below
_HEX: Final = re.compile(r"(?:[0-9A-Fa-f]{2})+")


def encode(text: str) -> str:
    """The header's value that tells this text, whose first 127 characters count, in ASCII."""
    content = bytes([_IA5, *text.encode("ascii", errors="replace")])[:_OCTETS].hex()
    return f"{content};encoding=hex;purpose=isdn-uui;content=isdn-uui"


def decode(value: str) -> str:
    """The text that a header's value tells; one that is not in hexadecimal is taken as it stands."""
    content = value.partition(";")[0].strip()
    if not _HEX.fullmatch(content):
        return content.strip('"')
    octets = bytes.fromhex(content)
    return octets[octets[0] < _SPACE :].decode("ascii", errors="replace")
