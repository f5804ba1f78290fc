"""Working days and days off of the city: the State Council's holidays and 调休, and what the city itself excepts.

The notices known to the package chinesecalendar are embedded; a file of the city's own goes before them, and carries
the years that are not yet among them. In a year that neither knows, Monday to Friday are working days, with a warning.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cache
from typing import TYPE_CHECKING, Annotated, Final

import chinese_calendar
from pydantic import BaseModel, ConfigDict, Field

from config.document import ConfigError, read

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from config.document import Document

log = logging.getLogger(__name__)

_SATURDAY: Final = 6
_LONGEST_DAYS: Final = 31  # no stretch of days off or of working days that a notice names is as long


class _Model(BaseModel):
    model_config = ConfigDict(defer_build=True, frozen=True)


class Stretch(_Model):
    """The days ``from`` … ``until`` (without: that one day); ``name`` is for who reads the file."""

    since: date = Field(alias="from")
    until: date | None = None
    name: str = ""

    @property
    def days(self) -> Iterator[date]:
        """Each of its days."""
        return (self.since + timedelta(n) for n in range(((self.until or self.since) - self.since).days + 1))


class CalendarFile(_Model):
    """``rest`` are days off, ``work`` working days (调休), ``years`` those whose notice stands here as a whole."""

    years: tuple[Annotated[int, Field(ge=2000, le=9998)], ...] = ()
    rest: tuple[Stretch, ...] = ()
    work: tuple[Stretch, ...] = ()


@dataclass(frozen=True, slots=True)
class Calendar:
    """Which days are working days; ``rest``, ``work`` and ``years`` are the city's own file's."""

    rest: frozenset[date] = frozenset()
    work: frozenset[date] = frozenset()
    years: frozenset[int] = frozenset()

    def is_workday(self, day: date) -> bool:
        """Whether offices work on that day of the city."""
        if day in self.work or day in self.rest:
            return day in self.work
        if day.year not in self.years:
            try:
                return bool(chinese_calendar.is_workday(day))
            except NotImplementedError:
                _warn_once(day.year)
        return day.isoweekday() < _SATURDAY

    def is_known(self, year: int) -> bool:
        """Whether the holidays of that year are known, of the city's own file or embedded."""
        if year in self.years:
            return True
        try:
            chinese_calendar.is_workday(date(year, 1, 1))
        except NotImplementedError:
            return False
        return True


@dataclass(frozen=True, slots=True)
class CalendarDays:
    """The working days of a calendar, or (not ``work``) its days off."""

    calendar: Calendar
    work: bool

    def __contains__(self, day: date) -> bool:
        return self.calendar.is_workday(day) == self.work


@cache
def _warn_once(year: int) -> None:
    log.warning("the holidays of %d are not known, weekdays decide: name them in dialogue.calendar", year)


def read_calendar(file: Path | None) -> Calendar:
    """The calendar with the city's own ``file`` (None: without). Raises ConfigError with every fault found."""
    if file is None:
        return Calendar()
    document = read(CalendarFile, file)
    faults = [*_judge(document, "rest", document.value.rest), *_judge(document, "work", document.value.work)]
    document.refuse(faults)
    rest = frozenset(day for stretch in document.value.rest for day in stretch.days)
    for i, stretch in enumerate(document.value.work):
        if twice := next((day for day in stretch.days if day in rest), None):
            what = f"{twice} is a day off and a working day"
            faults.append(document.error(("work", i, "from"), what, "delete it in one of the two"))
    for i, year in enumerate(document.value.years):
        if not any(day.year == year for day in rest):
            what = f"no day off of {year} is named here"
            faults.append(
                document.error(("years", i), what, "name its holidays under `rest`, or delete the year")
            )
    document.refuse(faults)
    work = frozenset(day for stretch in document.value.work for day in stretch.days)
    return Calendar(rest, work, frozenset(document.value.years))


def _judge(document: Document[CalendarFile], key: str, stretches: Sequence[Stretch]) -> Iterator[ConfigError]:
    for i, stretch in enumerate(stretches):
        length = ((stretch.until or stretch.since) - stretch.since).days
        if length not in range(_LONGEST_DAYS):
            what = f"it lasts {length + 1} days" if length > 0 else "it ends before it begins"
            yield document.error((key, i, "until"), what, "correct `from` or `until`")
