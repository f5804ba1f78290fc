"""The agents' page as a process, and its first user."""

from __future__ import annotations

import asyncio
import logging
import secrets
import ssl
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from config.document import ConfigError
from console.app import make_app, serve
from console.passwords import check_password, find_fault, hash_password
from console.policy import Policy, Role
from console.users import UserExistsError, add_user, find_user, is_name, list_users
from gateway.notify import serving
from gateway.observe import shown
from gateway.reach import AWAY, tell
from gateway.services import read_dialogue, stop_signal
from gateway.windows import watch_console
from recordings.database import open_database, require_current
from tickets.worklist import backfill

if TYPE_CHECKING:
    from gateway.settings import ConsoleSettings, Paths, Settings
    from recordings.database import Database

log = logging.getLogger(__name__)

_RETRY_S = 30.0
FIRST_USER = "admin"


class UserError(Exception):
    """The user cannot be added; the message says why."""


async def run_console(settings: Settings, paths: Paths) -> None:
    """Serve the page until SIGTERM."""
    stop = stop_signal()
    page = settings.console
    hotlines = read_dialogue(settings.dialogue)
    tls = _open_tls(page)
    db = open_database(paths.database_url(settings))
    try:
        await require_current(db)
        names = {number: lines[-1].name for number, lines in hotlines.by_number.items()}
        gateways = page.gateways or paths.sockets_of_gateways(settings)
        made = make_app(db, _make_policy(page), names, paths.data, paths.run, gateways)
        listing = asyncio.create_task(_list_earlier_calls(db))
        try:
            window, where = watch_console(paths.data, db), settings.metrics
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


async def add_console_user(settings: Settings, paths: Paths, name: str, password: str, role: Role) -> None:
    """Add a user of the page. Raises UserError, WrongRevision."""
    if not is_name(name):
        raise UserError(f"{name!r}: 用户名须为 2–40 个汉字、字母、数字或 . _ @ - / 2 to 40 letters or digits")
    if fault := find_fault(password, name):
        raise UserError(f"{fault} / the password is too weak")
    db = open_database(paths.database_url(settings))
    try:
        await require_current(db)
        kept = await hash_password(password)
        async with db.write() as connection:
            await add_user(connection, name, kept, role, datetime.now(UTC))
    except UserExistsError:
        raise UserError(
            f"用户 {name} 已存在,请由管理员在页面上重置密码 / "
            f"user {name} exists: an administrator can reset the password"
        ) from None
    finally:
        await db.close()


async def first_login(settings: Settings, paths: Paths) -> tuple[str, str] | None:
    """For a trial: the name and password of an administrator who is added when the page has no user yet.

    The password is kept in the data folder, for its owner alone, until somebody changes it; then this gives None.
    """
    file = paths.data / "first-login"
    db = open_database(paths.database_url(settings))
    try:
        if not await list_users(db):
            password = secrets.token_urlsafe(9)
            file.touch(mode=0o600)
            file.write_text(password)
            kept = await hash_password(password)
            async with db.write() as connection:
                await add_user(connection, FIRST_USER, kept, Role.ADMIN, datetime.now(UTC))
        elif not file.exists():
            return None
        user, password = await find_user(db, FIRST_USER), file.read_text()
        if user is not None and user.active and await check_password(password, user.password):
            return FIRST_USER, password
        file.unlink()
        return None
    finally:
        await db.close()


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
    )


def _open_tls(page: ConsoleSettings) -> ssl.SSLContext | None:
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
