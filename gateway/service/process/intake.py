"""The reference intake as a process."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from config.document import ConfigError
from gateway.service.notify import serving
from gateway.service.process.common import stop_signal
from tickets.intake.server import serve
from tickets.signature import read_secret

if TYPE_CHECKING:
    from gateway.site.settings import Paths, Settings

log = logging.getLogger(__name__)


async def run(settings: Settings, paths: Paths, host: str, port: int) -> None:
    """Serve the reference intake until SIGTERM; raises ConfigError for a secret that cannot be used."""
    stop = stop_signal()
    try:
        read_secret(settings.intake.secret)
    except ValueError as error:
        raise ConfigError("settings", 0, f"intake: {error}", "correct intake.secret") from None
    async with (
        serve(paths.data / "intake.db", settings.intake.secret, host, port) as address,
        serving(),
    ):
        log.info("ready", extra={"address": f"{address}/"})
        await stop.wait()
