"""What tells two texts apart, or together, whatever their words: venue, thing and trouble; numbers; names. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict

from config.document import embedded, load
from tickets.meaning.address import GAP
from tickets.meaning.sound import sound
from tickets.numerals import AMOUNT, SPOKEN, read_amount, read_number

if TYPE_CHECKING:
    from collections.abc import Mapping

_COUNTED = re.compile(
    rf"(?<![月第])([0-9]+|{SPOKEN}+)(号楼|号院|栋|幢|单元|室|期|班|年级|路(?=公交|车)|组(?!织)|号(?!线|码|召|称|文|[0-9一二三四五六七八九十]))"
)
_SUM = re.compile(rf"({AMOUNT})(?:块钱?|元)")
_KINDS = "小学|中学|幼儿园|学校|医院|卫生院|超市|饭店|酒店|宾馆|公司|小区|花园|家园|苑|厂|药店|药房|广场|市场|公园|村"
_NO_NAME = frozenset("的是那这有个我你他在了家里说们")
_HOURS = {
    "早": re.compile("早上|清晨|一大早|大清早|天不亮|天没亮"),
    "白天": re.compile("白天|上午|中午|下午|大中午"),
    "夜": re.compile("晚上|半夜|夜里|凌晨|深夜|一夜|通宵|一整夜|天黑"),
}
_NAMED = re.compile(rf"(?:^|(?<=\{GAP}))([\u4e00-\u9fff]{{2,4}}?)({_KINDS})")
_SURNAMES = (
    "王李张刘陈杨黄赵吴周徐孙马朱胡郭何林高罗郑梁谢宋唐许韩冯邓曹彭曾肖田董潘袁蔡蒋余于杜叶程魏苏吕丁任卢姚沈钟姜崔谭陆范汪廖"
    "石金韦贾夏付方邹熊白孟秦邱侯江尹薛闫段雷龙史陶贺顾毛郝龚邵"
)
_PERSON = re.compile(
    rf"([{_SURNAMES}])(?:老板|师傅|书记|主任|校长|老师|医生|大夫|村长|经理|某|姓|院长|所长)|(?:姓|叫)([{_SURNAMES}])"
)


class AspectsDocument(BaseModel):
    """The file: patterns by name."""

    model_config = ConfigDict(defer_build=True, frozen=True)

    venues: dict[str, str]
    things: dict[str, str]
    troubles: dict[str, str]


@dataclass(frozen=True, slots=True)
class Aspects:
    """What a text names; ``counted`` gives the numbers by what they count, ``named`` names by their kind."""

    venues: frozenset[str]
    things: frozenset[str]
    troubles: frozenset[str]
    counted: Mapping[str, frozenset[str]]
    sums: frozenset[int]
    named: Mapping[str, frozenset[tuple[str, ...]]]
    persons: frozenset[str]
    hours: frozenset[str]


def find_aspects(text: str, masked: str) -> Aspects:
    """Those of ``text`` (plain); ``masked`` is the same with gaps for the places."""
    patterns = _open_aspects()
    bare = masked.replace(GAP, "")
    venues, things, troubles = (
        frozenset(name for name, pattern in section if pattern.search(bare)) for section in patterns
    )
    counted: dict[str, set[str]] = {}
    for number, what in _COUNTED.findall(text):
        value = number if number.isascii() else read_number(number)
        counted.setdefault(what, set()).add(value)
    named: dict[str, set[tuple[str, ...]]] = {}
    for name, kind in _NAMED.findall(masked):
        if not _NO_NAME & {*name}:
            named.setdefault(kind, set()).add(sound(name))
    return Aspects(
        venues,
        things,
        troubles,
        {what: frozenset(values) for what, values in counted.items()},
        frozenset(read_amount(amount) for amount in _SUM.findall(bare)),
        {kind: frozenset(names) for kind, names in named.items()},
        frozenset(a or b for a, b in _PERSON.findall(bare)),
        frozenset(name for name, pattern in _HOURS.items() if pattern.search(bare)),
    )


@cache
def _open_aspects() -> tuple[tuple[tuple[str, re.Pattern[str]], ...], ...]:
    """Venues, things and troubles, read once. Raises config.document.ConfigError, re.error."""
    document = load(AspectsDocument, embedded("aspects.yaml"))
    sections = (document.venues, document.things, document.troubles)
    return tuple(
        tuple((name, re.compile(pattern)) for name, pattern in section.items()) for section in sections
    )
