"""What the address of the work list asks for: read strictly, and written back."""

from __future__ import annotations

import re
from datetime import date
from http import HTTPStatus
from typing import TYPE_CHECKING, Final
from urllib.parse import urlencode

from console.listing import Filter, Position, Tab
from console.problem import Problem
from recordings.search import split
from recordings.worklist import State
from tickets.gazetteer import open_gazetteer

if TYPE_CHECKING:
    from collections.abc import Mapping

ANY: Final = "全部"
_PLACE: Final = re.compile(r"([0-9])\.([0-9]{8}T[0-9]{6}-[0-9a-f]{8})")
_LONGEST: Final = 50
_LONGEST_NAME: Final = 100  # of a category, as a ticket has it
_YEARS: Final = range(1900, 2200)  # a day before or behind these must still be a date, of four digits
_FILTERS: Final = ("tab", "state", "hotline", "county", "category", "hour", "came", "since", "until", "q")
_ONLY_OF_OVERVIEW: Final = frozenset({"category", "hour", "came"})


def read_filter(query: Mapping[str, str]) -> Filter:
    """The filter of an address. Raises Problem (400) for a value that no form of ours sends."""
    tab = query.get("tab", "")
    if tab and tab not in list(Tab):
        raise _refuse("分类")
    state = query.get("state", "") or State.OPEN
    if state != ANY and state not in list(State):
        raise _refuse("状态")
    hotline, county, words = query.get("hotline", ""), query.get("county", ""), query.get("q", "")
    if hotline and not re.fullmatch("[0-9]{3,8}", hotline):
        raise _refuse("热线")
    if county and county not in list_counties():
        raise _refuse("区县")
    category, hour = query.get("category", ""), query.get("hour", "")
    if len(category) > _LONGEST_NAME:
        raise _refuse("分类")
    if hour and not re.fullmatch("1?[0-9]|2[0-3]", hour):
        raise _refuse("时段")
    if query.get("came", "") not in {"", "1"}:
        raise _refuse("来电")
    if len(words) > _LONGEST:
        raise Problem(HTTPStatus.BAD_REQUEST, "搜索的文字太长", f"请缩短到 {_LONGEST} 个字以内。")
    return Filter(
        state=None if state == ANY else State(state),
        hotline=hotline,
        county=county,
        category=category,
        hour=int(hour) if hour else None,
        came=bool(query.get("came")),
        since=read_day(query.get("since", "")),
        until=read_day(query.get("until", "")),
        runs=tuple(split(words)),
        tab=Tab(tab) if tab else None,
        unread=bool(words.strip()) and not split(words),
    )


def find_fault(wanted: Filter) -> str:
    """Why this filter finds nothing whatever there is, in Chinese; "" when it may find something."""
    if wanted.unread:
        return "搜索的文字里没有汉字、字母或数字,请换成来电中说过的词、工单编号或电话号码。"
    if wanted.since and wanted.until and wanted.since > wanted.until:
        return "开始日期晚于结束日期,请改正。"
    return ""


def read_place(text: str) -> Position | None:
    """Where the page before ended, "" for the first page. Raises Problem (400)."""
    if not text:
        return None
    found = _PLACE.fullmatch(text)
    if found is None:
        raise _refuse("翻页位置")
    return Position(int(found[1]), found[2])


def write_address(query: Mapping[str, str], behind: Position) -> str:
    """The address of the page behind ``behind``, with the filters of ``query``."""
    kept = {name: query[name] for name in _FILTERS if query.get(name)}
    return "/?" + urlencode({**kept, "behind": f"{behind.rank}.{behind.call_id}"})


def write_widened(query: Mapping[str, str]) -> str:
    """The address of the same list without what only the overview narrows it to."""
    kept = {name: query[name] for name in _FILTERS if query.get(name) and name not in _ONLY_OF_OVERVIEW}
    return f"/?{urlencode(kept)}"


def write_tab(query: Mapping[str, str], tab: str) -> str:
    """The address of a tab, "" for all that waits, with the other filters of ``query``."""
    kept = {name: query[name] for name in _FILTERS if query.get(name) and name not in {"tab", "state"}}
    told = urlencode({**kept, "tab": tab} if tab else kept)
    return f"/?{told}" if told else "/"


def list_counties() -> list[str]:
    """The counties of the city, as tickets name them."""
    return list(open_gazetteer().codes)


def read_day(text: str) -> date | None:
    """A day of the city, "" for none. Raises Problem (400)."""
    if not text:
        return None
    try:
        day = date.fromisoformat(text)
    except ValueError:
        raise _refuse("日期") from None
    if day.year not in _YEARS:
        raise _refuse("日期")
    return day


def _refuse(what: str) -> Problem:
    return Problem(HTTPStatus.BAD_REQUEST, "筛选条件不对", f"“{what}”的值无法识别,请重新选择。")
