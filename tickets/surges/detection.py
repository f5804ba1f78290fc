"""Looking for surges in ``matters``: all that is known stands in the table, nothing is remembered between two looks.

A look takes the topics that were told of at one place at least four times within three hours, and judges each by its
rhythm (`tickets.surges.rhythm`) over one hour and over three. Any matter that comes in may by mere chance be the one
too many: with so many others of its topic and place in the window before it. So there are as many occasions a day as
matters, in either window, and a surge is what is less likely than an even share of `_BOUND` of them.

**The false alarm budget is one a day.** Were counts not whole numbers, there would be `_BOUND` false alarms; but of
most topics and places the fourth matter is already far less likely than that share, and the third is none. What is
left of it is measured, not computed: `python -m bench surges`, docs/adr/0024.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Final

import sqlalchemy as sa

from recordings.matters import matters
from tickets.gazetteer import open_gazetteer
from tickets.number import CITY_TIME
from tickets.surges.rhythm import WEEK_H, History, expect, tail

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from datetime import datetime

    from sqlalchemy.ext.asyncio import AsyncConnection

_BOUND: Final = 16.0
FEWEST: Final = 4
"""Matters that make a surge, at least."""
WINDOWS_H: Final = (1, 3)
_HISTORY: Final = timedelta(weeks=8)
_LEARNT: Final = timedelta(days=3)
"""Before there is so much of it, nothing is called unusual."""
_HOUR: Final = timedelta(hours=1)
_TENTH: Final = 0.1


Key = tuple[str, str, str]
"""Topic, county and township."""


@dataclass(frozen=True, slots=True)
class Sighting:
    """A topic at a place (``township`` "" where only the county is known) that is told of more than usual.

    ``ats`` are when, the first to the last within the ``hours`` in which it is most surprising; ``expected`` how many
    were usual then, by ``by``; ``chance`` how likely it is that beside one of them there are so many others.
    """

    topic: str
    county: str
    township: str
    ats: tuple[datetime, ...]
    hours: int
    expected: float
    chance: float
    by: str

    @property
    def key(self) -> Key:
        """Topic, county and township."""
        return self.topic, self.county, self.township

    @property
    def reason(self) -> str:
        """Why it is one, in Chinese."""
        usual = f"约{self.expected:.1f}件" if self.expected >= _TENTH else "不到0.1件"
        return f"{self.hours}小时内{len(self.ats)}件,{self.by}{usual}"


async def look(connection: AsyncConnection, now: datetime, besides: Collection[Key] = ()) -> list[Sighting]:
    """The surges of the hours before ``now``, as the table tells them, but not those of ``besides``."""
    recent = await _read_recent(connection, now, besides)
    if not recent:
        return []
    first = await connection.scalar(sa.select(sa.func.min(matters.c.at)))
    since = max(now - _HISTORY, first)
    if now - since < _LEARNT:
        return []
    past = _Past(connection, since, now)
    limit = _BOUND / (await past.count_a_day() * len(WINDOWS_H))
    judged = [_judge(key, ats, await past.read(key, ats[-1])) for key, ats in recent.items()]
    return [sighting for sighting in judged if sighting.chance <= limit]


async def _read_recent(
    connection: AsyncConnection, now: datetime, besides: Collection[Key]
) -> dict[Key, list[datetime]]:
    """When each topic was told of at each place, where that was often enough to look at."""
    columns = (matters.c.topic, matters.c.county, matters.c.township)
    lately = sa.and_(matters.c.at > now - WINDOWS_H[-1] * _HOUR, matters.c.at <= now)
    known = sa.and_(matters.c.topic != "", matters.c.county != "")
    often = sa.select(*columns).where(lately, known).group_by(*columns).having(sa.func.count() >= FEWEST)
    keys = [(row.topic, row.county, row.township) for row in await connection.execute(often)]
    return {key: await _read_ats(connection, lately, key) for key in keys if key not in besides}


async def _read_ats(connection: AsyncConnection, when: sa.ColumnElement[bool], key: Key) -> list[datetime]:
    topic, county, township = key
    query = sa.select(matters.c.at).where(
        when, matters.c.topic == topic, matters.c.county == county, matters.c.township == township
    )
    return list(await connection.scalars(query.order_by(matters.c.at)))


class _Past:
    """What is known of the time before ``now``, as far back as ``since``; read once for each look."""

    def __init__(self, connection: AsyncConnection, since: datetime, now: datetime) -> None:
        self._connection, self._since, self._now = connection, since, now
        self._begin = now - WINDOWS_H[-1] * _HOUR
        self._topics: dict[str, dict[int, int]] = {}

    async def count_a_day(self) -> float:
        """Matters of a day, by those of the last week."""
        begin = max(self._since, self._now - timedelta(weeks=1))
        query = sa.select(sa.func.count()).where(matters.c.at > begin, matters.c.at <= self._now)
        count = await self._connection.scalar(query) or 0
        return max(count / ((self._now - begin) / timedelta(days=1)), 1.0)

    async def read(self, key: Key, end: datetime) -> History:
        """Of a topic and place, for windows that end at ``end``."""
        before = sa.and_(matters.c.at > self._since, matters.c.at <= self._begin)
        topic = key[0]
        if topic not in self._topics:
            by_hour = sa.select(matters.c.hour, sa.func.count()).where(before, matters.c.topic == topic)
            found = await self._connection.execute(by_hour.group_by(matters.c.hour))
            self._topics[topic] = {row.hour: row[1] for row in found}
        return History(
            weeks=(self._begin - self._since) / _HOUR / WEEK_H,
            topic=self._topics[topic],
            ages=[(end - at) / _HOUR for at in await _read_ats(self._connection, before, key)],
            places=len(open_gazetteer().township_counties),
        )


def _judge(key: Key, ats: Sequence[datetime], history: History) -> Sighting:
    """The window in which ``ats`` are most surprising, of those that hold enough of them."""
    end = ats[-1]
    there = end.astimezone(CITY_TIME)
    hour = there.weekday() * 24 + there.hour + there.minute / 60
    found = []
    for width in WINDOWS_H:
        within = [at for at in ats if at > end - width * _HOUR]
        if len(within) >= FEWEST:
            usual = expect(history, hour, width)
            chance = tail(len(within) - 1, usual)
            found.append(Sighting(*key, tuple(within), width, usual.mean, chance, usual.by))
    return min(found, key=lambda sighting: sighting.chance)
