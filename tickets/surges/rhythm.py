"""How often a topic is usual at a place at some hour of the week, and how surprising a count is. Pure.

The count in a window is taken for negative binomial: a Poisson count whose mean is not known for certain, the less
surely the less the place has been heard of (Gamma, the conjugate prior). Its mean is the highest of three, so that
whatever is usual by one of them is no surprise:

- **level**: what the place had of the topic in the weeks before (or, if more, in the last one), spread over the week as
  the topic is in the whole city; a topic's thin rhythm leans on that of a city's day;
- **daily**: what it had at this time of day on the days of the last two weeks;
- **weekly**: what it had at this time on this day of the week, in each of the weeks before.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import exp, lgamma, log
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

WEEK_H: Final = 168
DAY_H: Final = 24

# Of a hundred calls of a day, those of each hour, where nothing better is known; any day of the week alike.
_DAY: Final = (1, 0.6, 0.5, 0.4, 0.5, 1, 2, 4, 7.5, 9, 9, 7.5, 5, 5, 7.5, 8, 7.5, 6, 5, 4, 3.5, 2.5, 2, 1.5)
_LEAN: Final = (
    48.0  # calls for which what is known better counts, beside those of a topic's own days or hours
)
_WORKING_H: Final = 5 * DAY_H
_PLACE_WEIGHT: Final = 0.25  # of what an average place has of the topic, beside the place's own
_ENOUGH_WEEKS: Final = 2.0  # before, a day of the week is as any other
_DAILY_DAYS: Final = 14.0
_PERIODS: Final = 4.0  # of days, or of weeks, for which the level counts beside what they had
_AROUND_H: Final = 0.5  # what is usual does not come to the minute


@dataclass(frozen=True, slots=True)
class History:
    """What came before a window, without what is in it.

    ``weeks`` is how long that was; ``topic`` how many of the topic in the whole city by hour of the week, ``ages`` the
    hours from the end of the window back to each of the topic at the place, ``places`` how many places there are.
    """

    weeks: float
    topic: Mapping[int, int]
    ages: Sequence[float]
    places: int


@dataclass(frozen=True, slots=True)
class Usual:
    """How many are usual in a window: their mean, and how surely it is known (of how many calls, at least)."""

    mean: float
    shape: float
    by: str  # which of the three it is, in Chinese


def expect(history: History, hour: float, width: float) -> Usual:
    """What is usual in the window of ``width`` hours that ends at ``hour`` of the week (0 to 168, in hours)."""
    total = sum(history.topic.values())
    share = _share(history, hour, width)
    level = len(history.ages) / history.weeks
    last_week = sum(age <= WEEK_H + width for age in history.ages) / min(history.weeks, 1.0)
    weekly = max(level, last_week) + _PLACE_WEIGHT * total / history.places / history.weeks
    means = [Usual(weekly * share, len(history.ages) + 1.0, "平时")]
    base = means[0].mean
    for period, longest, name in (
        (DAY_H, _DAILY_DAYS, "往日此时"),
        (WEEK_H, history.weeks, "往周此时"),
    ):
        times = min(longest, history.weeks * WEEK_H / period)
        same = sum(_is_around(age, period, times, width) for age in history.ages)
        means.append(Usual((_PERIODS * base + same) / (_PERIODS + times), same + 1.0, name))
    return max(means, key=lambda usual: usual.mean)


def tail(count: int, usual: Usual) -> float:
    """How likely ``count`` or more are, where ``usual`` is."""
    mean, shape = usual.mean, usual.shape
    if count <= 0:
        return 1.0
    if mean <= 0:
        return 0.0
    odds = mean / (shape + mean)
    term = exp(
        lgamma(count + shape) - lgamma(shape) - lgamma(count + 1) + shape * log(1 - odds) + count * log(odds)
    )
    total, k = 0.0, count
    while term > total * 1e-9 and k < count + 10_000:
        total += term
        term *= (k + shape) / (k + 1) * odds
        k += 1
    return min(total, 1.0)


def _is_around(age: float, period: int, times: float, width: float) -> bool:
    """Whether ``age`` lies in the window's like of one of the last ``times`` periods."""
    back = (age + _AROUND_H) % period
    return back <= width + 2 * _AROUND_H and 1 <= (age + _AROUND_H) // period <= times


def _share(history: History, hour: float, width: float) -> float:
    """How much of a week's calls on the topic fall into the window."""
    profile = _smooth(history.topic, by_weekday=history.weeks >= _ENOUGH_WEEKS)
    share, at = 0.0, hour - width
    while at < hour:
        step = min(hour, float(int(at // 1) + 1)) - at
        share += profile[int(at // 1) % WEEK_H] * step
        at += step
    return share


def _smooth(topic: Mapping[int, int], *, by_weekday: bool) -> list[float]:
    """A topic's week, summing to 1: its days, each with the hours of a working day or of a weekend's."""
    counts = [float(topic.get(hour, 0)) for hour in range(WEEK_H)]
    any_day = _lean([sum(counts[hour::DAY_H]) for hour in range(DAY_H)], [n / sum(_DAY) for n in _DAY])
    if not by_weekday:
        return [any_day[hour % DAY_H] / 7 for hour in range(WEEK_H)]
    working, weekend = (
        _lean([sum(part[hour::DAY_H]) for hour in range(DAY_H)], any_day)
        for part in (counts[:_WORKING_H], counts[_WORKING_H:])
    )
    days = [sum(counts[day * DAY_H : (day + 1) * DAY_H]) + _LEAN / 7 for day in range(7)]
    hours = [*working * 5, *weekend * 2]
    return [days[at // DAY_H] / sum(days) * hours[at] for at in range(WEEK_H)]


def _lean(counts: Sequence[float], prior: Sequence[float]) -> list[float]:
    """The share of each hour of a day, with its neighbours, leaning on ``prior`` by so many calls."""
    smooth = [
        0.25 * counts[hour - 1] + 0.5 * counts[hour] + 0.25 * counts[(hour + 1) % DAY_H]
        for hour in range(DAY_H)
    ]
    total = sum(counts) + _LEAN
    return [(n + _LEAN * usual) / total for n, usual in zip(smooth, prior, strict=True)]
