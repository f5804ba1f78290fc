"""The page's first users, made from the command line."""

from __future__ import annotations

import secrets
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from config.fault import Fault
from console import factor
from console.audit import Action, record_command
from console.lockout import unlock
from console.passwords import check_password, find_fault, hash_password
from console.policy import Right, Role, find_role_fault, rights_of
from console.users import (
    UserExistsError,
    add_user,
    end_sessions,
    find_user,
    is_name,
    list_users,
    read_users,
    set_password,
)
from recordings.database import open_database, require_current

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gateway.site.settings import Paths, Settings

FIRST_USER = "admin"
_BEFORE: Final = {"管理员": "系统管理员 + 班长 (--role 系统管理员 --role 班长)"}
"""Roles that there are no more, and what has become of them."""


class UserError(Fault):
    """The user cannot be added; the message says why."""


def read_roles(names: Sequence[str]) -> list[Role]:
    """The roles of these names. Raises UserError."""
    for name in names:
        if name in _BEFORE:
            raise UserError(
                f"现在没有“{name}”这种身份,它分成了 {_BEFORE[name]};第一位管理员用 --role 安全管理员,"
                f"在有第二位安全管理员之前有全部权限 / there is no role {name} any more: it has become {_BEFORE[name]}"
                "; the first administrator is --role 安全管理员, and may do all until there is a second one"
            )
        if name not in list(Role):
            raise UserError(f"{name!r}: 身份只能是 / the roles are {'、'.join(Role)}")
    roles = [Role(name) for name in names]
    if fault := find_role_fault(roles):
        raise UserError(f"{fault} / roles that one person cannot have together, or none")
    return roles


async def add_console_user(
    settings: Settings, paths: Paths, name: str, password: str, roles: Sequence[Role]
) -> bool:
    """Add a user of the page; whether he may do all, as the first here who looks after users.

    Raises UserError, WrongRevision.
    """
    if not is_name(name):
        raise UserError(f"{name!r}: 用户名须为 2–40 个汉字、字母、数字或 . _ @ - / 2 to 40 letters or digits")
    if fault := find_fault(password, name):
        raise UserError(f"{fault} / the password is too weak")
    db = open_database(paths.database_url(settings))
    try:
        await require_current(db)
        kept = await hash_password(password)
        async with db.write() as connection:
            others = await read_users(connection)
            first = Right.ACCOUNTS in rights_of(roles) and not any(
                user.founder or Right.GRANT in rights_of(user.roles) for user in others
            )
            await add_user(connection, name, kept, roles, datetime.now(UTC), founder=first)
            await record_command(connection, Action.ADD_USER, name, "、".join(roles))
    except UserExistsError:
        raise UserError(
            f"用户 {name} 已存在,请用 hotline console reset-password 重置密码 / "
            f"user {name} exists: hotline console reset-password gives a new password"
        ) from None
    finally:
        await db.close()
    return first


async def unlock_console(settings: Settings, paths: Paths, whom: str) -> bool:
    """Forget the wrong passwords and codes at an account, or from an address; whether there were any.

    Raises WrongRevision.
    """
    db = open_database(paths.database_url(settings))
    try:
        await require_current(db)
        async with db.write() as connection:
            names = (whom, factor.name_of(whom))
            ended = sum([await unlock(connection, name=name) for name in names])
            ended += await unlock(connection, address=whom)
            if ended:
                await record_command(connection, Action.UNLOCK, whom)
        return bool(ended)
    finally:
        await db.close()


async def reset_password(settings: Settings, paths: Paths, name: str, password: str) -> None:
    """Give a user a new password, to be changed at the next login, and log him out. Raises UserError, WrongRevision."""
    if fault := find_fault(password, name):
        raise UserError(f"{fault} / the password is too weak")
    db = open_database(paths.database_url(settings))
    try:
        await require_current(db)
        if await find_user(db, name) is None:
            raise UserError(f"没有用户 {name} / there is no user {name}")
        kept = await hash_password(password)
        async with db.write() as connection:
            await set_password(connection, name, kept, must_change=True)
            await end_sessions(connection, name)
            await unlock(connection, name)
            await record_command(connection, Action.RESET_PASSWORD, name)
    finally:
        await db.close()


async def reset_second_factor(settings: Settings, paths: Paths, name: str) -> bool:
    """Take a user's second factor away and log him out; whether he had one. Raises WrongRevision."""
    db = open_database(paths.database_url(settings))
    try:
        await require_current(db)
        async with db.write() as connection:
            had = await factor.drop(connection, name)
            if had:
                await end_sessions(connection, name)
                await unlock(connection, factor.name_of(name))
                await record_command(connection, Action.RESET_FACTOR, name)
        return had
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
                await add_user(connection, FIRST_USER, kept, [Role.SECURITY], datetime.now(UTC), founder=True)
                await record_command(connection, Action.ADD_USER, FIRST_USER, Role.SECURITY)
        elif not file.exists():
            return None
        user, password = await find_user(db, FIRST_USER), file.read_text()
        if user is not None and user.active and await check_password(password, user.password):
            return FIRST_USER, password
        file.unlink()
        return None
    finally:
        await db.close()
