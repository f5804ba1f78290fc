"""The way to speech recognition, and into it, by the settings."""

from __future__ import annotations

import ssl
from typing import TYPE_CHECKING

from asr.client import AsrClient
from asr.door import Entrance
from config.fault import LastingFault

if TYPE_CHECKING:
    from gateway.site.settings import Paths, Settings


class CertificateError(LastingFault):
    """A file of ``asr`` for TLS cannot be used; the message names it and the remedy."""


def speech_client(settings: Settings, paths: Paths) -> AsrClient:
    """Make the client of the city's speech servers; raises CertificateError."""
    return _make_client(paths.asr_url(settings), settings)


def _make_client(url: str, settings: Settings) -> AsrClient:
    asr = settings.asr
    tls = None
    if asr.authority:
        try:
            tls = ssl.create_default_context(cafile=str(asr.authority))
        except (OSError, ssl.SSLError) as error:
            raise CertificateError(
                f"asr.authority {asr.authority}: {error}; give the PEM file of the authority that signed the "
                "speech servers' certificates"
            ) from error
    return AsrClient(url, asr.token, tls)


def second_client(settings: Settings, paths: Paths) -> AsrClient:
    """Make the client of the second pass's server; raises CertificateError, and ValueError when there is none."""
    return _make_client(paths.second_url(settings) or "", settings)


def speech_entrance(settings: Settings) -> Entrance:
    """Who may come in to the speech server of this machine; raises CertificateError."""
    asr = settings.asr
    if asr.certificate is None or asr.key is None:
        return Entrance(asr.token)
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    try:
        tls.load_cert_chain(asr.certificate, asr.key)
    except (OSError, ssl.SSLError) as error:
        raise CertificateError(
            f"asr.certificate {asr.certificate}, asr.key {asr.key}: {error}; give a certificate and its key (PEM)"
        ) from error
    return Entrance(asr.token, tls)
