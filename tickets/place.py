"""Where a matter is: the place in a caller's words by the city's gazetteer; and a short title for the matter.

Callers name a county, a township, a road with a door number, a compound; often only one of them. Names are
looked for longest first; a township finds its county, as its name is unique in the city. Roads, compounds and
villages that the gazetteer does not know are taken by their kind (路, 小区, 村), but only where a name can begin:
speech has no spaces, and a wrong place is worse than none.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tickets.gazetteer import Gazetteer, open_gazetteer
from tickets.numerals import SPOKEN, write_digits

if TYPE_CHECKING:
    from collections.abc import Iterator

_TITLE_LENGTH = 20
_HAN = r"[\u4e00-\u9fff]"
_GAP = "|"  # stands in for what belongs to no name

_PUNCTUATION = re.compile(r"[\s,,。、.!?!?;:;:]+")
_DENIED = re.compile(r"不(?:是|在|叫)$")  # "不是颍州区,是颍泉区"
# Words before which or behind which a name may begin.
_NO_NAME = re.compile(
    "我们|你们|他们|咱们|我家|家里|这里|那里|这边|那边|这个|那个|这条|那条|就是|位于|地址|住在|门口|附近|旁边|对面|里面|整个"
    "|投诉|举报|反映|咨询|求助|建议|表扬|还有|有个|我要|我想|现在|今天|昨天|最近|安徽省|阜阳市|阜阳|阜城"
    "|噪音|停水|停电|漏水|漏雨|垃圾|施工|物业|老旧|安置|居民|住宅|[在是到从去住的跟我你他她有说了]"
)
_DOOR = "(?:号楼|号院|号|栋|幢|单元|楼|层|室)"
_UNIT = f"(?:(?:[0-9]+|{SPOKEN}+){_DOOR})"
_COMPOUND = f"{_HAN}{{2,4}}?(?:小区|花园|家园|公寓|大厦|广场|新村|苑)"
_BEGIN = r"(?:^|(?<=\|))"
_SOME_COMPOUND = re.compile(f"{_BEGIN}{_COMPOUND}")
_SOME_ROAD = re.compile(f"{_BEGIN}{_HAN}{{1,4}}?(?:大道|大街|巷|路(?![灯面边过由线费牌障人]))")
_SOME_VILLAGE = re.compile(f"{_BEGIN}(?:{_HAN}{{1,3}}?村(?![民干支里])|{_HAN}{{2,4}}?社区)")
# Kinds, not names.
_COMMON = re.compile(
    "(?:马|公|道|铁|走|修|线|电|半|小|大|土|一|该|水泥|柏油|跑|绕|让|堵|占|没|高速公|下水道)路|(?:农|全|本|新农)村"
)
_FILLERS = re.compile(
    "^(?:喂|你好|您好|那个|这个|就是|嗯|啊|哎|呃|我想要|我想|我要|我来|我(?![家们的])|想要|想|要(?!求)|请问|请|麻烦|帮我"
    "|说一下|反映一下|反映|投诉一下|投诉|举报一下|举报|问一下|在|的|了|是|呢|吧)+"
)
_LEFT_OVER = re.compile("(?:在|的|是|和|位于)+$")
_NO_MATTER = frozenset(
    [
        "我家",
        "我们家",
        "我们小区",
        "我们村",
        "家里",
        "阜城",
        "阜阳",
        "阜阳市",
        "不",
        "不是",
        "不对",
        "这里",
        "就",
    ]
)


@dataclass(frozen=True, slots=True)
class Place:
    """A place, from the large to the small; empty where nothing was said.

    ``code`` is the county's (GB/T 2260). ``address`` is road, door, compound, building, its numbers in figures.
    ``said`` is the caller's words that name the place.
    """

    code: str
    county: str
    township: str
    village: str
    address: str
    said: str

    @property
    def name(self) -> str:
        """The whole place as one says it."""
        return f"{self.county}{self.township}{self.village}{self.address}"


def find(text: str) -> Place | None:
    """The place named in ``text``, the first if there are several; None when there is none."""
    found = _locate(_PUNCTUATION.sub("", text))
    return found[0] if found else None


def brief(text: str) -> str:
    """A short title: the text without the place and without "我要投诉", at most 20 characters; "" for no text."""
    text = _PUNCTUATION.sub("", text)
    found = _locate(text)
    rest = _mask(text, found[1]).replace(_GAP, "") if found else text
    rest = _LEFT_OVER.sub("", _FILLERS.sub("", rest))
    return (text if rest in _NO_MATTER or not rest else rest)[:_TITLE_LENGTH]


def _locate(text: str) -> tuple[Place, list[tuple[int, int]]] | None:
    """The place, and the stretches of ``text`` that name it."""
    gazetteer = open_gazetteer()
    county, county_span = _find_county(text, gazetteer)
    township, township_span = _find_township(text, county, county_span, gazetteer)
    if township:
        county = gazetteer.township_counties[township]
    known = [span for span in (county_span, township_span) if span]
    masked = _mask(text, known)
    address_span = _find_address(masked, gazetteer)
    masked = _mask(masked, [address_span] if address_span else [])
    village = next(_named(_SOME_VILLAGE, _NO_NAME.sub(_blank, masked)), None)
    spans = sorted(
        [*known, *([address_span] if address_span else []), *([village.span()] if village else [])]
    )
    if not spans:
        return None
    address = text[slice(*address_span)] if address_span else ""
    place = Place(
        code=gazetteer.codes.get(county, ""),
        county=county,
        township=township,
        village=village[0] if village else "",
        address=write_digits(address, _DOOR),
        said="".join(text[start:end] for start, end in spans),
    )
    return place, spans


def _find_county(text: str, gazetteer: Gazetteer) -> tuple[str, tuple[int, int] | None]:
    for match in _affirmed(gazetteer.county, text):
        return gazetteer.counties[match[0]], match.span()
    return "", None


def _find_township(
    text: str, county: str, county_span: tuple[int, int] | None, gazetteer: Gazetteer
) -> tuple[str, tuple[int, int] | None]:
    for match in _affirmed(gazetteer.township, text):
        if county in ("", gazetteer.township_counties[match[0]]):
            return match[0], match.span()
    if county_span:  # right behind its county a township goes without its kind: 颍上慎城
        for short, township in gazetteer.short_townships.items():
            start = county_span[1]
            if text.startswith(short, start) and gazetteer.township_counties[township] == county:
                return township, (start, start + len(short))
    return "", None


def _find_address(masked: str, gazetteer: Gazetteer) -> tuple[int, int] | None:
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


def _affirmed(pattern: re.Pattern[str], text: str) -> Iterator[re.Match[str]]:
    return (match for match in pattern.finditer(text) if not _DENIED.search(text[: match.start()]))


def _named(pattern: re.Pattern[str], text: str) -> Iterator[re.Match[str]]:
    return (match for match in pattern.finditer(text) if not _COMMON.fullmatch(match[0]))


def _mask(text: str, spans: list[tuple[int, int]]) -> str:
    for start, end in spans:
        text = text[:start] + _GAP * (end - start) + text[end:]
    return text


def _blank(match: re.Match[str]) -> str:
    return _GAP * len(match[0])
