"""The end of a process some of whose threads a disk holds: they could be waited for only as long as it stands still."""

from __future__ import annotations

import asyncio
import logging
import os
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Final

from recordings.threads import at_work

if TYPE_CHECKING:
    from recordings.database import Database
    from recordings.journals import Journals

log = logging.getLogger(__name__)

_PATIENCE_SECONDS: Final = 5.0
_DATABASE_SECONDS: Final = 5.0
_LOOK_SECONDS: Final = 0.05


async def close_books(db: Database, journals: Journals) -> None:
    """Let go of the database, if it lets go in time; say in the log what the disk has not taken to the end."""
    with suppress(TimeoutError):
        async with asyncio.timeout(_DATABASE_SECONDS):
            await db.close()
    if unwritten := journals.unwritten:
        log.critical(
            "the disk has stood still to the end: %d calls are not written whole. 磁盘始终无响应,通话记录不完整。",
            len(unwritten),
            extra={"call_id": unwritten},
        )


def leave_what_is_stuck() -> None:
    """Come back as soon as no thread works any more; end the process with status 1, and say so, if that takes longer.

    The last thing a process does, when it has nothing more to lose: the interpreter joins its threads for ever.
    """
    until = time.monotonic() + _PATIENCE_SECONDS
    while kinds := at_work():
        if time.monotonic() > until:
            log.critical(
                "ended without waiting for what the disk holds: %s. 磁盘无响应,不再等待,进程退出。",
                ", ".join(kinds),
            )
            logging.shutdown()
            os._exit(1)
        time.sleep(_LOOK_SECONDS)
