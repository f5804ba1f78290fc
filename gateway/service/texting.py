"""Text messages to callers, as the settings have them."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from config.document import ConfigError
from tickets.sms.message import Writer
from tickets.sms.provider import read_provider
from tickets.sms.sender import SmsClient
from tickets.sms.texting import Texting

if TYPE_CHECKING:
    from gateway.site.sms import SmsSettings
    from tickets.sms.provider import Provider

log = logging.getLogger(__name__)


def prove_texting(sms: SmsSettings) -> Provider | None:
    """The gateway that messages go to; None where none is to. Raises ConfigError for a bad file or access."""
    if sms.provider is None:
        return None
    provider = read_provider(sms.provider)
    try:
        sms.access.make_context()
    except ValueError as error:
        remedy = "correct the section sms, or its credentials"
        raise ConfigError("settings", 0, f"sms: {error}", remedy) from None
    return provider


def open_texting(sms: SmsSettings) -> Texting | None:
    """How messages go out; None where none is to. Raises what `prove_texting` does."""
    provider = prove_texting(sms)
    if provider is None:
        return None
    client = SmsClient(provider, sms.secret, sms.timeout_seconds, sms.access)
    return Texting(client, Writer(sms.templates, sms.signature), sms.per_second)


def open_some_texting(sms: SmsSettings) -> Texting | None:
    """The same for who has tickets to deliver all the same: None, said in the log, for what cannot be used."""
    try:
        return open_texting(sms)
    except ConfigError as fault:
        log.critical("no messages are sent to callers: %s", fault)
        return None
