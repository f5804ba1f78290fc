"""Which days and line the overview is asked for: read strictly from its address, and written back."""

from __future__ import annotations

import re
from datetime import date, timedelta
from http import HTTPStatus
from typing import TYPE_CHECKING, Final
from urllib.parse import urlencode

from console.asking import read_day
from console.problem import Problem
from tickets.overview.scope import Scope

if TYPE_CHECKING:
    from collections.abc import Mapping

PERIODS: Final[Mapping[str, tuple[int, int]]] = {
    "今天": (0, 0),
    "昨天": (1, 1),
    "近7天": (6, 0),
    "近30天": (29, 0),
}
"""By name: the first day and the last, so many days before today."""
_LONGEST: Final = timedelta(days=366)


def read_scope(query: Mapping[str, str], today: date, hidden: frozenset[str]) -> Scope:
    """What is asked for; nothing: today, all lines. ``since`` and ``until`` go before a ``period``.

    Raises Problem (400) for a value that no form of ours sends.
    """
    period = query.get("period", "") or next(iter(PERIODS))
    if period not in PERIODS:
        raise Problem(HTTPStatus.BAD_REQUEST, "时段不对", "请从页面上选择。")
    hotline = query.get("hotline", "")
    if hotline and not re.fullmatch("[0-9]{3,8}", hotline):
        raise Problem(HTTPStatus.BAD_REQUEST, "热线不对", "请从页面上选择。")
    first, last = PERIODS[period]
    since, until = read_day(query.get("since", "")), read_day(query.get("until", ""))
    if since or until:
        until = until or max(today, since or today)
        return Scope(since or until, until, hotline, hidden)
    return Scope(today - timedelta(days=first), today - timedelta(days=last), hotline, hidden)


def find_fault(scope: Scope) -> str:
    """Why these days cannot be counted, in Chinese; "" when they can."""
    if scope.since > scope.until:
        return "开始日期晚于结束日期,请改正。"
    if scope.until - scope.since >= _LONGEST:
        return f"一次最多统计 {_LONGEST.days} 天,请缩短时段。"
    return ""


def name_period(scope: Scope, today: date) -> str:
    """The name of the period; "" for days that have been chosen one by one."""
    days = {
        (today - timedelta(days=first), today - timedelta(days=last)): name
        for name, (first, last) in PERIODS.items()
    }
    return days.get((scope.since, scope.until), "")


def tell_scope(scope: Scope) -> str:
    """The days and the line, for people."""
    days = f"{scope.since}" if scope.since == scope.until else f"{scope.since} 至 {scope.until}"
    return f"{days} 热线 {scope.hotline}" if scope.hotline else days


def write_query(scope: Scope) -> str:
    """The same as a query of an address."""
    line = {"hotline": scope.hotline} if scope.hotline else {}
    return urlencode({"since": scope.since, "until": scope.until, **line})


def write_list(scope: Scope, **narrowed: str) -> str:
    """The address of the work list with the same calls, none that we have placed, ``narrowed`` further."""
    line = {"hotline": scope.hotline} if scope.hotline else {}
    days = {"since": scope.since, "until": scope.until}
    return "/?" + urlencode({"state": "全部", "came": "1", **days, **line, **narrowed})
