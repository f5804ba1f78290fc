"""Ticket numbers of a call's matters: given once, made durable, and only then said."""

from __future__ import annotations

import asyncio
from datetime import datetime
from typing import TYPE_CHECKING

from recordings.entries import Number
from tickets.number import CITY_TIME, take_next

if TYPE_CHECKING:
    from gateway.calls.scribe import Scribe
    from ivr.matter import Matter
    from tickets.number import NumberBook


class Numbering:
    """The numbers of one call."""

    def __init__(self, book: NumberBook, scribe: Scribe) -> None:
        self._book, self._scribe = book, scribe
        self._numbers: dict[int, str] = {}
        self._durable: set[int] = set()
        self._turn = asyncio.Lock()

    def given(self, matter: Matter) -> str:
        """The number the matter has by now, durable, "" without one."""
        return self._numbers[matter.index] if matter.index in self._durable else ""

    async def number(self, matter: Matter) -> str:
        """The matter's number, durable in the journal when this returns; raises JournalError, OSError."""
        async with self._turn:
            number = self._numbers.get(matter.index)
            if number is None:
                today = datetime.now(CITY_TIME).date()
                number = matter.joins or await take_next(self._book, today)
                self._numbers[matter.index] = number
                self._scribe.note(Number(matter.index, number))
            if matter.index not in self._durable:
                await self._scribe.sync()
                self._durable.add(matter.index)
            return number
