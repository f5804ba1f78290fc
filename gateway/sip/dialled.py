"""The numbers that an INVITE names as called: Request-URI, Diversion, History-Info, To."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from urllib.parse import unquote

from ivr.hotline import Called

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

_URI = re.compile(r"(sips?|tel):([^>?\s\"]*)", re.IGNORECASE)
_BARE = re.compile(r"[\s<]*([+0-9][-.()0-9]*)")
_MOST = 20  # entries read of one header: a call is not forwarded more often, a stranger may write more


def read_dialled(request_uri: str, headers: Mapping[str, Sequence[str]]) -> tuple[Called, ...]:
    """All called numbers in the order in which `ivr.hotline.Hotlines.find` weighs them.

    ``headers`` gives the values of each header by its long name in lower case. Where the call was forwarded more than
    once, who forwarded it first comes first: the top Diversion is the last one (RFC 5806), the top History-Info the
    first (RFC 7044). What cannot be read is passed over.
    """
    diversion = _split(headers.get("diversion", ()))[-_MOST:]
    history = _split(headers.get("history-info", ()))[:_MOST]
    return (
        *(Called(user, "request-uri") for user in (read_user(request_uri),) if user),
        *(Called(user, "diversion") for user in map(_read_number, reversed(diversion)) if user),
        *(Called(user, "history-info") for user in map(_read_number, history) if user),
        *(Called(user, "to") for user in map(_read_number, _split(headers.get("to", ()))[:1]) if user),
    )


def read_user(text: str) -> str:
    """The user part of the first sip:, sips: or tel: URI in ``text``, "" if there is none.

    It comes without parameters and unprintable signs.
    """
    found = _URI.search(text)
    if not found:
        return ""
    scheme, rest = found[1].lower(), found[2]
    user, at, _ = rest.partition("@")
    if scheme != "tel" and not at:
        return ""  # a host alone
    return "".join(sign for sign in unquote(re.split("[;:]", user)[0]) if sign.isprintable())


def _read_number(value: str) -> str:
    """The user part, also of a number that stands there without any scheme."""
    bare = _BARE.match(value)
    return read_user(value) or (bare[1] if bare else "")


def _split(values: Iterable[str]) -> list[str]:
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
