"""Which revision of a ticket follows another: the next, or one beyond all that were lost.

A database that was restored from a backup does not know what left afterwards. Whoever restores it takes the nodes over
(``hotline take-node``). From then on the tickets of before go on with revisions that are as high as the minutes of that
moment: above all that the intake may have, and above those of an earlier restoration.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

from tickets.number import CITY_TIME, read_day, read_node

if TYPE_CHECKING:
    from collections.abc import Mapping

_FIRST_MINUTE: Final = datetime(2026, 1, 1, tzinfo=UTC)
_MINUTE: Final = timedelta(minutes=1)


def follow(number: str, last: int, taken: Mapping[int, datetime]) -> int:
    """The revision after ``last`` of the ticket ``number``; ``taken``: when nodes were taken over last, in UTC.

    A ticket of the same day as the taking over may be of before.
    """
    at = taken.get(read_node(number)) if taken else None
    if at is None or read_day(number) > at.astimezone(CITY_TIME).date():
        return last + 1
    return max(last, (at - _FIRST_MINUTE) // _MINUTE) + 1
