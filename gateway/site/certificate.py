"""Until when an X.509 certificate is good (RFC 5280, 4.1), read from its PEM file (RFC 7468)."""

from __future__ import annotations

import base64
import binascii
import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from config.fault import Fault

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from gateway.site.settings import Settings

SOON = timedelta(days=30)
"""A certificate with less left than this is to be renewed."""

_PEM = re.compile(rb"-----BEGIN CERTIFICATE-----(.*?)-----END CERTIFICATE-----", re.DOTALL)
_VERSION, _UTC_TIME, _LONG = 0xA0, 0x17, 0x80
_BEFORE_VALIDITY = 3  # serial number, signature's kind, issuer
_CENTURY = 50  # RFC 5280, 4.1.2.5.1: a year of two digits below it is of this century


class CertificateError(Fault):
    """A file that is no certificate; says which, and what to do."""


@dataclass(frozen=True, slots=True)
class Certificate:
    """One of this house, or (``authority``) those of who signed another's; ``whose`` is the settings' section."""

    whose: str
    file: Path
    authority: bool = False

    def read_end(self) -> datetime:
        """When it ends, of several authorities the last. Raises CertificateError, and OSError for the file."""
        ends = read_ends(self.file)
        return max(ends) if self.authority else ends[0]


def list_certificates(settings: Settings) -> Iterator[Certificate]:
    """Every certificate file that the settings name."""
    for trunk in settings.trunks:
        if trunk.tls is not None:
            yield Certificate(f"trunks.{trunk.name}", trunk.tls.certificate)
            if "authorities" in trunk.tls.model_fields_set:  # the machine's own list is Debian's to renew
                yield Certificate(f"trunks.{trunk.name}.authorities", trunk.tls.authorities, authority=True)
    sections = {
        "console": settings.console.certificate,
        "intake": settings.intake.certificate,
        "intake.callbacks": settings.intake.callbacks.certificate,
        "sms": settings.sms.certificate,
        "asr": settings.asr.certificate,
    }
    yield from (Certificate(whose, file) for whose, file in sections.items() if file is not None)
    signers = {
        "intake": settings.intake.authority,
        "sms": settings.sms.authority,
        "asr": settings.asr.authority,
    }
    for whose, file in signers.items():
        if file is not None:
            yield Certificate(f"{whose}.authority", file, authority=True)


def read_ends(file: Path) -> tuple[datetime, ...]:
    """When the certificates of a PEM file end, in their order. Raises CertificateError, and OSError for the file."""
    found = _PEM.findall(file.read_bytes())
    if not found:
        raise CertificateError(f"{file} holds no certificate in PEM form: give the file that begins with it")
    try:
        return tuple(_find_end(base64.b64decode(one)) for one in found)
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
