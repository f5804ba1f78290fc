"""Throwing the duty switch (全部转人工) from the page, and what every page says of it."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Final

import aiohttp

from config.duty import DutyError, read_duty
from console.keys import DATA, GATEWAYS
from recordings.threads import Threads

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime
    from pathlib import Path

    from aiohttp import web

    from config.duty import Duty, Order

log = logging.getLogger(__name__)

_SECONDS: Final = 5.0
_writing: Final = Threads("duty", 1)


def orders_in_force(app: web.Application, now: datetime) -> Sequence[Order]:
    """What holds at that moment; nothing while the switch cannot be read, which the log says."""
    try:
        return read_duty(app[DATA]).in_force(now)
    except DutyError as fault:
        log.error("%s", fault)  # noqa: TRY400 - the message says what, where, and what to do
        return ()


async def throw(app: web.Application, change: Callable[[Path], Duty]) -> None:
    """Change the switch in the data folder, away from the loop; raises DutyError."""
    await _writing.run(change, app[DATA])


async def tell_gateways(app: web.Application) -> bool:
    """Tell the gateways to look at the switch; whether all have. The others look by themselves, once a second."""
    told = await asyncio.gather(*(_tell(socket) for socket in app[GATEWAYS]))
    return all(told)


async def _tell(socket: Path) -> bool:
    timeout = aiohttp.ClientTimeout(total=_SECONDS)
    try:
        async with (
            aiohttp.ClientSession(
                connector=aiohttp.UnixConnector(path=str(socket)), timeout=timeout
            ) as session,
            session.post("http://gateway/duty", raise_for_status=True),
        ):
            return True
    except (aiohttp.ClientError, OSError, TimeoutError) as error:
        log.warning("gateway %s was not told of the duty switch: %s", socket.stem, error)
        return False
