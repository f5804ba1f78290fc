"""The overview as it is shown: rows with their shares and where they lead, and measures with their formulas."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from console.periods import write_list
from tickets.overview.measures import PROMPT_S

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from tickets.overview.measures import Measures
    from tickets.overview.scope import Scope
    from tickets.overview.volume import Volume

NOWHERE: Final = "没有地点"
_UNFILED: Final = "没有分类"
_DAY_HOURS: Final = 24
_MINUTE, _HOUR, _DAY = 60, 3600, 86_400
_HOURS_TOLD: Final = 48 * _HOUR
_PARTS: Final = {"type": "类型", "category": "分类", "place": "区县或乡镇"}


@dataclass(frozen=True, slots=True)
class Row:
    """``share`` of all (0 to 1); ``width`` of the greatest (0 to 100); ``href`` "" where no list has just these."""

    name: str
    count: int
    share: float
    width: float
    href: str


@dataclass(frozen=True, slots=True)
class Measure:
    """A measure in Chinese: its ``value`` with a unit ("" when there is nothing to measure), out of what, and how."""

    name: str
    value: str
    detail: str
    formula: str


def list_hours(volume: Volume, scope: Scope) -> list[Row]:
    """All 24 of the day."""
    counts = [(f"{hour} 点", volume.hours.get(hour, 0), {"hour": str(hour)}) for hour in range(_DAY_HOURS)]
    return _make_rows(counts, volume.calls, scope)


def list_days(volume: Volume, scope: Scope) -> list[Row]:
    """Each day of the period, with its year where it spans two: 366 days may begin and end on one date."""
    form = "%m-%d" if scope.since.year == scope.until.year else "%Y-%m-%d"
    days = [scope.since + timedelta(days=n) for n in range((scope.until - scope.since).days + 1)]
    counts = [
        (f"{day:{form}}", volume.days.get(day, 0), {"since": str(day), "until": str(day)}) for day in days
    ]
    return _make_rows(counts, volume.calls, scope)


def list_lines(volume: Volume, scope: Scope, names: Mapping[str, str]) -> list[Row]:
    """The lines that were called, the busiest first."""
    counts = [
        (f"{line} {names.get(line, '')}".strip(), count, {"hotline": line})
        for line, count in _sort(volume.lines)
    ]
    return _make_rows(counts, volume.calls, scope)


def list_counties(volume: Volume, scope: Scope, counties: Sequence[str], shaped: frozenset[str]) -> list[Row]:
    """Every county and zone: those that have a shape first, then the others, then the tickets without a place."""
    known = [*counties, *(name for name in volume.counties if name and name not in counties)]
    ordered = sorted(known, key=lambda name: (name not in shaped, -volume.counties.get(name, 0)))
    counts = [
        (name, volume.counties.get(name, 0), {"county": name} if name in counties else None)
        for name in ordered
    ]
    nowhere: tuple[str, int, None] = (NOWHERE, volume.counties.get("", 0), None)
    return _make_rows([*counts, nowhere], volume.tickets, scope)


def list_categories(volume: Volume, scope: Scope) -> list[Row]:
    """The first levels, the most frequent first."""
    counts = [
        (name or _UNFILED, count, {"category": name} if name else None)
        for name, count in _sort(volume.categories)
    ]
    return _make_rows(counts, volume.tickets, scope)


def list_measures(found: Measures) -> list[Measure]:
    """What is measured, each with its formula."""
    return [
        Measure(
            "接通率",
            _tell_share(found.answered, found.offered),
            f"{found.answered} ÷ {found.offered} 通",
            "已接听的来电 ÷ 全部来电,线路忙未接入的按次数计(隐藏号码的没有记录);改接到别处(302)的不计。",
        ),
        Measure(
            "接听等候",
            _tell_length(found.ring_s),
            f"{PROMPT_S:g} 秒内接听 {_tell_share(found.promptly, found.answered) or '—'}",
            "每通已接听的来电从呼入到接听的时间,取平均。",
        ),
        Measure(
            "未说话挂断率",
            _tell_share(found.unheard, found.answered),
            f"{found.unheard} ÷ {found.answered} 通",
            "接听后来电人没有说话就挂断的来电 ÷ 已接听的来电。",
        ),
        Measure(
            "转接接通率",
            _tell_share(found.connected, found.passed),
            f"{found.connected} ÷ {found.passed} 通",
            "转接后有人接听的来电 ÷ 由本系统呼叫过人工或专线的来电。",
        ),
        Measure(
            "转接等候",
            _tell_length(found.wait_s),
            f"{found.connected} 通",
            "每通转接成功的来电从开始呼叫第一个目标到有人接听的时间,取平均。",
        ),
        Measure(
            "转接放弃率",
            _tell_share(found.abandoned, found.passed),
            f"{found.abandoned} ÷ {found.passed} 通",
            "等候转接时来电人自己挂断、始终无人接听的来电 ÷ 由本系统呼叫过人工或专线的来电。",
        ),
        Measure(
            "回电时长",
            _tell_length(found.call_back_s),
            f"已回电 {found.called} 通;工单要求回电 {found.owed} 通",
            "每通回过电话的来电(工单要求回电的,和没有听到的)从通话结束到第一次回电的时间,取平均。",
        ),
        Measure(
            "审核时长",
            _tell_length(found.review_s),
            f"{found.reviewed} 张工单",
            "每张工单从通话结束到第一次审核的时间,取平均;还没有审核的不计。",
        ),
        Measure(
            "更正率",
            _tell_share(found.corrected, found.compared),
            f"{found.corrected} ÷ {found.compared} 张"
            + "".join(f",{_PARTS[part]} {count}" for part, count in found.corrections.items()),
            "第一次审核时改动了类型、分类、区县或乡镇的工单 ÷ 第一次审核过的工单。升级前审核的没有记下改动,不计。",
        ),
    ]


def _make_rows(
    counts: Iterable[tuple[str, int, Mapping[str, str] | None]], total: int, scope: Scope
) -> list[Row]:
    told = list(counts)
    greatest = max((count for _, count, _ in told), default=0)
    return [
        Row(
            name,
            count,
            count / total if total else 0.0,
            round(100 * count / greatest, 1) if greatest else 0.0,
            "" if narrowed is None else write_list(scope, **narrowed),
        )
        for name, count, narrowed in told
    ]


def _sort(counts: Mapping[str, int]) -> list[tuple[str, int]]:
    return sorted(counts.items(), key=lambda each: (not each[0], -each[1], each[0]))


def _tell_share(part: int, whole: int) -> str:
    return f"{100 * part / whole:.1f}%" if whole else ""


def _tell_length(seconds: float | None) -> str:
    if seconds is None:
        return ""
    if seconds < _MINUTE:
        return f"{seconds:.1f} 秒"
    if seconds < _HOUR:
        return f"{seconds / _MINUTE:.1f} 分钟"
    return f"{seconds / _HOUR:.1f} 小时" if seconds < _HOURS_TOLD else f"{seconds / _DAY:.1f} 天"
