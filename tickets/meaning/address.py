"""Roads, compounds and villages that no list knows: taken by their kind (路, 小区, 村), where a name can begin."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from tickets.numerals import SPOKEN

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tickets.gazetteer import Gazetteer

Span = tuple[int, int]

GAP = "|"
"""Stands in for what belongs to no name."""

_HAN = r"[\u4e00-\u9fff]"

# Words before which or behind which a name may begin.
_NO_NAME = re.compile(
    "我们|你们|他们|咱们|我家|家里|这里|那里|这边|那边|这个|那个|这条|那条|就是|位于|地址|住在|门口|附近|旁边|对面|里面|整个"
    "|晚上|白天|早上|夜里|半夜|走路|赶路|十字路|这路|那路"
    "|投诉|举报|反映|咨询|求助|建议|表扬|还有|有个|我要|我想|现在|今天|昨天|最近|安徽省|阜阳市|阜阳|阜城"
    "|噪音|停水|停电|漏水|漏雨|垃圾|施工|物业|老旧|安置|居民|住宅|[在是到从去住的跟我你他她有说了]"
)
DOOR = "(?:号楼|号院|号|栋|幢|单元|楼|层|室)"
_UNIT = f"(?:(?:[0-9]+|{SPOKEN}+){DOOR})"
_COMPOUND = f"{_HAN}{{2,4}}?(?:小区|花园|家园|公寓|大厦|广场|新村|苑)"
_BEGIN = r"(?:^|(?<=\|))"
_SOME_COMPOUND = re.compile(f"{_BEGIN}{_COMPOUND}")
_SOME_ROAD = re.compile(f"{_BEGIN}{_HAN}{{1,4}}?(?:大道|大街|巷|路(?![灯面边过由线费牌障人]))")
_SOME_VILLAGE = re.compile(f"{_BEGIN}(?:{_HAN}{{1,3}}?村(?![民干支里])|{_HAN}{{2,4}}?社区)")
# Kinds, not names.
_COMMON = re.compile(
    "(?:马|公|道|铁|走|修|线|电|半|小|大|土|一|该|水泥|柏油|跑|绕|让|堵|占|没|高速公|下水道)路|(?:农|全|本|新农)村"
)


def mask(text: str, spans: Sequence[Span]) -> str:
    """``text`` with gaps for these stretches."""
    for start, end in spans:
        text = text[:start] + GAP * (end - start) + text[end:]
    return text


def find_address(masked: str, gazetteer: Gazetteer) -> Span | None:
    """Where a road, with door, building and crossing, or a compound is named."""
    bare = _NO_NAME.sub(_blank, masked)
    candidates = [
        gazetteer.road.search(masked),
        next(_named(_SOME_ROAD, bare), None),
        next(_named(_SOME_COMPOUND, bare), None),
    ]
    first = next((match for match in candidates if match), None)
    if first is None:
        return None
    road = gazetteer.road.pattern
    rest = re.compile(f"(?:{_UNIT}|[和与]?{road}|{_COMPOUND}(?={_UNIT}|$)|路口|交叉口)*").match(
        masked, first.end()
    )
    return first.start(), rest.end() if rest else first.end()


def find_some_village(masked: str) -> Span | None:
    """Where a village is named that nobody has listed."""
    found = next(_named(_SOME_VILLAGE, _NO_NAME.sub(_blank, masked)), None)
    return found.span() if found else None


def _named(pattern: re.Pattern[str], text: str) -> Iterator[re.Match[str]]:
    return (match for match in pattern.finditer(text) if not _COMMON.fullmatch(match[0]))


def _blank(match: re.Match[str]) -> str:
    return GAP * len(match[0])
