"""高频词: the words that are said more often now than they usually are, of those that ``matters`` counts."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Final

import sqlalchemy as sa

from recordings.matters import matters
from tickets.surges.rhythm import Usual, tail

if TYPE_CHECKING:
    from collections.abc import Collection
    from datetime import datetime

    from sqlalchemy.ext.asyncio import AsyncConnection

LONGEST_H: Final = 24 * 7
"""The longest window, in hours."""
_DAY_H: Final = 24
_DAYS: Final = 14  # so many windows before, one each day,
_WEEKS: Final = 4  # and of windows longer than a day, one each week
_FEWEST: Final = 3  # matters
_CHANCE: Final = 0.001
_AT_ONCE: Final = 2000


@dataclass(frozen=True, slots=True)
class HotWord:
    """A word said in ``count`` matters of the window, where ``usual`` are usual: ``ratio`` times as many."""

    word: str
    count: int
    usual: float
    ratio: float


async def find_hot_words(
    connection: AsyncConnection, now: datetime, hours: int, limit: int, besides: Collection[str] = ()
) -> list[HotWord]:
    """The words that stand out in the ``hours`` before ``now`` (1 to `LONGEST_H`), the most surprising first.

    They are compared with as many hours at the same time of the 14 days before; of windows longer than a day, with
    those of the four weeks before. A word counts once a matter, from three matters on, and when so many are less
    likely than one in a thousand. What was said on the lines ``besides`` is not counted.
    """
    period = timedelta(days=1 if hours <= _DAY_H else 7)
    times = _DAYS if hours <= _DAY_H else _WEEKS
    width = timedelta(hours=hours)
    query = sa.select(matters.c.at, matters.c.words).where(
        matters.c.at > now - width - times * period, matters.c.at <= now, matters.c.words != ""
    )
    if besides:
        query = query.where(matters.c.hotline.not_in(besides))
    lately: Counter[str] = Counter()
    before: Counter[str] = Counter()
    first = now
    async with connection.stream(query.execution_options(yield_per=_AT_ONCE)) as found:
        async for rows in found.partitions():
            for at, words in rows:
                first = min(first, at)
                age = now - at
                if age < width:
                    lately.update(words.split())
                elif age % period < width:
                    before.update(words.split())
    known = min(max((now - width - first) / period, 1.0), float(times))
    hot = [
        (tail(count, Usual(usual, before[word] + 1.0, "")), _describe(word, count, usual, known))
        for word, count in lately.items()
        if count >= _FEWEST
        for usual in [(before[word] + 0.5) / known]
    ]
    chosen = sorted((chance, -one.count, one.word, one) for chance, one in hot if chance <= _CHANCE)
    return [one for *_, one in chosen[:limit]]


def _describe(word: str, count: int, usual: float, known: float) -> HotWord:
    """``usual`` leans on half a matter in all that is known, so that a word that is new has a ratio too."""
    seen = usual - 0.5 / known
    return HotWord(word, count, round(seen, 2), round(count / usual, 1))
