"""The page's first users, made from the command line."""

from __future__ import annotations

import secrets
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from config.fault import Fault
from console.passwords import check_password, find_fault, hash_password
from console.policy import Role
from console.users import UserExistsError, add_user, find_user, is_name, list_users
from recordings.database import open_database, require_current

if TYPE_CHECKING:
    from gateway.site.settings import Paths, Settings

FIRST_USER = "admin"


class UserError(Fault):
    """The user cannot be added; the message says why."""


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
