"""Until when an X.509 certificate is good (RFC 5280, 4.1), read from its PEM file (RFC 7468)."""

from __future__ import annotations

import base64
import binascii
import re
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from config.fault import Fault

if TYPE_CHECKING:
    from pathlib import Path

SOON = timedelta(days=30)
"""A certificate with less left than this is to be renewed."""

_PEM = re.compile(rb"-----BEGIN CERTIFICATE-----(.*?)-----END CERTIFICATE-----", re.DOTALL)
_VERSION, _UTC_TIME, _LONG = 0xA0, 0x17, 0x80
_BEFORE_VALIDITY = 3  # serial number, signature's kind, issuer
_CENTURY = 50  # RFC 5280, 4.1.2.5.1: a year of two digits below it is of this century


class CertificateError(Fault):
    """A file that is no certificate; says which, and what to do."""


def read_end(file: Path) -> datetime:
    """When the first certificate of a PEM file ends. Raises CertificateError, and OSError for the file."""
    found = _PEM.search(file.read_bytes())
    if found is None:
        raise CertificateError(f"{file} holds no certificate in PEM form: give the file that begins with it")
    try:
        return _find_end(base64.b64decode(found[1]))
    except (binascii.Error, IndexError, ValueError) as error:
        raise CertificateError(f"{file} holds a certificate that cannot be read: {error}") from error


def _find_end(certificate: bytes) -> datetime:
    _, inner, _ = _enter(certificate, 0)  # the certificate, with its signature
    _, at, _ = _enter(certificate, inner)  # what is signed
    tag, _, end = _enter(certificate, at)
    if tag == _VERSION:
        at = end
    for _ in range(_BEFORE_VALIDITY):
        _, _, at = _enter(certificate, at)
    _, begins, _ = _enter(certificate, at)
    _, _, ends = _enter(certificate, begins)
    tag, start, end = _enter(certificate, ends)
    text = certificate[start:end].decode("ascii").removesuffix("Z")
    if tag == _UTC_TIME:
        text = ("20" if int(text[:2]) < _CENTURY else "19") + text
    return datetime.strptime(text, "%Y%m%d%H%M%S").replace(tzinfo=UTC)


def _enter(data: bytes, at: int) -> tuple[int, int, int]:
    """The tag of the DER value at ``at``, where its content begins, and where the next value does (X.690, 8.1)."""
    tag, length, start = data[at], data[at + 1], at + 2
    if length & _LONG:
        size = length & ~_LONG
        length = int.from_bytes(data[start : start + size])
        start += size
    if start + length > len(data):
        raise ValueError("it is cut short")
    return tag, start, start + length
