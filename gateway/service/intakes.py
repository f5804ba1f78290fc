"""The intake that the settings name, opened."""

from __future__ import annotations

from typing import TYPE_CHECKING

from config.document import ConfigError
from tickets.client import IntakeClient
from tickets.mapped import MappedClient
from tickets.mapping import read_mapping

if TYPE_CHECKING:
    from gateway.site.settings import Settings


def open_intake(settings: Settings) -> IntakeClient:
    """The client of the configured intake; raises ConfigError for a bad address, secret, access or mapping."""
    intake = settings.intake
    mapping = read_mapping(intake.mapping) if intake.mapping is not None else None
    try:
        if mapping is not None:
            return MappedClient(intake.address, intake.secret, intake.timeout_seconds, intake.access, mapping)
        return IntakeClient(
            intake.address, intake.secret, intake.timeout_seconds, intake.alerts_url, intake.access
        )
    except ValueError as error:
        remedy = "correct the section intake, or its credentials"
        raise ConfigError("settings", 0, f"intake: {error}", remedy) from None
