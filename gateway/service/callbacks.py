"""The door by which the intake tells what became of its tickets, opened as the settings say."""

from __future__ import annotations

import asyncio
import logging
import ssl
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Final

from tickets.callbacks import listen

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from gateway.site.intake import IntakeSettings
    from recordings.database import Database

log = logging.getLogger(__name__)

AGAIN_SECONDS: Final = 10.0
"""After so long a door that could not be opened is tried again: who holds the port may have gone."""


@asynccontextmanager
async def taking_call_backs(
    intake: IntakeSettings, db: Database, again_s: float = AGAIN_SECONDS
) -> AsyncIterator[None]:
    """Take status messages meanwhile, if that is set. Where the door cannot be opened, tickets go out all the same.

    It is tried again every ``again_s`` seconds.
    """
    if intake.callbacks.port is None:
        yield
        return
    tried = asyncio.Event()
    keeping = asyncio.create_task(_keep_open(intake, db, again_s, tried), name="the intake's call-backs")
    try:
        await tried.wait()
        yield
    finally:
        keeping.cancel()
        await asyncio.wait({keeping})


async def _keep_open(intake: IntakeSettings, db: Database, again_s: float, tried: asyncio.Event) -> None:
    """Open the door, however often that takes, and keep it open; ``tried`` is set after the first time."""
    door, told = intake.callbacks, ""
    while True:
        try:
            tls = None
            if door.certificate is not None:
                tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
                tls.load_cert_chain(door.certificate, door.key, password="")
            async with listen(db, door.secret or intake.secret, door.host, door.port or 0, tls) as where:
                log.info("status messages are taken", extra={"url": where})
                tried.set()
                await asyncio.Event().wait()
        except (ValueError, OSError) as error:  # an SSLError is an OSError
            if str(error) != told:
                log.critical(
                    "the intake's status messages are not taken, trying again every %g s: %s: intake.callbacks",
                    again_s,
                    error,
                )
            told = str(error)
        tried.set()
        await asyncio.sleep(again_s)
