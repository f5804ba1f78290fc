"""The agents' page as a process."""

from __future__ import annotations

import asyncio
import logging
import ssl
from datetime import datetime, time, timedelta
from typing import TYPE_CHECKING

from config.categories import read_categories
from config.citymap import read_map
from config.document import ConfigError
from console import metrics
from console.app import make_app, serve
from console.dialling import Dialling
from console.policy import Policy
from gateway.service.flows import read_dialogue
from gateway.service.notify import serving
from gateway.service.observe import Readiness, Window, shown
from gateway.service.process.common import open_many_files, stop_signal
from gateway.service.process.database import look_at_database
from gateway.service.rules import choose_some_rules
from gateway.site.heap import uncollected
from gateway.site.reach import AWAY
from gateway.site.settings import DialogueSettings
from gateway.site.telling import tell
from recordings.database import open_database, require_current
from tickets.number import CITY_TIME
from tickets.worklist import backfill

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from config.categories import Category
    from config.citymap import CityMap
    from gateway.site.callback import CallbackSettings
    from gateway.site.console import ConsoleSettings
    from gateway.site.settings import Paths, Settings
    from ivr.hotline import Hotlines
    from recordings.database import Database

log = logging.getLogger(__name__)

_RETRY_S = 30.0


async def run(settings: Settings, paths: Paths) -> None:
    """Serve the page until SIGTERM."""
    stop = stop_signal()
    open_many_files()
    page = settings.console
    with uncollected():
        hotlines, categories = _read_lines(settings.dialogue)
        choose_some_rules(settings)
    tls = open_tls(page)
    db = open_database(paths.database_url(settings))
    try:
        await require_current(db)
        gateways = page.gateways or paths.sockets_of_gateways(settings)
        made = make_app(
            db,
            _make_policy(page),
            lambda: hotlines.names_on(datetime.now(CITY_TIME).date()),
            categories,
            paths.data,
            paths.run,
            gateways,
            {line.number for line in hotlines if line.anonymous},
            _read_map(page),
            _read_dialling(settings.callback),
        )
        listing = asyncio.create_task(_list_earlier_calls(db))
        try:
            window, where = watch(paths.data, db), settings.metrics
            async with (
                serve(made, page.host, page.port, tls) as address,
                shown(window, paths.console_socket, where.host, where.console_port),
                serving(),
            ):
                log.info("ready", extra={"address": address})
                await stop.wait()
        finally:
            listing.cancel()
            await asyncio.wait([listing])
    finally:
        await db.close()


def _read_lines(dialogue: DialogueSettings) -> tuple[Hotlines, Sequence[Category]]:
    """The lines and the catalogue; agents go on with the embedded ones while the operator's cannot be used."""
    try:
        return read_dialogue(dialogue), read_categories(dialogue.categories)
    except ConfigError as fault:
        log.error("the dialogue cannot be used, the page names lines as embedded: %s", fault)  # noqa: TRY400
    return read_dialogue(DialogueSettings()), read_categories()


def _read_map(page: ConsoleSettings) -> CityMap | None:
    """The city's map; agents go on without one when it cannot be used."""
    try:
        return read_map(page.map)
    except ConfigError as fault:
        log.error("the map cannot be used, the overview shows its table alone: %s", fault)  # noqa: TRY400
        return None


def _read_dialling(callback: CallbackSettings) -> Dialling | None:
    return Dialling(callback.allows, callback.allows_extension) if callback.trunk else None


def watch(data: Path, db: Database) -> Window:
    """The page is ready when its database answers."""

    async def readiness() -> Readiness:
        wrong, away = await look_at_database(db)
        return Readiness((*wrong, *away))

    return Window("console", data, dict, readiness, (metrics.REGISTRY,))


async def _list_earlier_calls(db: Database) -> None:
    while True:
        try:
            count = await backfill(db)
        except AWAY as error:
            log.warning("calls of before the page wait to be listed: %s", tell(error))
            await asyncio.sleep(_RETRY_S)
        else:
            if count:
                log.info("calls of before the page have been listed", extra={"calls": count})
            return


def _make_policy(page: ConsoleSettings) -> Policy:
    return Policy(
        idle=timedelta(minutes=page.idle_minutes),
        lifetime=timedelta(hours=page.session_hours),
        secure=page.behind_tls_proxy or page.certificate is not None,
        behind_proxy=page.behind_tls_proxy,
        second_factor_for=frozenset(page.second_factor_for),
        take_back=timedelta(seconds=page.take_back_seconds),
        shifts=tuple(map(time.fromisoformat, page.shifts)),
    )


def open_tls(page: ConsoleSettings) -> ssl.SSLContext | None:
    """The page's certificate and key, None when it has none. Raises ConfigError."""
    if page.certificate is None:
        return None
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    try:
        context.load_cert_chain(page.certificate, page.key)
    except (OSError, ssl.SSLError) as error:
        raise ConfigError(
            "settings", 0, f"console: {error}", "correct console.certificate and console.key"
        ) from None
    return context
