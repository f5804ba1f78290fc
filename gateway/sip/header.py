"""SIP headers as text: their names, the entries in them, and the users that addresses name (RFC 3261, RFC 3966)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from urllib.parse import unquote

if TYPE_CHECKING:
    from collections.abc import Iterable

_COMPACT = {
    "f": "from",
    "t": "to",
    "i": "call-id",
    "c": "content-type",
    "l": "content-length",
    "m": "contact",
}
_URI = re.compile(r"(sips?|tel):([^>?\s\"]*)", re.IGNORECASE)


def read_headers(head: str) -> dict[str, list[str]]:
    """The values of each header by its long name in lower case, folded lines made whole."""
    values: dict[str, list[str]] = {}
    for line in re.split(r"\r?\n", re.sub(r"\r?\n[ \t]+", " ", head)):
        name, _, value = line.partition(":")
        name = name.strip().lower()
        values.setdefault(_COMPACT.get(name, name), []).append(value.strip())
    return values


def split_entries(values: Iterable[str]) -> list[str]:
    """The entries of a header's values, parted by the commas outside of angle brackets, without quoted text."""
    entries = []
    for value in values:
        entry: list[str] = []
        quoted = bracketed = escaped = False
        for sign in value:
            if quoted:
                quoted = escaped or sign != '"'
                escaped = sign == "\\" and not escaped
            elif sign == '"' and not bracketed:
                quoted = True
            elif sign == "," and not bracketed:
                entries.append("".join(entry))
                entry = []
            else:
                bracketed = sign == "<" or (bracketed and sign != ">")
                entry.append(sign)
        entries.append("".join(entry))
    return entries


def read_user(text: str) -> str:
    """The user part of the first sip:, sips: or tel: URI in ``text``, "" if there is none.

    It comes without parameters and unprintable signs.
    """
    return read_subscriber(text)[0]


def read_subscriber(text: str) -> tuple[str, str]:
    """As `read_user`, and beside it the ``phone-context`` that a local number stands in, "" without one (RFC 3966)."""
    found = _find_uri(text)
    if not found:
        return "", ""
    scheme, rest = found[1].lower(), found[2]
    user, at, _ = rest.partition("@")
    if scheme != "tel" and not at:
        return "", ""  # a host alone
    number, *parameters = user.split(";")
    contexts = [unquote(p).partition("=")[2] for p in parameters if p.lower().startswith("phone-context=")]
    return _decode(number.partition(":")[0]), contexts[0] if contexts else ""


def is_tel(text: str) -> bool:
    """Whether the first URI in ``text`` is a telephone number (RFC 3966)."""
    found = _find_uri(text)
    return found is not None and found[1].lower() == "tel"


def _find_uri(text: str) -> re.Match[str] | None:
    return _URI.search(text, text.find("<") + 1)  # a name before the brackets is only a name


def printable(text: str) -> str:
    """The text without what cannot be printed.

    Exchanges write GBK where SIP wants UTF-8; what the bindings make of that, no terminal and no database takes.
    """
    return "".join(filter(str.isprintable, text))


def _decode(part: str) -> str:
    return printable(unquote(part))
