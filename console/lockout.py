"""Lock-out: after failures in a row nobody may try that account, or from that address, for a while.

An attempt is counted before the password is looked at and taken back when it was right, so that many attempts at
once count as many.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Final

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from recordings.schema import lockouts

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy.ext.asyncio import AsyncConnection

    from recordings.database import Database

_ACCOUNT_FAILURES: Final = 5
_ADDRESS_FAILURES: Final = 20  # a whole office may share one address
_LOCKED: Final = timedelta(minutes=5)
_FORGOTTEN: Final = timedelta(minutes=15)  # failures further apart than this are not in a row


async def begin_attempt(db: Database, name: str, address: str, now: datetime) -> datetime | None:
    """Count one attempt from the address and on the account; until when neither may try, None when both may."""
    account, source = _subjects(name, address)
    async with db.write() as connection:
        for subject, limit in ((source, _ADDRESS_FAILURES), (account, _ACCOUNT_FAILURES)):
            if not await _count(connection, subject, limit, now):
                until: datetime | None = await connection.scalar(
                    sa.select(lockouts.c.until).where(lockouts.c.subject == subject)
                )
                return until
    return None


async def forgive(db: Database, name: str, address: str, now: datetime) -> None:
    """The attempt was right: the account has no failures any more, the address one less."""
    account, source = _subjects(name, address)
    async with db.write() as connection:
        await connection.execute(
            sa.delete(lockouts).where(
                sa.or_(lockouts.c.subject == account, lockouts.c.last_at < now - _FORGOTTEN)
            )
        )
        # Not all of the address's: who has one account must not wipe out his guesses at others.
        await connection.execute(
            sa.update(lockouts)
            .where(lockouts.c.subject == source, lockouts.c.failures > 0)
            .values(failures=lockouts.c.failures - 1)
        )


async def unlock(connection: AsyncConnection, name: str) -> None:
    """Let the account be tried again at once."""
    await connection.execute(sa.delete(lockouts).where(lockouts.c.subject == _subjects(name, "")[0]))


async def _count(connection: AsyncConnection, subject: str, limit: int, now: datetime) -> bool:
    """Count one attempt, in one statement that waits for others at the same subject; False while it is locked."""
    make = postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert
    stale = lockouts.c.last_at < now - _FORGOTTEN
    failures = await connection.scalar(
        make(lockouts)
        .values(subject=subject, failures=1, last_at=now)
        .on_conflict_do_update(
            index_elements=["subject"],
            set_={"failures": sa.case((stale, 1), else_=lockouts.c.failures + 1), "last_at": now},
            where=sa.or_(lockouts.c.until.is_(None), lockouts.c.until <= now),
        )
        .returning(lockouts.c.failures)
    )
    if failures is None:
        return False
    if failures >= limit:
        await connection.execute(
            sa.update(lockouts).where(lockouts.c.subject == subject).values(failures=0, until=now + _LOCKED)
        )
    return True


def _subjects(name: str, address: str) -> tuple[str, str]:
    return f"user:{name}", f"address:{address}"
