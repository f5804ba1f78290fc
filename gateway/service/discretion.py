"""What a log may not hold: a caller's number, a caller's words, a password. The last door before the log is written.

No line is meant to hold any of it in the first place; this is for what libraries, peers and exceptions bring.
"""

from __future__ import annotations

import re
import traceback
from typing import TYPE_CHECKING

from asr.fault import AsrUnavailable
from gateway.sip.fault import SipError

if TYPE_CHECKING:
    from collections.abc import Iterator

# Their messages name files, hosts and identifiers of the program. Any other may quote the value it stumbled over:
# pydantic, the database's driver, int() and the voice do.
_TELLING = (OSError, AttributeError, ImportError, NameError, TypeError, MemoryError, SipError, AsrUnavailable)

_HIDDEN = "…"
_PATTERNS = (
    (re.compile(r"\b(sips?|tel):[^\s@<>;\"']+(@?)", re.IGNORECASE), rf"\1:{_HIDDEN}\2"),  # a party's URI
    (re.compile(r"(\w://)[^\s/@]+@"), rf"\1{_HIDDEN}@"),  # user and password
    (re.compile(r"(\w://[^\s?#\"']*)\?[^\s\"')]*"), rf"\1?{_HIDDEN}"),  # a query
)
# From seven digits on a telephone number, unless it is part of a word (a digest) or of a call id, which stays; and a
# mobile number wherever it stands.
_NUMBER = re.compile(
    r"(\d{8}T\d{6}-[0-9a-f]{8})|(?<![0-9A-Za-z])\+?\d(?:-?\d){6,}(?![0-9A-Za-z])|1[3-9]\d{9}"
)


def mask(text: str) -> str:
    """The text without numbers of callers, user parts of SIP URIs, passwords and queries in URLs."""
    for pattern, instead in _PATTERNS:
        text = pattern.sub(instead, text)
    return _NUMBER.sub(lambda found: found[1] or _HIDDEN, text)


def tell(error: BaseException) -> str:
    """Where an exception and those behind it came from, line by line, without any that may quote a citizen.

    An exception's own message is given only where its class promises to name nothing but files, hosts and code.
    """
    return "\n".join(_tell_each(error))


def _tell_each(error: BaseException) -> Iterator[str]:
    behind = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    if behind is not None:
        yield from _tell_each(behind)
        yield "then, because of it or while it was handled:"
    yield from (line.rstrip("\n") for line in traceback.format_tb(error.__traceback__))
    name = f"{type(error).__module__}.{type(error).__qualname__}".removeprefix("builtins.")
    yield f"{name}: {mask(str(error))}" if isinstance(error, _TELLING) else f"{name} (message withheld)"
    if isinstance(error, BaseExceptionGroup):
        for number, member in enumerate(error.exceptions, start=1):
            yield f"{number} of {len(error.exceptions)} in the group:"
            yield from _tell_each(member)
