"""Guessing is slowed down, nobody is locked out: who fails waits, longer each time, and only from where he tried.

A failure is counted once the password has proved wrong. Attempts at one account from one address are looked at one
after the other, so many at once gain nothing. Where an account or an address has had many failures, every attempt takes
longer, but the right password is always let in.

Of what only he is asked for who knows the password (``anywhere``), the wait is the account's, wherever he tries: six
digits are found soon by who may ask from as many addresses as he likes, as of an IPv6 network.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Final

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from recordings.users import lockouts
from tickets.number import CITY_TIME

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
    from datetime import datetime

    from sqlalchemy.ext.asyncio import AsyncConnection

    from recordings.database import Database

_FREE: Final = 5  # failures at an account from one address, before the next attempt has to wait
_FIRST: Final = timedelta(seconds=10)  # and twice as long each time
_LONGEST: Final = timedelta(minutes=1)
_MANY: Final = 20  # failures of an address, or at an account; a whole office may share one address
_FORGOTTEN: Final = timedelta(minutes=15)  # failures further apart than this are not in a row
_PAUSE_S: Final = 1.0
_QUEUE: Final = 20  # attempts that wait for the one before them


@dataclass(frozen=True, slots=True)
class Slowed:
    """What is slowed down now: an account (from an address, or from anywhere) or an address, each "" for any."""

    name: str
    address: str
    failures: int
    until: datetime | None


class Turns:
    """Attempts at the same, one after the other."""

    def __init__(self) -> None:
        self._locks: dict[str, asyncio.Lock] = {}
        self._waiting: Counter[str] = Counter()
        self._told: dict[str, float] = {}  # until when somebody waits at an address, by the loop's clock

    def is_news(self, address: str, seconds: float) -> bool:
        """Whether it is to be written down that somebody from there has to wait so long: not again before he may try.

        What is refused unlooked-at comes as fast as anybody likes, and each row of the trail is kept for ever.
        """
        now = asyncio.get_running_loop().time()
        if self._told.get(address, now) > now:
            return False
        self._told = {each: until for each, until in self._told.items() if until > now}
        self._told[address] = now + seconds
        return True

    @asynccontextmanager
    async def take(self, subject: str) -> AsyncIterator[bool]:
        """Wait for one's turn; False, at once, when too many wait already."""
        if self._waiting[subject] >= _QUEUE:
            yield False
            return
        lock = self._locks.setdefault(subject, asyncio.Lock())
        self._waiting[subject] += 1
        try:
            async with lock:
                yield True
        finally:
            self._waiting[subject] -= 1
            if not self._waiting[subject]:
                del self._waiting[subject], self._locks[subject]


async def attempt(
    db: Database,
    turns: Turns,
    name: str,
    address: str,
    now: datetime,
    check: Callable[[], Awaitable[bool]],
    *,
    anywhere: bool = False,
) -> bool | datetime:
    """Whether ``check`` found the password right; or, without asking it, until when he who tries has to wait."""
    both = _both(name, "" if anywhere else address)
    async with turns.take(both) as mine:
        if not mine:
            return now + timedelta(seconds=_PAUSE_S)
        until, many_here, many_at_it = await _look(db, both, name, address, now)
        if until is not None:
            return until
        if many_here:
            async with turns.take(_address(address)) as mine_too:
                if not mine_too:
                    return now + timedelta(seconds=_PAUSE_S)
                await asyncio.sleep(_PAUSE_S)
        elif many_at_it:
            await asyncio.sleep(_PAUSE_S)
        right = await check()
        if right:
            await _forgive(db, both, now)
        else:
            await _count(db, both, name, address, now)
        return right


def tell_wait(until: datetime) -> str:
    """What is told to who has to wait."""
    return f"连续多次不正确,请在 {until.astimezone(CITY_TIME):%H:%M:%S} 之后再试;管理员可以提前解除。"


async def list_slowed(connection: AsyncConnection, now: datetime) -> Sequence[Slowed]:
    """All that is slowed down now, the latest first."""
    query = (
        sa.select(lockouts).where(lockouts.c.last_at > now - _FORGOTTEN).order_by(lockouts.c.last_at.desc())
    )
    found = []
    for row in await connection.execute(query):
        name, _, address = _read(row.subject)
        until = _find_end(row.until, now)
        if until or row.failures >= (_FREE if name and address else _MANY):
            found.append(Slowed(name, address, row.failures, until))
    return found


async def unlock(connection: AsyncConnection, name: str = "", address: str = "") -> int:
    """Forget the failures at an account, from one address or any, or those of an address; how many rows there were."""
    subjects = [lockouts.c.subject == _both(name, address)] if name and address else []
    if name and not address:
        subjects = [
            lockouts.c.subject == _account(name),
            lockouts.c.subject.startswith(_both(name, ""), autoescape=True),
        ]
    if address and not name:
        subjects = [
            lockouts.c.subject == _address(address),
            lockouts.c.subject.endswith(f" {address}", autoescape=True),
        ]
    return (await connection.execute(sa.delete(lockouts).where(sa.or_(sa.false(), *subjects)))).rowcount


async def _look(
    db: Database, both: str, name: str, address: str, now: datetime
) -> tuple[datetime | None, bool, bool]:
    """Until when to wait, and whether the address, and the account, have had many failures."""
    account, source = _account(name), _address(address)
    query = sa.select(lockouts).where(
        lockouts.c.subject.in_((both, account, source)), lockouts.c.last_at > now - _FORGOTTEN
    )
    async with db.read() as connection:
        rows = {row.subject: row for row in await connection.execute(query)}
    until: datetime | None = rows[both].until if both in rows else None
    many = [subject in rows and rows[subject].failures >= _MANY for subject in (source, account)]
    return (_find_end(until, now), many[0], many[1])


def _find_end(until: datetime | None, now: datetime) -> datetime | None:
    """Until when to wait, if still. Nobody waits for so much longer than the longest: a clock was set back since."""
    return until if until and now < until < now + 2 * _LONGEST else None


async def _count(db: Database, both: str, name: str, address: str, now: datetime) -> None:
    async with db.write() as connection:
        if name:
            await _add(connection, _account(name), now)
        await _add(connection, _address(address), now)
        failures = await _add(connection, both, now)
        if failures >= _FREE:
            wait = min(_FIRST * 2 ** min(failures - _FREE, 10), _LONGEST)
            await connection.execute(
                sa.update(lockouts).where(lockouts.c.subject == both).values(until=now + wait)
            )


async def _add(connection: AsyncConnection, subject: str, now: datetime) -> int:
    """Count a failure, in one statement that waits for others at the same subject; how many there are in a row."""
    make = postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert
    stale = lockouts.c.last_at < now - _FORGOTTEN
    failures: int = await connection.scalar(
        make(lockouts)
        .values(subject=subject, failures=1, last_at=now)
        .on_conflict_do_update(
            index_elements=["subject"],
            set_={"failures": sa.case((stale, 1), else_=lockouts.c.failures + 1), "last_at": now},
        )
        .returning(lockouts.c.failures)
    )
    return failures


async def _forgive(db: Database, both: str, now: datetime) -> None:
    """The attempt was right: the account has no failures any more from there."""
    async with db.write() as connection:
        # Not the address's, nor those at the account from elsewhere: who has one account must not wipe out his guesses.
        await connection.execute(
            sa.delete(lockouts).where(
                sa.or_(lockouts.c.subject == both, lockouts.c.last_at < now - _FORGOTTEN)
            )
        )


def _account(name: str) -> str:
    return f"user:{name}"


def _address(address: str) -> str:
    return f"address:{address}"


def _both(name: str, address: str) -> str:
    return f"both:{name} {address}"  # no name has a blank


def _read(subject: str) -> tuple[str, str, str]:
    kind, _, told = subject.partition(":")
    if kind == "both":
        return told.partition(" ")
    return (told, "", "") if kind == "user" else ("", "", told)
