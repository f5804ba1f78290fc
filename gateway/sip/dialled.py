"""The numbers that an INVITE names as called: Request-URI, Diversion, History-Info, To."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from gateway.sip.header import read_user, split_entries
from ivr.hotline import Called

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_BARE = re.compile(r"[\s<]*([+0-9][-.()0-9]*)")
_MOST = 20  # entries read of one header: a call is not forwarded more often, a stranger may write more


def read_dialled(request_uri: str, headers: Mapping[str, Sequence[str]]) -> tuple[Called, ...]:
    """All called numbers in the order in which `ivr.hotline.Hotlines.find` weighs them.

    ``headers`` gives the values of each header by its long name in lower case. Where the call was forwarded more than
    once, who forwarded it first comes first: the top Diversion is the last one (RFC 5806), the top History-Info the
    first (RFC 7044). What cannot be read is passed over.
    """
    diversion = split_entries(headers.get("diversion", ()))[-_MOST:]
    history = split_entries(headers.get("history-info", ()))[:_MOST]
    return (
        *(Called(user, "request-uri") for user in (read_user(request_uri),) if user),
        *(Called(user, "diversion") for user in map(_read_number, reversed(diversion)) if user),
        *(Called(user, "history-info") for user in map(_read_number, history) if user),
        *(Called(user, "to") for user in map(_read_number, split_entries(headers.get("to", ()))[:1]) if user),
    )


def _read_number(value: str) -> str:
    """The user part, also of a number that stands there without any scheme."""
    bare = _BARE.match(value)
    return read_user(value) or (bare[1] if bare else "")
