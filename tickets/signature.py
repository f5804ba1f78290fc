"""Signatures of posted tickets, after Standard Webhooks 1.0.0.

Signed is ``<webhook-id>.<webhook-timestamp>.<body>`` by HMAC-SHA256; the header ``webhook-signature`` holds
one or more signatures separated by spaces, each ``v1,<base64>``. https://www.standardwebhooks.com
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

ID: Final = "webhook-id"
TIMESTAMP: Final = "webhook-timestamp"
SIGNATURE: Final = "webhook-signature"
TOLERANCE_S: Final = 300
"""How old, or how far in the future, a signed message may be."""

_PREFIX: Final = "whsec_"
_KEY_BYTES: Final = range(24, 65)


class SignatureError(ValueError):
    """The message was not signed with our secret, or not lately."""


def read_secret(text: str) -> bytes:
    """The key in a secret of the form ``whsec_<base64 of 24 to 64 bytes>``.

    Raises ValueError saying what is wrong and how to make a good one.
    """
    remedy = "make one with: echo whsec_$(head -c 32 /dev/urandom | base64 -w0)"
    if not text:
        raise ValueError(f"the intake's signing secret is missing: {remedy}")
    if not text.startswith(_PREFIX):
        raise ValueError(f"the intake's signing secret does not begin with {_PREFIX!r}: {remedy}")
    try:
        key = base64.b64decode(text.removeprefix(_PREFIX), validate=True)
    except ValueError as error:
        raise ValueError(
            f"the intake's signing secret is not base64 after {_PREFIX!r} ({error}): {remedy}"
        ) from error
    if len(key) not in _KEY_BYTES:
        raise ValueError(f"the intake's signing secret has {len(key)} bytes, not 24 to 64: {remedy}")
    return key


def sign(key: bytes, message_id: str, timestamp: int, body: bytes) -> dict[str, str]:
    """The three headers for ``body``; ``timestamp`` in seconds since 1970."""
    return {
        ID: message_id,
        TIMESTAMP: str(timestamp),
        SIGNATURE: _signature(key, message_id, str(timestamp), body),
    }


def verify(key: bytes, headers: Mapping[str, str], body: bytes, now: float) -> None:
    """Raise SignatureError unless a signature in ``headers`` is ours and not older than TOLERANCE_S."""
    missing = [name for name in (ID, TIMESTAMP, SIGNATURE) if not headers.get(name)]
    if missing:
        raise SignatureError(f"header {missing[0]} is missing")
    timestamp = headers[TIMESTAMP]
    if not (timestamp.isascii() and timestamp.isdigit()):
        raise SignatureError(f"header {TIMESTAMP} is not a number of seconds")
    expected = _signature(key, headers[ID], timestamp, body).encode()
    given = headers[SIGNATURE].encode(errors="surrogateescape").split(b" ")
    if not any(hmac.compare_digest(expected, candidate) for candidate in given):
        raise SignatureError("no signature matches: the secrets differ, or the body was changed")
    # Only now: what is said of the age is said to a holder of the secret.
    age = now - int(timestamp)
    if abs(age) > TOLERANCE_S:
        raise SignatureError(f"signed {age:.0f} s ago, allowed are {TOLERANCE_S}: compare the two clocks")


def _signature(key: bytes, message_id: str, timestamp: str, body: bytes) -> str:
    signed = f"{message_id}.{timestamp}.".encode(errors="surrogateescape") + body
    return "v1," + base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
