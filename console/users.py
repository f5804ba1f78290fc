"""The users: agents and administrators. Nobody is ever deleted, for the audit trail names them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import sqlalchemy as sa

from console.policy import Role
from recordings.schema import claims, sessions, users

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from sqlalchemy.ext.asyncio import AsyncConnection

    from recordings.database import Database

_NAME: Final = re.compile(r"\w[\w.@-]{1,39}")  # not "..", which a browser takes for a way up


class UserExistsError(Exception):
    """The name is taken."""


@dataclass(frozen=True, slots=True)
class User:
    """A user; ``password`` is the hash. Who is not ``active`` cannot log in."""

    name: str
    password: str
    role: Role
    active: bool
    created_at: datetime


def is_name(name: str) -> bool:
    """Whether it may be a user's name: 2 to 40 letters (Chinese too), digits, and, behind the first, ``. _ @ -``."""
    return _NAME.fullmatch(name) is not None


async def find_user(db: Database, name: str) -> User | None:
    """The user of that very name."""
    async with db.read() as connection:
        row = (await connection.execute(sa.select(users).where(users.c.name == name))).first()
    return _read(row) if row else None


async def list_users(db: Database) -> Sequence[User]:
    """All of them, by name."""
    async with db.read() as connection:
        return [_read(row) for row in await connection.execute(sa.select(users).order_by(users.c.name))]


async def add_user(
    connection: AsyncConnection,
    name: str,
    password: str,
    role: Role,
    now: datetime,
    *,
    must_change: bool = False,
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
                    role=role,
                    active=True,
                    created_at=now,
                    must_change=must_change,
                )
            )
    except sa.exc.IntegrityError:
        raise UserExistsError(name) from None


async def set_password(
    connection: AsyncConnection, name: str, password: str, *, must_change: bool | None = None
) -> None:
    """Keep another hash; ``must_change`` None: that of the same password."""
    changed = {} if must_change is None else {"must_change": must_change}
    await connection.execute(
        sa.update(users).where(users.c.name == name).values(password=password, **changed)
    )


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


async def count_admins(connection: AsyncConnection, but: str) -> int:
    """How many administrators besides ``but`` can log in; no other is changed until the transaction ends."""
    query = sa.select(users.c.name).where(users.c.role == Role.ADMIN, users.c.active).with_for_update()
    return sum(name != but for name in await connection.scalars(query))


def _read(row: sa.Row[tuple[object, ...]]) -> User:
    return User(row.name, row.password, Role(row.role), row.active, row.created_at)
