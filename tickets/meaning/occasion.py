"""When, how long, how often, how much: what a caller says of it, the day reckoned from that of the call. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING

from tickets.numerals import AMOUNT, read_amount, read_digits

if TYPE_CHECKING:
    from datetime import datetime

_NUMBER = "[零一二两三四五六七八九十0-9]{1,3}"
_HOUR = f"(?:凌晨|清早|早上|早晨|上午|中午|下午|傍晚|晚上|夜里|半夜|夜间|晚)?(?:{_NUMBER}点(?:半|多|钟|{_NUMBER}分)*)?"
_DAYS = {"今": 0, "昨": 1, "前": 2, "大前": 3}
# Of another year or month (去年的今天) it is no day that is reckoned from today.
_DAY = re.compile(f"(?<!去年|前年|年的|前的|月的)(大前|今|昨|前)(?:天|日|晚|夜|儿|早)(?!年){_HOUR}")
_AGO = re.compile(f"({AMOUNT})(天|周|个?星期|个?礼拜|个?月|年)(?:之前|以前|前)")
_WEEKDAY = re.compile("(上上|上|这|本|下下|下)?个?(?:星期|礼拜|周)([一二三四五六日天])(?!次|个)")
_YEAR = re.compile(
    "(大前年|[前去今明后每当那同次]年|[零〇一二两三四五六七八九十千0-9]{2,7}年|[一二两三四五六七八九十几0-9]+年(?:之|以)?前)的?"
)
_DATE = re.compile(
    f"(?:{_YEAR.pattern})?"
    "([一二三四五六七八九十]{1,2}|[0-9]{1,2})月([零一二三四五六七八九十]{1,3}|[0-9]{1,2})(?:号|日)"
)
_VAGUE = re.compile(
    "前几天|前两天|上个?(?:星期|礼拜|周|月)(?![一二三四五六日天])|去年|前年|今年(?!才|刚|六|五|七|八)|刚才|刚刚|前阵子|前段时间|年前|月初|月底"
)
_LONG = re.compile(
    f"(?:快|都|将近|已经|有)?(?:{AMOUNT}|半|好几|几)(?:多)?(?:个)?(?:半)?(?:小时|钟头|天|星期|礼拜|周|月|年)(?:多)?(?:了|没|都)"
)
_OFTEN = re.compile(
    f"天天|每天|每晚|每周|每个月|经常|三天两头|隔三差五|一到(?:晚上|夏天|冬天|下雨)|一下雨就?|(?:一个?月|一天|一周)(?:{AMOUNT}|好几)(?:多)?(?:次|回|起|趟)"
)
_MONEY = re.compile(f"({AMOUNT})(?:多|来)?(?:块钱|块|元|圆)")
_WEEK = {day: index for index, day in enumerate("一二三四五六日")} | {"天": 6}
_LEAST = 10  # 块 below it count other things as often
# As an answer, a day may be less than in a telling: 三号. What is of another calendar is none of ours.
_LUNAR = re.compile("[农阴旧]历|[正冬腊]月|[大年]初|初[一二三四五六七八九十]|除夕|大年|闰")
_NOT_THAT = re.compile("不是.+?(?<!不)是(.+)")
_KEYED = re.compile("(?:([0-9]{4}))?([0-9]{2})([0-9]{2})")
_DAY_OF_MONTH = re.compile(
    "(?:(上上|上|这|本|下下|下)个?月的?|([一二三四五六七八九十]{1,2}|[0-9]{1,2})月的?(?:份的?)?)?"
    "(?<![零一二三四五六七八九十百千0-9])([零一二三四五六七八九十]{1,3}|[0-9]{1,2})(?:号|日|$)(?!楼|院|门|线|车|厅|桌|房|机|店)"
)
_YEARS = {"今年": 0, "去年": 1, "前年": 2, "大前年": 3, "明年": -1, "后年": -2}
_SHORT = 2  # digits of a year without its century
_AHEAD = 10  # years that such a year may lie in the future rather than a century ago
_LEAST_YEAR = 1000  # that is said as a number (两千零五年); below it, it is no year
_BACK = {"上上": 2, "上": 1, "下": -1, "下下": -2}  # months or weeks


@dataclass(frozen=True, slots=True)
class Occasion:
    """``when`` in the caller's words with the day they mean, ``lasting`` and ``often`` in his words, sums in 元."""

    when: str
    lasting: str
    often: str
    sums: tuple[int, ...]

    @property
    def told(self) -> str:
        """What a ticket says of the time."""
        return ",".join(filter(None, (self.when, self.lasting, self.often)))


def find_occasion(text: str, at: datetime) -> Occasion:
    """What ``text`` (plain) says of it in a call at ``at``, in the city's time."""
    lasting, often = _LONG.search(text), _OFTEN.search(text)
    sums = dict.fromkeys(read_amount(found[1]) for found in _MONEY.finditer(text))
    return Occasion(
        when=_find_when(text, at.date()),
        lasting=lasting[0].rstrip("没都") if lasting else "",
        often=often[0] if often else "",
        sums=tuple(value for value in sums if value >= _LEAST),
    )


def read_day(text: str, today: date) -> date | None:  # noqa: PLR0911 - one for each way to tell a day
    """The day, not after TODAY, that an answer means: its date, keyed (1103, 20251103) or said, or how long ago it was.

    None where it means none, or one of the lunar calendar.
    """
    if keyed := _KEYED.fullmatch(text):
        year, month, day = keyed.groups()
        return _dated(today, year, int(month), int(day))
    if _LUNAR.search(text):
        return None
    text = meant[1] if (meant := _NOT_THAT.search(text)) else text
    if found := _DAY.search(text):
        return today - timedelta(days=_DAYS[found[1]])
    if found := _WEEKDAY.search(text):
        return _weekday(found, today)
    if found := _AGO.search(text):
        return today - timedelta(days=days) if 0 < (days := _count_days(found)) < today.toordinal() else None
    year = _YEAR.search(text)
    if (found := _DAY_OF_MONTH.search(text, year.end() if year else 0)) is None:
        return None
    back, named, day = found[1], found[2], read_amount(found[3])
    if named:
        return _dated(today, year and year[1], read_amount(named), day)
    if year:
        return None
    months = today.year * 12 + today.month - 1 - _BACK.get(back or "", 0)
    if back:
        return _not_after(today, months // 12, months % 12 + 1, day)
    # 三十一号 may be of the month before the last: no two after each other lack it.
    found_in = (
        _not_after(today, past // 12, past % 12 + 1, day) for past in (months, months - 1, months - 2)
    )
    return next(filter(None, found_in), None)


def _dated(today: date, year: str | None, month: int, day: int) -> date | None:
    """That day of the year that is named, or of the last in which it has been; None where that has not come."""
    if year is None:
        return _nearest(today, month, day)
    read = _read_year(year, today)
    return _not_after(today, read, month, day) if read else None


def _read_year(said: str, today: date) -> int | None:
    """The year that is named: 去年, 二零二五年, 二五年, 两千零二十五年; None where that tells none (那年, 两年前)."""
    if said in _YEARS:
        return today.year - _YEARS[said]
    number = said.removesuffix("年")
    digits = read_digits(number)
    if digits.isdecimal() and len(digits) == _SHORT:
        century = today.year // 100 * 100
        return century + int(digits) - (0 if int(digits) <= today.year % 100 + _AHEAD else 100)
    amount = int(digits) if digits.isdecimal() else read_amount(number)
    return amount if amount >= _LEAST_YEAR else None


def _not_after(today: date, year: int, month: int, day: int) -> date | None:
    try:
        found = date(year, month, day)
    except ValueError:
        return None
    return found if found <= today else None


def _weekday(found: re.Match[str], today: date) -> date | None:
    back = 7 * _BACK.get(found[1] or "", 0)
    day = today - timedelta(days=today.weekday() + back - _WEEK[found[2]])
    if day > today and found[1] is None:
        day -= timedelta(days=7)
    return day if day <= today else None


def _count_days(found: re.Match[str]) -> int:
    """How many days ago it was; 0 where that tells no day."""
    unit = {"天": 1, "周": 7, "期": 7, "拜": 7}.get(found[2][-1], 0)
    return read_amount(found[1]) * unit


def _find_when(text: str, today: date) -> str:
    if found := _DAY.search(text):
        return _show(found[0], today - timedelta(days=_DAYS[found[1]]))
    if found := _DATE.search(text):
        return _show(found[0], _dated(today, found[1], read_amount(found[2]), read_amount(found[3])))
    if found := _WEEKDAY.search(text):
        back = 7 * _BACK.get(found[1] or "", 0)
        monday = today - timedelta(days=today.weekday() + back)
        day = monday + timedelta(days=_WEEK[found[2]])
        return _show(found[0], day if day <= today else None)
    if found := _AGO.search(text):
        count, unit = read_amount(found[1]), found[2][-1]
        days = {"天": 1, "周": 7, "期": 7, "拜": 7}.get(unit)
        return _show(found[0], today - timedelta(days=count * days) if days and count < today.year else None)
    found = _VAGUE.search(text)
    return found[0] if found else ""


def _nearest(today: date, month: int, day: int) -> date | None:
    """That day of this year, or of the last when it has not come yet."""
    for year in (today.year, today.year - 1):
        try:
            if (found := date(year, month, day)) <= today:
                return found
        except ValueError:
            pass
    return None


def _show(words: str, day: date | None) -> str:
    return f"{words}({day.isoformat()})" if day else words
