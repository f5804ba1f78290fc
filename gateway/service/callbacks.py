"""The door by which the intake tells what became of its tickets, opened as the settings say."""

from __future__ import annotations

import logging
import ssl
from contextlib import AsyncExitStack, asynccontextmanager
from typing import TYPE_CHECKING

from tickets.callbacks import listen

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from gateway.site.intake import IntakeSettings
    from recordings.database import Database

log = logging.getLogger(__name__)


@asynccontextmanager
async def taking_call_backs(intake: IntakeSettings, db: Database) -> AsyncIterator[None]:
    """Take status messages meanwhile, if that is set. Where the door cannot be opened, tickets go out all the same."""
    door = intake.callbacks
    async with AsyncExitStack() as stack:
        if door.port is not None:
            try:
                tls = None
                if door.certificate is not None:
                    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
                    tls.load_cert_chain(door.certificate, door.key, password="")
                opened = listen(db, door.secret or intake.secret, door.host, door.port, tls)
                where = await stack.enter_async_context(opened)
            except (ValueError, OSError) as error:  # an SSLError is an OSError
                log.critical("the intake's status messages are not taken: %s: intake.callbacks", error)
            else:
                log.info("status messages are taken", extra={"url": where})
        yield
