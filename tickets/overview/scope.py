"""Which calls are counted: those of some days of the city, of one line or of all, but for what is not to be known."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, Final

import sqlalchemy as sa

from recordings.schema import calls, legs
from tickets.number import CITY_TIME

# As its index has it: no value of a query is known to be the index's.
_PLACED: Final = (legs.c.leg == sa.literal_column("0"), legs.c.direction == sa.literal_column("'out'"))


@dataclass(frozen=True, slots=True)
class Scope:
    """Calls of citizens from ``since`` to ``until``, both days included: none that we placed, no probes.

    ``hotline`` "": any.

    ``hidden`` are lines of which who asks may not know that anybody called.
    """

    since: date
    until: date
    hotline: str = ""
    hidden: frozenset[str] = frozenset()

    @property
    def begin(self) -> datetime:
        """The first moment."""
        return begin_day(self.since)

    @property
    def end(self) -> datetime:
        """The first moment that is no longer within."""
        return begin_day(self.until + timedelta(days=1))

    def choose(self, table: sa.Table) -> list[sa.ColumnElement[bool]]:
        """The same as conditions on a table that has ``call_id`` and ``hotline``."""
        came = [came_in(table.c.call_id, *self.choose_days(legs.c.call_id))]
        if table is calls:  # the others have none
            came.append(~calls.c.test)
        return [*self.choose_days(table.c.call_id), *self._choose_lines(table.c.hotline), *came]

    def choose_days(self, call_id: sa.ColumnElement[Any]) -> list[sa.ColumnElement[bool]]:
        """The days alone."""
        return [call_id >= first_id(self.since), call_id < first_id(self.until + timedelta(days=1))]

    def _choose_lines(self, hotline: sa.ColumnElement[Any]) -> list[sa.ColumnElement[bool]]:
        chosen = [hotline == self.hotline] if self.hotline else []
        return [*chosen, hotline.not_in(self.hidden)] if self.hidden else chosen


def came_in(call_id: sa.ColumnElement[str], *days: sa.ColumnElement[bool]) -> sa.ColumnElement[bool]:
    """Whether a citizen has called, and not we him; ``days`` (conditions on ``legs``) may narrow what is looked at."""
    return call_id.not_in(sa.select(legs.c.call_id).where(*_PLACED, *days))


def begin_day(day: date) -> datetime:
    """The first moment of a day in the city."""
    return datetime.combine(day, time(), CITY_TIME)


def first_id(day: date) -> str:
    """What the id of a call at the first moment of that day (in the city) begins with."""
    return f"{begin_day(day).astimezone(UTC):%Y%m%dT%H%M%S}"
