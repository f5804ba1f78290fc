"""A made-up month of matters, with what is to be found planted in it, and what only looks like it; by seeds."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from recordings.matters import MatterRow
from tickets.gazetteer import open_gazetteer
from tickets.matters import hour_of_week
from tickets.meaning.topics import list_topics
from tickets.number import CITY_TIME

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import numpy.typing as npt

    Floats = npt.NDArray[np.float64]

A_DAY = 3200
DAYS = 30
PLANTS = 20
_IN_PEAK = 4  # every so many-th begins in its topic's busiest hour
FIRST = datetime(2026, 6, 1, tzinfo=CITY_TIME)  # a Monday
_WEEK = (1.12, 1.08, 1.05, 1.04, 1.05, 0.85, 0.81)  # of an average day
_OFFICE = (0.6, 0.4, 0.3, 0.3, 0.4, 0.8, 2, 4, 8.5, 10.5, 10, 7.5, 4.5, 4.5, 8, 9, 8, 6, 4, 3, 2.5, 2, 1.5, 1)
_NIGHT = (6, 4, 3, 2, 1.5, 1.5, 2, 2, 2, 2, 2, 2, 2.5, 2.5, 2, 2, 2, 2.5, 4, 6, 9, 14, 15, 11)
_WAYS = (0.3, 0.2, 0.2, 0.2, 0.4, 1, 6, 17, 12, 5, 3, 3, 3.5, 3, 3, 3, 6, 14, 11, 4, 2, 1.2, 0.8, 0.5)
_ANY = (2, 1.5, 1.2, 1, 1.2, 2, 5, 6.5, 7, 6.5, 6, 6, 5.5, 5, 5, 5, 5, 6, 7, 7, 6, 4.5, 3.5, 2.5)
_SHAPES = {
    **dict.fromkeys(("噪音", "施工", "油烟", "异味", "犬只", "打架", "赌博"), _NIGHT),
    **dict.fromkeys(("堵车", "公交", "红绿灯", "停车", "出租车", "交通事故"), _WAYS),
    **dict.fromkeys(("停水", "停电", "停气", "供暖", "漏水", "电梯", "积水", "网络", "燃气", "消防"), _ANY),
}
_NO_TOPIC, _NO_TOWNSHIP = 0.05, 0.12


class Place(NamedTuple):
    """A township and its county; "" for a township that nobody told."""

    county: str
    township: str


@dataclass(frozen=True, slots=True)
class Plant:
    """A surge that is to be found: when each of its calls comes."""

    topic: str
    place: Place
    ats: tuple[datetime, ...]
    in_peak: bool


@dataclass(frozen=True, slots=True)
class Month:
    """The matters in the order of their time; ``begin`` is when the month itself begins, after what is learnt from."""

    begin: datetime
    end: datetime
    rows: Sequence[tuple[datetime, str, Place]]
    plants: Sequence[Plant]
    decoys: Sequence[str]


class _City:
    """How often what is told of where, and when: other dice, another city."""

    def __init__(self, dice: np.random.Generator) -> None:
        self.topics = list_topics()
        self.places = [Place(c, t) for t, c in open_gazetteer().township_counties.items()]
        ranks = dice.permutation(len(self.topics))
        self.topic_weights = _norm(1.0 / (ranks + 4.0) * dice.lognormal(0, 0.3, len(ranks)))
        sizes = dice.lognormal(0, 0.7, len(self.places))
        taste = dice.lognormal(0, 0.5, (len(self.topics), len(self.places)))
        self.place_weights = np.apply_along_axis(_norm, 1, sizes * taste)
        self.shapes = np.array([_norm(np.array(_SHAPES.get(topic, _OFFICE))) for topic in self.topics])

    def at(self, dice: np.random.Generator, day: datetime, topic: int) -> datetime:
        """A moment of that day at which somebody may call about the topic."""
        hour = dice.choice(24, p=self.shapes[topic]) + dice.random()
        return day + timedelta(hours=float(hour))


def make_month(
    seed: int, *, before: int = 28, a_day: int = A_DAY, days: int = DAYS, plants: int = PLANTS
) -> Month:
    """``days`` with ``a_day`` calls and what is planted in them, after ``before`` days that are only learnt from."""
    dice = np.random.default_rng(seed)
    city = _City(dice)
    begin = FIRST + timedelta(days=before)
    rows = [
        row for n in range(before + days) for row in _make_day(city, dice, FIRST + timedelta(days=n), a_day)
    ]
    planted = [_plant(city, dice, begin, days, in_peak=n % _IN_PEAK == 0) for n in range(plants)]
    rows += [(at, plant.topic, plant.place) for plant in planted for at in plant.ats]
    decoys = []
    for name, made in _make_decoys(city, dice, begin, days):
        rows += made
        decoys.append(name)
    rows.sort()
    return Month(begin, begin + timedelta(days=days), rows, planted, decoys)


def _make_day(
    city: _City, dice: np.random.Generator, day: datetime, a_day: int
) -> Iterator[tuple[datetime, str, Place]]:
    count = dice.poisson(a_day * _WEEK[day.weekday()] * dice.lognormal(0, 0.06))
    for topic, calls in enumerate(dice.multinomial(count, city.topic_weights)):
        places = dice.choice(len(city.places), calls, p=city.place_weights[topic])
        hours = dice.choice(24, calls, p=city.shapes[topic]) + dice.random(calls)
        lost, vague = dice.random(calls) < _NO_TOPIC, dice.random(calls) < _NO_TOWNSHIP
        for place, hour, no_topic, no_township in zip(places, hours, lost, vague, strict=True):
            where = city.places[place]
            yield (
                day + timedelta(hours=float(hour)),
                "" if no_topic else city.topics[topic],
                Place(where.county, "") if no_township else where,
            )


def _plant(city: _City, dice: np.random.Generator, begin: datetime, days: int, *, in_peak: bool) -> Plant:
    """4 to 8 calls within three hours, any topic and township; begun in the topic's busiest hour, or when it may."""
    topic, place = int(dice.integers(len(city.topics))), city.places[dice.integers(len(city.places))]
    day = begin + timedelta(days=int(dice.integers(days)))
    if in_peak:
        first = day + timedelta(hours=int(city.shapes[topic].argmax()) + float(dice.random()))
    else:
        first = city.at(dice, day, topic)
    count, span = int(dice.integers(4, 9)), float(dice.uniform(0.5, 3.0))
    rest = sorted(dice.uniform(0, span, count - 1))
    ats = (first, *(first + timedelta(hours=float(hours)) for hours in rest))
    return Plant(city.topics[topic], place, ats, in_peak)


def _make_decoys(
    city: _City, dice: np.random.Generator, begin: datetime, days: int
) -> Iterator[tuple[str, list[tuple[datetime, str, Place]]]]:
    """Ten that are no surge: what is usual, what rises slowly, what only shares the township, what rises everywhere."""
    end = begin + timedelta(days=days)
    for weekly in (True, True, False, False):
        topic, place = int(dice.integers(len(city.topics))), city.places[dice.integers(len(city.places))]
        start = int(dice.integers(7, 21))
        every = [FIRST + timedelta(days=d) for d in range((end - FIRST).days)]
        market = int(dice.integers(7))
        made = [
            (day + timedelta(hours=start + float(dice.uniform(0, 2))), city.topics[topic], place)
            for day in every
            if not weekly or day.weekday() == market
            for _ in range(dice.poisson(5 if weekly else 2.5))
        ]
        yield f"每{'周' if weekly else '天'}此时 {place.township}{city.topics[topic]}", made
    for _ in range(3):
        topic, place = int(dice.integers(len(city.topics))), city.places[dice.integers(len(city.places))]
        made = [
            (city.at(dice, begin + timedelta(days=d), topic), city.topics[topic], place)
            for d in range(days)
            for _ in range(dice.poisson(4.0 * d / days))
        ]
        yield f"慢慢增多 {place.township}{city.topics[topic]}", made
    for _ in range(2):
        place = city.places[dice.integers(len(city.places))]
        first = begin + timedelta(days=int(dice.integers(days)), hours=float(dice.uniform(8, 18)))
        others = dice.choice(len(city.topics), int(dice.integers(6, 11)), replace=False)
        yield (
            f"各说各的 {place.township}",
            [(first + timedelta(hours=float(dice.uniform(0, 2))), city.topics[t], place) for t in others],
        )
    topic, day = int(dice.integers(len(city.topics))), begin + timedelta(days=int(dice.integers(days)))
    places = dice.choice(len(city.places), 120, p=city.place_weights[topic])
    yield (
        f"全市增多 {city.topics[topic]}",
        [(city.at(dice, day, topic), city.topics[topic], city.places[p]) for p in places],
    )


def to_rows(month: Month) -> Iterator[MatterRow]:
    """As they stand in the table."""
    codes = open_gazetteer().codes
    for n, (at, topic, place) in enumerate(month.rows):
        yield MatterRow(
            number=f"{n:012}",
            call_id=f"{at:%Y%m%dT%H%M%S}-{n:08x}",
            at=at,
            hour=hour_of_week(at),
            hotline="12345",
            caller=f"139{n % 20_000:08}",
            topic=topic,
            category="",
            county=place.county,
            township=place.township,
            code=codes[place.county],
            urgency="一般",
            words=topic,
            urged="",
        )


def _norm(weights: Floats) -> Floats:
    share: Floats = weights / weights.sum()
    return share
