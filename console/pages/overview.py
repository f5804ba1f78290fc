"""概览: how many called, when, where and on what, and how well they were served; on the page and as CSV."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final

from aiohttp import web

from console import audit
from console.asking import list_counties as name_counties
from console.audit import Action
from console.exporting import write_csv
from console.figures import (
    list_categories,
    list_counties,
    list_days,
    list_hours,
    list_lines,
    list_measures,
)
from console.keys import ANONYMOUS, DATABASE, HOTLINES, MAP, WORDS, session_of
from console.periods import PERIODS, find_fault, name_period, read_scope, tell_scope, write_query
from console.policy import Right
from console.problem import Problem
from console.rendering import render
from tickets.number import CITY_TIME
from tickets.overview.measures import measure
from tickets.overview.volume import count_volume
from tickets.surges.register import read_between

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from console.figures import Measure, Row
    from tickets.overview.scope import Scope
    from tickets.surges.register import Surge

_SURGES: Final = 10
_DAY_H: Final = 24
_WEEK_H: Final = 7 * _DAY_H
_YEAR_S: Final = 31_536_000


@dataclass(frozen=True, slots=True)
class _Overview:
    calls: int
    tickets: int
    measures: Sequence[Measure]
    hours: Sequence[Row]
    days: Sequence[Row]
    lines: Sequence[Row]
    counties: Sequence[Row]
    categories: Sequence[Row]
    surges: Sequence[Surge]


async def show(request: web.Request) -> web.StreamResponse:
    """The page of a period, with its figures."""
    scope, today = _read_scope(request), datetime.now(CITY_TIME).date()
    fault = find_fault(scope)
    found = None if fault else await _look(request, scope)
    if found:
        await audit.record_view(request, "", Action.OVERVIEW, tell_scope(scope))
    line = f"&hotline={scope.hotline}" if scope.hotline else ""
    shown = _map_names(request)
    context = {
        "found": found,
        "fault": fault,
        "scope": scope,
        "query": write_query(scope),
        "told": tell_scope(scope),
        "period": name_period(scope, today),
        "periods": [(name, f"/overview?period={name}{line}") for name in PERIODS],
        "hotlines": request.app[HOTLINES](),
        "left_out": sorted(scope.hidden),
        "shaped": shown,
        "map": request.app[MAP] if shown else None,
        "figures": _draw(found, shown) if found else None,
    }
    return render(request, "overview.html", context)


async def show_words(request: web.Request) -> web.StreamResponse:
    """The words that stood out at the end of the period, for its page: finding them may take longer than all else."""
    scope, now = _read_scope(request), datetime.now(UTC)
    if find_fault(scope) or scope.begin >= now:
        return render(request, "words.html", {"words": (), "hours": 0, "links": write_query(scope)})
    past = scope.end if scope.end <= now else None
    length = (past or now) - scope.begin
    hours = min(-(-length // timedelta(hours=1)), _WEEK_H)
    words = await request.app[WORDS].read(request.app[DATABASE], hours, now, past)
    return render(request, "words.html", {"words": words, "hours": hours, "links": write_query(scope)})


async def show_map(request: web.Request) -> web.StreamResponse:
    """The shapes of the counties, GeoJSON; asked for with the name of their content (``?v=``) they may be kept."""
    drawn = request.app[MAP]
    if drawn is None:
        raise Problem(HTTPStatus.NOT_FOUND, "没有地图", "本市的地图没有生成,见使用手册。")
    fresh = request.query.get("v") == drawn.digest
    return web.Response(
        body=drawn.document,
        content_type="application/geo+json",
        headers={"Cache-Control": f"private, max-age={_YEAR_S}, immutable" if fresh else "no-cache"},
    )


async def export(request: web.Request) -> web.StreamResponse:
    """The same figures as CSV: what, its name, how many, the unit, and how it was counted."""
    scope = _read_scope(request)
    if fault := find_fault(scope):
        raise Problem(HTTPStatus.BAD_REQUEST, "时段不对", fault)
    found = await _look(request, scope)
    async with request.app[DATABASE].write() as connection:
        await audit.record(connection, request, Action.EXPORT, "概览", tell_scope(scope))
    return web.Response(
        body=write_csv(_tabulate(found, scope)),
        content_type="text/csv",
        charset="utf-8",
        headers={
            "Content-Disposition": f'attachment; filename="overview-{scope.since}-{scope.until}.csv"',
        },
    )


def _read_scope(request: web.Request) -> Scope:
    """What is asked for, of what he who asks may know."""
    hidden = frozenset() if session_of(request).may(Right.AID) else request.app[ANONYMOUS]
    return read_scope(request.query, datetime.now(CITY_TIME).date(), hidden)


async def _look(request: web.Request, scope: Scope) -> _Overview:
    async with request.app[DATABASE].read() as connection:
        volume = await count_volume(connection, scope)
        found = await measure(connection, scope)
        surges = await read_between(connection, scope.begin, scope.end, _SURGES)
    return _Overview(
        calls=volume.calls,
        tickets=volume.tickets,
        measures=list_measures(found),
        hours=list_hours(volume, scope),
        days=list_days(volume, scope),
        lines=list_lines(volume, scope, request.app[HOTLINES]()),
        counties=list_counties(volume, scope, name_counties(), _map_names(request)),
        categories=list_categories(volume, scope),
        surges=surges,
    )


def _map_names(request: web.Request) -> frozenset[str]:
    """The counties that the map shows: none, when it is another city's."""
    drawn = request.app[MAP]
    return drawn.names.intersection(name_counties()) if drawn else frozenset()


def _draw(found: _Overview, shown: frozenset[str]) -> Mapping[str, Any]:
    """What the charts are made of, for the page's script."""

    def tell(rows: Sequence[Row]) -> list[Mapping[str, Any]]:
        return [{"name": row.name, "count": row.count, "href": row.href} for row in rows]

    counties = [row for row in found.counties if row.name in shown]
    return {"hours": tell(found.hours), "days": tell(found.days), "counties": tell(counties)}


def _tabulate(found: _Overview, scope: Scope) -> list[Sequence[str | int]]:
    whole: Sequence[Sequence[str | int]] = (
        ("项目", "名称", "数值", "单位", "说明"),
        ("范围", tell_scope(scope), "", "", "北京时间;匿名热线不计" if scope.hidden else "北京时间"),
        ("合计", "来电", found.calls, "通", "已结束的来电"),
        ("合计", "工单", found.tickets, "张", "一通来电可有几张"),
    )
    parts = (
        ("时段", found.hours, "通"),
        ("日期", found.days, "通"),
        ("热线", found.lines, "通"),
        ("区县", found.counties, "张"),
        ("分类", found.categories, "张"),
    )
    return [
        *whole,
        *(("指标", one.name, one.value, "", f"{one.detail};{one.formula}") for one in found.measures),
        *((what, row.name, row.count, unit, "") for what, rows, unit in parts for row in rows),
        *(("热点", surge.title, surge.count, "件", surge.reason) for surge in found.surges),
    ]
