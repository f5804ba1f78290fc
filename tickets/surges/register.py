"""The surges on file: each is one row, which grows as long as its matters come; and the tickets behind it."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

import sqlalchemy as sa

from recordings.matters import MatterRow, matters, surges
from tickets.surges import detection

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy.ext.asyncio import AsyncConnection

    from tickets.surges.detection import Key, Sighting

QUIET: Final = timedelta(hours=12)
"""A surge is over when nothing has come for so long: what begins before is still the same."""
_SHARED: Final = 0.5  # of the matters that have a word, for it to be what they have in common
_LOCK: Final = (
    12346  # any number, the same in every version: PostgreSQL's advisory lock while surges are written
)


@dataclass(frozen=True, slots=True)
class Surge:
    """A surge on file; see ``recordings.matters.surges``."""

    id: int
    topic: str
    county: str
    township: str
    began_at: datetime
    last_at: datetime
    count: int
    expected: float
    reason: str
    found_at: datetime
    seen_by: str | None
    seen_at: datetime | None

    @property
    def key(self) -> Key:
        """Topic, county and township."""
        return self.topic, self.county, self.township

    @property
    def title(self) -> str:
        """What it is, in Chinese."""
        return f"{self.county}{self.township}{self.topic}"


@dataclass(frozen=True, slots=True)
class Change:
    """A surge that is ``new``, or has grown."""

    surge: Surge
    new: bool


async def update(connection: AsyncConnection, seen: Sequence[Sighting], now: datetime) -> list[Change]:
    """Enter what was seen, and what has come since to those that go on; what has changed by it.

    In a transaction of the caller's. Of several processes that do so at once, one waits for the other.
    """
    if connection.dialect.name == "postgresql":
        await connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_LOCK)))
    going_on = await read_open(connection, now)
    grown = [change for surge in going_on if (change := await _grow(connection, surge, now))]
    known = {surge.key for surge in going_on}
    new = [Change(await _enter(connection, one, now), new=True) for one in seen if one.key not in known]
    return [*grown, *new]


async def look(connection: AsyncConnection, now: datetime) -> tuple[list[Sighting], bool]:
    """The surges that are new, and whether one on file has grown: queries that take no write lock."""
    going_on = await read_open(connection, now)
    seen = await detection.look(connection, now, {surge.key for surge in going_on})
    return seen, await _has_grown(connection, now)


async def _has_grown(connection: AsyncConnection, now: datetime) -> bool:
    more = sa.exists().where(*_belongs(), matters.c.at > surges.c.last_at, matters.c.at <= now)
    query = sa.select(sa.exists().where(surges.c.last_at > now - QUIET, more))
    return bool(await connection.scalar(query))


async def read_open(connection: AsyncConnection, now: datetime) -> list[Surge]:
    """Those that are not over."""
    query = sa.select(surges).where(surges.c.last_at > now - QUIET).order_by(surges.c.id)
    return [Surge(*row) for row in await connection.execute(query)]


async def _grow(connection: AsyncConnection, surge: Surge, now: datetime) -> Change | None:
    count, last_at = (
        await connection.execute(
            sa.select(sa.func.count(), sa.func.max(matters.c.at)).where(
                matters.c.topic == surge.topic,
                matters.c.county == surge.county,
                matters.c.township == surge.township,
                matters.c.at >= surge.began_at,
                matters.c.at <= now,
            )
        )
    ).one()
    # A matter that an agent has filed elsewhere leaves it; what was found is not undone by it.
    if count <= surge.count and (last_at is None or last_at <= surge.last_at):
        return None
    return Change(await _write(connection, surge.id, count=count, last_at=last_at), new=False)


async def _enter(connection: AsyncConnection, seen: Sighting, now: datetime) -> Surge:
    row = await connection.execute(
        sa.insert(surges)
        .values(
            topic=seen.topic,
            county=seen.county,
            township=seen.township,
            began_at=seen.ats[0],
            last_at=seen.ats[-1],
            count=len(seen.ats),
            expected=seen.expected,
            reason=seen.reason,
            found_at=now,
        )
        .returning(*surges.c)
    )
    return Surge(*row.one())


async def _write(connection: AsyncConnection, surge_id: int, **changes: Any) -> Surge:
    changed = sa.update(surges).where(surges.c.id == surge_id).values(**changes).returning(*surges.c)
    return Surge(*(await connection.execute(changed)).one())


async def read_surges(connection: AsyncConnection, since: datetime, limit: int) -> list[Surge]:
    """Those that have gone on after ``since``: first the ones nobody knows of yet, then the newest."""
    query = (
        sa.select(surges)
        .where(surges.c.last_at > since)
        .order_by(surges.c.seen_at.is_not(None), surges.c.last_at.desc(), surges.c.id.desc())
        .limit(limit)
    )
    return [Surge(*row) for row in await connection.execute(query)]


async def read_between(
    connection: AsyncConnection, since: datetime, until: datetime, limit: int
) -> list[Surge]:
    """Those that went on within a time, which ends before ``until``: the greatest first."""
    query = (
        sa.select(surges)
        .where(surges.c.last_at >= since, surges.c.began_at < until)
        .order_by(surges.c.count.desc(), surges.c.last_at.desc(), surges.c.id.desc())
        .limit(limit)
    )
    return [Surge(*row) for row in await connection.execute(query)]


async def read_unseen(connection: AsyncConnection, now: datetime) -> list[Surge]:
    """Those that go on and that nobody knows of yet."""
    return [surge for surge in await read_open(connection, now) if surge.seen_at is None]


async def acknowledge(connection: AsyncConnection, surge_id: int, user: str, now: datetime) -> Surge | None:
    """Somebody knows of it; None when there is no such surge. Who was first stays."""
    seen = sa.update(surges).where(surges.c.id == surge_id, surges.c.seen_at.is_(None))
    await connection.execute(seen.values(seen_by=user, seen_at=now))
    row = (await connection.execute(sa.select(surges).where(surges.c.id == surge_id))).first()
    return Surge(*row) if row else None


async def read_members(connection: AsyncConnection, some: Sequence[Surge]) -> dict[int, list[MatterRow]]:
    """The matters behind each surge, by its id, the oldest first."""
    if not some:
        return {}
    inside = sa.and_(*_belongs(), matters.c.at >= surges.c.began_at, matters.c.at <= surges.c.last_at)
    query = (
        sa.select(surges.c.id, matters)
        .join_from(surges, matters, inside)
        .where(surges.c.id.in_([surge.id for surge in some]))
        .order_by(matters.c.at, matters.c.number)
    )
    found: dict[int, list[MatterRow]] = {surge.id: [] for surge in some}
    for surge_id, *row in await connection.execute(query):
        found[surge_id].append(MatterRow(*row))
    return found


def find_common_words(some: Sequence[MatterRow]) -> tuple[str, ...]:
    """The words that half of these matters or more have, the most frequent first."""
    counts = Counter(word for matter in some for word in matter.words.split())
    return tuple(word for word, count in counts.most_common() if count >= len(some) * _SHARED)


def _belongs() -> tuple[sa.ColumnElement[bool], ...]:
    return (
        matters.c.topic == surges.c.topic,
        matters.c.county == surges.c.county,
        matters.c.township == surges.c.township,
    )
