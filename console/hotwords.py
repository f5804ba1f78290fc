"""The hot words as the page shows them: found at most once a minute, whoever asks."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

from tickets.hotwords import find_hot_words

if TYPE_CHECKING:
    from collections.abc import Sequence

    from recordings.database import Database
    from tickets.hotwords import HotWord

_LASTS: Final = timedelta(minutes=1)
_SHOWN: Final = 20


class HotWords:
    """What was found last of each window."""

    def __init__(self) -> None:
        self._found: dict[int, tuple[datetime, Sequence[HotWord]]] = {}
        self._one_at_a_time = asyncio.Lock()

    async def read(self, db: Database, hours: int, now: datetime) -> Sequence[HotWord]:
        """The words that stand out in the hours before ``now``, or a minute ago."""
        async with self._one_at_a_time:
            at, words = self._found.get(hours, (None, ()))
            if at is None or not at <= now < at + _LASTS:
                async with db.read() as connection:
                    words = await find_hot_words(connection, now, hours, _SHOWN)
                self._found[hours] = now, words
        return words
