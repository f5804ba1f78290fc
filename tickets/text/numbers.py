"""Where figures stand for spoken numbers in a text that is to be read. Pure.

The values are `tickets.numerals`' own; here is decided what is a number at all, and how it is written: in figures from
ten on, below ten only with a measure, a date, a time, a door or a sum. Names and turns of phrase are none.
"""

from __future__ import annotations

import re
from functools import cache, lru_cache
from typing import TYPE_CHECKING, Final

from tickets.gazetteer import read_gazetteer
from tickets.meaning.files import chosen
from tickets.meaning.personal import PLATE, RUN, write_plate
from tickets.numerals import AMOUNT_WORDS as WORDS
from tickets.numerals import read_amount, read_digits

if TYPE_CHECKING:
    from collections.abc import Callable

    from tickets.meaning.files import RuleFiles

Written = tuple[int, int, str]
"""Where a number stands in the text, and how it is written."""

_ONE = "[一二两三四五六七八九]"
_TENS = f"(?:{_ONE}?十{_ONE}?)"
_HUNDREDS = f"(?:{_ONE}百(?:零{_ONE}|{_ONE}十{_ONE}?|{_ONE})?)"
_THOUSANDS = f"(?:{_ONE}千(?:零{_TENS}|零{_ONE}|{_HUNDREDS}|{_ONE})?)"
_SMALL = f"(?:{_THOUSANDS}|{_HUNDREDS}|{_TENS}|{_ONE})"
_MYRIADS = f"(?:{_SMALL}万(?:零?{_SMALL})?)"
_WHOLE = f"(?:{_SMALL}亿(?:{_MYRIADS}|零?{_SMALL})?|{_MYRIADS}|{_SMALL})"
_LONE = f"(?<![{WORDS}几])"  # 三四百 is no 400, 十几 no 10
_ENDS = f"(?![{WORDS}几])"
_PART_OF_DAY = "(?:凌晨|清早|早上|早晨|早|上午|中午|下午|傍晚|晚上|晚|夜里|半夜|夜间|到)"
_COUNTED = "[个户天次元块年米人盏辆多家名位条棵户吨斤度亩层楼岁倍路号站套间间台起级件份]"
_LISTED = f"{_COUNTED[1:-1]}月栋幢单组期队座排班"  # 四五六栋
_PRICED = "(?=一(?:平|斤|吨|度|个|顿|公斤|米|方|天|月))"  # 22块5一平米
_SAID_SO = re.compile(
    "万一|千万(?=[别不要记小注])|老?百姓|百货|十字|十分(?!钟)|十足|十全|[五六]一(?=放假|假期|期间|长假|节)|十一(?=放假|假期|期间|长假)"
    "|(?:星期|礼拜|周)[一二三四五六日天]|(?:正月|腊月|大年|农历|初)[初正腊月一二三四五六七八九十]+"
    f"|[{WORDS}]+(?:里铺|里庙|里桥|里井|里岗|里河|里村|里沟|铺)"
)
_NUMERAL = re.compile(f"[{WORDS}]")
_NUMBERED = re.compile(f"[{WORDS}幺洞]")  # a plate has digits, too
_GAP: Final = "|"  # stands in for what is no number, or is one already
_BARE: Final = 2  # characters of a name that may be a distance (八里)
_SHORTEST_RUN: Final = 3
_TEN: Final = 10
_MOST_HOURS: Final = 24
_SURE_HOURS: Final = 3  # 一点, 两点 are also said of other things
_PLATE_LENGTH: Final = 7
_MYRIAD: Final = 10_000
_YI: Final = 100_000_000


def write_amount(spoken: str) -> str:
    """A number as it is written: ``两千三`` → 2300, ``八万六`` → 8.6万, ``一亿三千万`` → 1.3亿."""
    value = read_amount(spoken)
    for unit, name in ((_YI, "亿"), (_MYRIAD, "万")):
        if name in spoken and value >= unit and value % (unit // 10) == 0:
            return f"{value / unit:.1f}".removesuffix(".0") + name
    return str(value)


def _write_share(match: re.Match[str]) -> str:
    return f"{_write_decimal(match[1], match[2])}%"


def _write_decimal(whole: str, part: str | None) -> str:
    number = "0" if whole == "零" else "100" if whole == "百" else write_amount(whole)
    return f"{number}.{read_digits(part)}" if part else number


def _write_clock(match: re.Match[str]) -> str | None:
    part, hour, exact, minute, unit = match.groups()
    value = 0 if hour == "零" else read_amount(hour)
    if value > _MOST_HOURS or not (exact or minute or value >= _SURE_HOURS or _names_hour(match, part)):
        return None
    if not minute:
        return f"{part or ''}{value}点{exact or ''}"
    late = read_amount(minute)
    written = f"{late:02}" if minute.startswith("零") else str(late)
    return f"{part or ''}{value}点{written}{unit or ''}"


def _names_hour(match: re.Match[str], part: str | None) -> bool:
    """Whether 一点 or 两点 behind a PART of the day is an hour: not in 早一点来, 收到一点钱, 晚上一点水都没有."""
    if part == "到":
        return match.string[: match.start()].endswith(("点", "半", "钟"))
    return part not in (None, "早", "晚") and _NOTHING_AT_ALL.match(match.string, match.start(2)) is None


def _write_day(match: re.Match[str]) -> str:
    month, day, unit = match.groups()
    return f"{read_amount(month)}月" + (f"{read_amount(day)}{unit}" if day else "")


def _write_sum(match: re.Match[str]) -> str | None:
    """``三块二毛五`` → 3块2毛5."""
    whole, unit, tenths, name, rest = match.groups()
    return f"{write_amount(whole)}{unit}" + "".join(
        part if part in ("角", "毛") else str(read_amount(part)) for part in (tenths, name, rest) if part
    )


def _write_large(match: re.Match[str]) -> str | None:
    spoken = match[1]
    return write_amount(spoken) if read_amount(spoken) >= _TEN else None


def _write_one(match: re.Match[str]) -> str:
    return write_amount(match[1])


_CLOCK = re.compile(
    f"({_PART_OF_DAY})?{_LONE}({_TENS}|{_ONE}|零)点(?!意见|建议|要求|问题|看法|原因)"
    f"(钟|整|半|多)?(?:((?:零{_ONE}|{_TENS})(?![{WORDS}几])|{_ONE}(?=分))(分)?)?"
)
_NOTHING_AT_ALL = re.compile("[一两]点.{0,3}[都也]")
# 三点五 alone may be a time.
_MEASURED = "(?=元|块|米|公里|千米|厘米|平|斤|公斤|吨|度|倍|万|亿|毫|升|岁|小时|个|兆|分贝)"


@cache
def _open_rules() -> tuple[tuple[re.Pattern[str], Callable[[re.Match[str]], str | None]], ...]:
    """Made when first asked for: that takes a tenth of a second, and most processes meet no number."""
    return (
        (re.compile(f"百分之({_WHOLE}|零|百)(?:点([零〇]*[{WORDS[:11]}]+))?{_ENDS}"), _write_share),
        (
            re.compile(f"{_LONE}({_WHOLE})点([零〇一二三四五六七八九]+){_MEASURED}"),
            lambda match: _write_decimal(match[1], match[2]),
        ),
        (
            re.compile("(?<![零〇一二三四五六七八九十百])(零)点([零〇一二三四五六七八九]+)(?![十点分])"),
            lambda match: _write_decimal(match[1], match[2]),
        ),
        (_CLOCK, _write_clock),
        (
            re.compile(f"(?<![个半几{WORDS}])({_TENS}|{_ONE})月(?![子光饼亮])(?:({_TENS}|{_ONE})([号日]))?"),
            _write_day,
        ),
        (
            re.compile(
                f"{_LONE}({_WHOLE})(块)({_ONE})(?:([毛角])({_ONE})?|{_PRICED}|(?!{_COUNTED}|[{WORDS}月日点]))",
            ),
            _write_sum,
        ),
        (re.compile(f"{_LONE}({_WHOLE})(元)({_ONE})([角毛])()"), _write_sum),
        (re.compile(f"{_LONE}({_WHOLE})(?=块钱|元)"), _write_one),
        (re.compile(f"{_LONE}({_ONE})(?=[毛角]钱)"), _write_one),
        (
            re.compile(f"{_LONE}(?!十(?!{_COUNTED}|[一二两三四五六七八九万亿]))({_WHOLE}){_ENDS}(?![来把])"),
            _write_large,
        ),
        (
            re.compile(
                f"(?<![{_GAP}几{WORDS}第])(?!一(?:平|层|级|斤|度(?!电)|路(?!公交|车)))({_ONE})"
                "(?=米|公里|千米|厘米|平方|平米|吨|斤|公斤|岁|楼(?![梯道])|层|栋|幢|单元|室|号|分钟|秒|小时|亩|级(?=地震|伤残|大风)"
                "|度电|路(?:公交|车))"
            ),
            _write_one,
        ),
    )


def find_numbers(text: str) -> tuple[Written, ...]:
    """All that is written in figures in ``text``, in order; nothing overlaps."""
    if _NUMBERED.search(text) is None:
        return ()
    rest = text.upper() if len(text.upper()) == len(text) else text
    found: list[Written] = []

    def take(start: int, end: int, written: str) -> None:
        nonlocal rest
        found.append((start, end, written))
        rest = rest[:start] + _GAP * (end - start) + rest[end:]

    for plate in PLATE.finditer(rest):
        written = write_plate(plate)
        extra = len(written) > _PLATE_LENGTH and not (written[2].isalpha() or written[-1].isalpha())
        take(plate.start(), plate.end() - extra, written[: len(written) - extra])
    names = _names(chosen())
    rest = names.sub(_hide, rest) if names else rest
    for run in RUN.finditer(rest):
        if len(run[0]) >= _SHORTEST_RUN and not _is_part(rest, run):
            take(run.start(), run.end(), read_digits(re.sub("[腰妖]", "幺", run[0])))
    for pattern, write in _open_rules():
        for match in pattern.finditer(rest):
            if (figures := write(match)) is not None:
                take(match.start(), match.end(), figures)
        if pattern is _CLOCK:  # 八点十分 is a time, 十分严重 is none
            rest = _SAID_SO.sub(_hide, rest)
    return tuple(sorted(found))


def prepare(files: RuleFiles) -> None:
    """Have ready what the first text with a number in it would wait for. Raises as `read_gazetteer`."""
    _open_rules()
    _names(files)


def _is_part(text: str, run: re.Match[str]) -> bool:
    """Whether it is part of a number that is said as a whole, a decimal, or a guess: 七八九个."""
    around = text[max(0, run.start() - 1) : run.start()] + text[run.end() : run.end() + 1]
    if any(c in "十百千万亿点" for c in around):
        return True
    return run[0] in "一二三四五六七八九" and text[run.end() : run.end() + 1] in tuple(_LISTED)


def _hide(match: re.Match[str]) -> str:
    return _GAP * len(match[0])


@lru_cache(maxsize=2)
def _names(files: RuleFiles) -> re.Pattern[str] | None:
    """The city's names that have numbers in them."""
    gazetteer = read_gazetteer(files)
    every = (*gazetteer.township_counties, *gazetteer.short_townships, *gazetteer.known_villages)
    numbered = sorted(
        {name for name in every if len(name) > _BARE and _NUMERAL.search(name)}, key=len, reverse=True
    )
    return re.compile("|".join(map(re.escape, numbered))) if numbered else None
