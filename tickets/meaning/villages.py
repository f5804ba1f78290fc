"""The village or community that a caller names: with its township, or by a name that only one in the city has."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tickets.meaning.sound import readings, sound

if TYPE_CHECKING:
    from tickets.divisions import Village
    from tickets.gazetteer import Gazetteer
    from tickets.meaning.address import Span

_BETWEEN = re.compile(r"(?:的|那边|这边|这儿|那儿|这里|那里|街上|下面|下头|那个|有个|辖区|境内)*")
_KIND = re.compile(r"村|社区|居委会")
_WITHOUT_KIND = re.compile(
    r".*[庄寨营楼郢庙圩湾店集岗台沟塘洼堂屯坡铺溜窑孜堰庵]$"
)  # 郭寨 is one, 新建 may not be
_COMMON = frozenset(["花园", "大桥", "小庄", "油坊", "城中", "新农", "本村", "全村", "农村", "新村"])
_BOUND = frozenset("在是到从去住的跟我你他她有说了们来家这那个区县市镇乡道|和与叫")
_LONGEST = 6


@dataclass(frozen=True, slots=True)
class Found:
    """A village that was named at ``span``; None when several are called so: then ``rivals`` are their townships."""

    village: Village | None
    township: str
    span: Span
    rivals: tuple[str, ...] = ()
    heard: bool = False


def find_within(text: str, township: str, begin: int, gazetteer: Gazetteer) -> Found | None:
    """The village of ``township`` that ``text`` names; ``begin`` is where the township's own name ended."""
    below = sorted(gazetteer.villages.get(township, ()), key=lambda village: -len(village.bare))
    after = _BETWEEN.match(text, begin)
    start = after.end() if after else begin
    for village in below:
        if text.startswith(village.bare, start):
            end = start + len(village.bare)
            kind = _KIND.match(text, end)
            if kind or (_WITHOUT_KIND.match(village.bare) and village.bare not in _COMMON):
                return Found(village, township, (start, kind.end() if kind else end))
    for kind in _KIND.finditer(text):
        for village in below:
            at = kind.start() - len(village.bare)
            if at >= 0 and text.startswith(village.bare, at) and not at < begin < kind.end():
                return Found(village, township, (at, kind.end()))
    return _hear_within(text, township, begin, gazetteer)


def _hear_within(text: str, township: str, begin: int, gazetteer: Gazetteer) -> Found | None:
    for kind in _KIND.finditer(text, begin):
        for village in gazetteer.villages.get(township, ()):
            at = kind.start() - len(village.bare)
            if at >= begin and sound(text[at : kind.start()]) in readings(village.bare):
                return Found(village, township, (at, kind.end()), heard=True)
    return None


def find_alone(text: str, ends: tuple[int, ...], county: str, gazetteer: Gazetteer) -> Found | None:
    """A village that is named without its township, where a name can begin.

    Phrases end at ``ends``; when a ``county`` was said, it is one of there.
    """
    for kind in _KIND.finditer(text):
        for length in range(_LONGEST, 1, -1):
            start = kind.start() - length
            if start < 0 or (start and start not in ends and text[start - 1] not in _BOUND):
                continue
            bare = text[start : kind.start()]
            if bare in _COMMON:
                continue
            called = _call(bare, kind[0], county, gazetteer)
            if len(called) == 1:
                return Found(called[0][1], called[0][0], (start, kind.end()))
            if called:
                rivals = tuple(f"{gazetteer.township_counties[t]}{t}" for t, _ in called)
                return Found(None, "", (start, kind.end()), rivals)
    return None


def _call(bare: str, kind: str, county: str, gazetteer: Gazetteer) -> list[tuple[str, Village]]:
    """Who is called so, of whatever kind: a village that has become a community is called a village still."""
    return [
        (township, village)
        for township, village in gazetteer.known_villages.get(
            bare, gazetteer.known_villages.get(bare + kind, ())
        )
        if county in {"", gazetteer.township_counties[township]}
    ]
