"""The hot words as the page shows them: found at most once a minute, whoever asks."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

from tickets.hotwords import find_hot_words

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from recordings.database import Database
    from tickets.hotwords import HotWord

_LASTS: Final = timedelta(minutes=1)
_SHOWN: Final = 20


class HotWords:
    """What was found last of each window. ``besides`` are lines of which everybody is told nothing."""

    def __init__(self, besides: Collection[str] = ()) -> None:
        self._besides = besides
        self._found: dict[tuple[int, datetime | None], tuple[datetime, Sequence[HotWord]]] = {}
        self._one_at_a_time = asyncio.Lock()

    async def read(
        self, db: Database, hours: int, now: datetime, past: datetime | None = None
    ) -> Sequence[HotWord]:
        """The words that stand out in the hours before ``now``, or a minute ago; or in those before ``past``."""
        key = hours, past
        async with self._one_at_a_time:
            self._found = {
                window: found for window, found in self._found.items() if found[0] <= now < found[0] + _LASTS
            }
            if key not in self._found:
                async with db.read() as connection:
                    words = await find_hot_words(connection, past or now, hours, _SHOWN, self._besides)
                self._found[key] = now, words
            return self._found[key][1]
