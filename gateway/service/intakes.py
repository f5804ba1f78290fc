"""The intake that the settings name, opened."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from yarl import URL

from config.document import ConfigError
from tickets.client import IntakeClient
from tickets.mapped import MappedClient
from tickets.mapping import read_mapping

if TYPE_CHECKING:
    from gateway.site.settings import Settings
    from tickets.mapping import IntakeMapping

log = logging.getLogger(__name__)


def open_intake(settings: Settings) -> IntakeClient:
    """The client of the configured intake; raises ConfigError for a bad address, secret, access or mapping."""
    intake = settings.intake
    mapping = read_mapping(intake.mapping) if intake.mapping is not None else None
    try:
        _warn_of_strangers(settings, mapping)
        if mapping is not None:
            return MappedClient(intake.address, intake.secret, intake.timeout_seconds, intake.access, mapping)
        return IntakeClient(
            intake.address, intake.secret, intake.timeout_seconds, intake.alerts_url, intake.access
        )
    except ValueError as error:
        remedy = "correct the section intake, or its credentials"
        raise ConfigError("settings", 0, f"intake: {error}", remedy) from None


def _warn_of_strangers(settings: Settings, mapping: IntakeMapping | None) -> None:
    """Say which hosts are posted to without the token: an operator may have meant otherwise."""
    intake, access = settings.intake, settings.intake.access
    if not access.token and access.oauth is None:
        return
    urls = {"intake.alerts_url": intake.alerts_url}
    if mapping is not None:
        file = mapping.file
        urls |= {"lookup.url": file.lookup.url if file.lookup else ""}
        urls |= {"supplement.url": file.supplement.url if file.supplement else ""}
    for what, url in urls.items():
        if url and not access.may_show_token(URL(url), URL(intake.address)):
            log.warning("%s is another host's, the token is not shown there: intake.token_for", what)
