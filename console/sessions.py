"""Sessions, kept in the database: a cookie opens one, and only its hash is stored."""

from __future__ import annotations

import hashlib
import re
import secrets
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Final

import sqlalchemy as sa

from console.policy import Policy, Right, Role, rights_of
from recordings.users import second_factors, sessions, user_roles, users

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from sqlalchemy.ext.asyncio import AsyncConnection

    from recordings.database import Database

_BROWSER: Final = 200  # characters kept of what a browser calls itself
_KEY: Final = 16  # of a token's hash, enough to tell sessions apart
_PENDING: Final = timedelta(minutes=5)
_TOUCH: Final = timedelta(minutes=1)  # a session is marked as used at most this often


@dataclass(frozen=True, slots=True)
class Session:
    """A login that holds: who, what he may, and the token that every change must carry.

    ``must_change``: another knows the password; nothing is to be done before it is changed. ``must_enrol``: nor before
    he has the second factor that his role asks for.
    """

    user: str
    rights: frozenset[Right]
    csrf: str
    token_sha256: str
    must_change: bool = False
    must_enrol: bool = False

    def may(self, right: Right) -> bool:
        """Whether he has the right."""
        return right in self.rights


@dataclass(frozen=True, slots=True)
class Login:
    """A session as it is listed; ``key`` names it, and opens nothing."""

    key: str
    user: str
    created_at: datetime
    seen_at: datetime
    address: str
    browser: str


async def open_session(
    db: Database,
    user: str,
    now: datetime,
    policy: Policy,
    address: str = "",
    browser: str = "",
    *,
    pending: bool = False,
) -> str:
    """Start a session for a user who has just proved who he is; returns the cookie's value.

    ``pending``: by his password alone, where a second factor has to follow. Sessions past their time are cleared away
    on the occasion.
    """
    token = secrets.token_urlsafe(32)
    async with db.write() as connection:
        await connection.execute(sa.delete(sessions).where(sa.not_(_holds(now, policy))))
        await connection.execute(
            sa.insert(sessions).values(
                token_sha256=_hash(token),
                user_name=user,
                csrf=secrets.token_urlsafe(32),
                created_at=now,
                seen_at=now,
                address=address,
                browser=browser[:_BROWSER],
                pending=pending,
            )
        )
    return token


async def find_session(
    db: Database, token: str, now: datetime, policy: Policy, *, used: bool = True
) -> Session | None:
    """The session that ``token`` opens; None when there is none any more.

    Asking keeps it alive when it is ``used`` by a person, and not by an open page of its own accord.
    """
    digest = _hash(token)
    second, their_roles = users.alias(), user_roles.alias()
    another = (
        sa.exists()
        .where(their_roles.c.user_name == second.c.name, their_roles.c.role == Role.SECURITY)
        .where(second.c.active, second.c.name != users.c.name)
    )
    query = (
        sa.select(
            users.c.name,
            user_roles.c.role,
            users.c.must_change,
            sessions.c.csrf,
            sessions.c.seen_at,
            (users.c.founder & ~another).label("alone"),
            second_factors.c.confirmed_at,
        )
        .join(users, users.c.name == sessions.c.user_name)
        .outerjoin(user_roles, user_roles.c.user_name == users.c.name)
        .outerjoin(second_factors, second_factors.c.user_name == users.c.name)
        .where(sessions.c.token_sha256 == digest, users.c.active, ~sessions.c.pending, _holds(now, policy))
    )
    async with db.read() as connection:
        rows = (await connection.execute(query)).all()
    if not rows:
        return None
    row = rows[0]
    if used and now - row.seen_at >= _TOUCH:
        async with db.write() as connection:
            await connection.execute(
                sa.update(sessions).where(sessions.c.token_sha256 == digest).values(seen_at=now)
            )
    roles = [Role(each.role) for each in rows if each.role]
    lacks = row.confirmed_at is None and not policy.second_factor_for.isdisjoint(roles)
    rights = rights_of(roles, alone=row.alone)
    return Session(row.name, rights, row.csrf, digest, row.must_change, lacks)


async def find_pending(db: Database, token: str, now: datetime) -> str:
    """Whose password was right in the last minutes, and who owes a second factor; "" for nobody's."""
    query = (
        sa.select(sessions.c.user_name)
        .join(users, users.c.name == sessions.c.user_name)
        .where(sessions.c.token_sha256 == _hash(token), sessions.c.pending, users.c.active)
        .where(sessions.c.created_at > now - _PENDING)
    )
    async with db.read() as connection:
        return await connection.scalar(query) or ""


async def close_pending(connection: AsyncConnection, token: str) -> None:
    """The second factor has come, or is not waited for any more."""
    await connection.execute(
        sa.delete(sessions).where(sessions.c.token_sha256 == _hash(token), sessions.c.pending)
    )


async def tell_end(db: Database, session: Session, now: datetime, policy: Policy) -> datetime | None:
    """When the session ends if nobody does anything, None when it has; asking does not keep it alive."""
    query = (
        sa.select(sessions.c.seen_at, sessions.c.created_at)
        .join(users, users.c.name == sessions.c.user_name)
        .where(sessions.c.token_sha256 == session.token_sha256, users.c.active, _holds(now, policy))
    )
    async with db.read() as connection:
        row = (await connection.execute(query)).first()
    if row is None:
        return None
    end: datetime = min(row.seen_at + policy.idle, row.created_at + policy.lifetime)
    return end


async def close_session(db: Database, session: Session) -> None:
    """Log out."""
    async with db.write() as connection:
        await connection.execute(sa.delete(sessions).where(sessions.c.token_sha256 == session.token_sha256))


async def list_sessions(
    connection: AsyncConnection, now: datetime, policy: Policy, user: str = ""
) -> Sequence[Login]:
    """The sessions that hold, of one user or of all, those used last first."""
    query = (
        sa.select(sessions)
        .where(_holds(now, policy), ~sessions.c.pending)
        .order_by(sessions.c.seen_at.desc())
    )
    if user:
        query = query.where(sessions.c.user_name == user)
    return [
        Login(row.token_sha256[:_KEY], row.user_name, row.created_at, row.seen_at, row.address, row.browser)
        for row in await connection.execute(query)
    ]


async def end_session(connection: AsyncConnection, key: str, user: str = "") -> str:
    """Log somebody out of the session of that ``key``, if it is the ``user``'s; whose it was, "" when there is none."""
    if not re.fullmatch(f"[0-9a-f]{{{_KEY}}}", key):
        return ""
    chosen = [sessions.c.token_sha256.startswith(key)]
    if user:
        chosen.append(sessions.c.user_name == user)
    whose: str | None = await connection.scalar(
        sa.delete(sessions).where(*chosen).returning(sessions.c.user_name)
    )
    return whose or ""


def _holds(now: datetime, policy: Policy) -> sa.ColumnElement[bool]:
    return sa.and_(sessions.c.seen_at > now - policy.idle, sessions.c.created_at > now - policy.lifetime)


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
