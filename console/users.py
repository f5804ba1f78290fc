"""The users and their roles. Nobody is ever deleted, for the audit trail names them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import sqlalchemy as sa

from console.policy import Right, Role, rights_of
from recordings.users import claims, sessions, user_roles, users

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from datetime import datetime

    from sqlalchemy.ext.asyncio import AsyncConnection

    from recordings.database import Database

_NAME: Final = re.compile(r"\w[\w.@-]{1,39}")  # not "..", which a browser takes for a way up


class UserExistsError(Exception):
    """The name is taken."""


@dataclass(frozen=True, slots=True)
class User:
    """A user; ``password`` is the hash. Who is not ``active`` cannot log in.

    ``founder``: he came first, by the command, and may do all until there is a 安全管理员 beside him. ``extension`` is
    the telephone by which he calls citizens from the page, "" for none.
    """

    name: str
    password: str
    roles: Collection[Role]
    active: bool
    created_at: datetime
    founder: bool = False
    extension: str = ""


def is_name(name: str) -> bool:
    """Whether it may be a user's name: 2 to 40 letters (Chinese too), digits, and, behind the first, ``. _ @ -``."""
    return _NAME.fullmatch(name) is not None


async def find_user(db: Database, name: str) -> User | None:
    """The user of that very name."""
    async with db.read() as connection:
        found = await read_users(connection, name)
    return found[0] if found else None


async def list_users(db: Database) -> Sequence[User]:
    """All of them, by name."""
    async with db.read() as connection:
        return await read_users(connection)


async def read_users(connection: AsyncConnection, name: str = "", *, lock: bool = False) -> Sequence[User]:
    """The users by name, or the one of that name; ``lock``: no other changes any until the transaction ends."""
    query = sa.select(users).order_by(users.c.name)
    parts = sa.select(user_roles)
    if name:
        query, parts = query.where(users.c.name == name), parts.where(user_roles.c.user_name == name)
    rows = (await connection.execute(query.with_for_update() if lock else query)).all()
    roles: dict[str, list[Role]] = {row.name: [] for row in rows}
    for part in await connection.execute(parts):
        roles.setdefault(part.user_name, []).append(Role(part.role))
    order = list(Role)
    return [
        User(
            row.name,
            row.password,
            tuple(sorted(roles[row.name], key=order.index)),
            row.active,
            row.created_at,
            row.founder,
            row.extension,
        )
        for row in rows
    ]


async def add_user(
    connection: AsyncConnection,
    name: str,
    password: str,
    roles: Collection[Role],
    now: datetime,
    *,
    must_change: bool = False,
    founder: bool = False,
) -> None:
    """Add one; ``password`` is the hash, of a password that must be changed when another knows it.

    Raises UserExistsError.
    """
    try:
        async with connection.begin_nested():
            await connection.execute(
                sa.insert(users).values(
                    name=name,
                    password=password,
                    active=True,
                    created_at=now,
                    must_change=must_change,
                    founder=founder,
                )
            )
    except sa.exc.IntegrityError:
        raise UserExistsError(name) from None
    await set_roles(connection, name, roles)


async def set_roles(connection: AsyncConnection, name: str, roles: Collection[Role]) -> None:
    """Make the user these, and nothing else."""
    await connection.execute(sa.delete(user_roles).where(user_roles.c.user_name == name))
    if roles:
        rows = [{"user_name": name, "role": role} for role in sorted(set(roles))]
        await connection.execute(sa.insert(user_roles), rows)


async def set_password(
    connection: AsyncConnection, name: str, password: str, *, must_change: bool | None = None
) -> None:
    """Keep another hash; ``must_change`` None: that of the same password."""
    changed = {} if must_change is None else {"must_change": must_change}
    await connection.execute(
        sa.update(users).where(users.c.name == name).values(password=password, **changed)
    )


async def set_extension(connection: AsyncConnection, name: str, extension: str) -> None:
    """Say which telephone is the user's, "" for none."""
    await connection.execute(sa.update(users).where(users.c.name == name).values(extension=extension))


async def set_active(connection: AsyncConnection, name: str, *, active: bool) -> None:
    """Let the user log in, or no longer."""
    await connection.execute(sa.update(users).where(users.c.name == name).values(active=active))


async def end_sessions(connection: AsyncConnection, name: str, but: str = "") -> None:
    """Log the user out everywhere, except in the session whose token hashes to ``but``."""
    await connection.execute(
        sa.delete(sessions).where(sessions.c.user_name == name, sessions.c.token_sha256 != but)
    )


async def drop_claims(connection: AsyncConnection, name: str) -> None:
    """Let others have the calls that the user holds."""
    await connection.execute(sa.delete(claims).where(claims.c.user_name == name))


def watches(user: User) -> bool:
    """Whether he says what others may do, or reads what they did: nobody takes his place by the page, see ADR 0048."""
    return not {Right.GRANT, Right.AUDIT}.isdisjoint(rights_of(user.roles, alone=user.founder))


def rights_among(user: User, everyone: Collection[User]) -> frozenset[Right]:
    """What the user may do, one of ``everyone``; nothing when he cannot log in."""
    if not user.active:
        return frozenset()
    others = (other for other in everyone if other.name != user.name and other.active)
    return rights_of(user.roles, alone=user.founder and not any(Role.SECURITY in u.roles for u in others))


def find_gap(everyone: Collection[User]) -> str:
    """What nobody could do any more, in Chinese; "" while somebody can make users and somebody say what they may."""
    held = frozenset[Right]().union(*(rights_among(user, everyone) for user in everyone))
    lacking = [right for right in (Right.USERS, Right.GRANT) if right not in held]
    return f"至少要保留一位可以登录、能{'和'.join(lacking)}的用户。" if lacking else ""
