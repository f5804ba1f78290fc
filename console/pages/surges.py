"""热点: what is told of more than usual, with the tickets behind it; and the words that are said more than usual."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final

from aiohttp import web

from console import audit
from console.audit import Action
from console.keys import DATABASE, WORDS, session_of
from console.problem import Problem
from console.rendering import render
from tickets.surges.register import QUIET, acknowledge, find_common_words, read_members, read_surges

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from recordings.matters import MatterRow
    from tickets.surges.register import Surge

_KEPT: Final = timedelta(days=7)
_SHOWN: Final = 50
_HOURS: Final = (24, 3, 24 * 7)  # windows of the words, the first when nothing is asked for
_DIGITS: Final = 10  # of an id, at most
_BEHIND: Final = 20  # tickets shown of one, the newest


async def show(request: web.Request) -> web.StreamResponse:
    """The surges of a week, those that nobody has acknowledged first; the words of a day, or of what is asked for."""
    asked = request.query.get("hours", str(_HOURS[0]))
    if asked not in map(str, _HOURS):
        raise Problem(HTTPStatus.BAD_REQUEST, "时段不对", "请从页面上选择。")
    now = datetime.now(UTC)
    await audit.record_view(request, "", Action.LIST, f"热点,高频词 {asked} 小时")
    async with request.app[DATABASE].read() as connection:
        some = await read_surges(connection, now - _KEPT, _SHOWN)
        behind = await read_members(connection, some)
    context = {
        "surges": [_describe(surge, behind[surge.id], now) for surge in some],
        "words": await request.app[WORDS].read(request.app[DATABASE], int(asked), now),
        "hours": int(asked),
        "windows": sorted(_HOURS),
    }
    return render(request, "surges.html", context)


async def acknowledge_one(request: web.Request) -> web.StreamResponse:
    """Somebody knows of it."""
    told = request.match_info["surge"]
    surge_id = int(told) if told.isascii() and told.isdigit() and len(told) <= _DIGITS else 0
    async with request.app[DATABASE].write() as connection:
        user, now = session_of(request).user, datetime.now(UTC)
        surge = await acknowledge(connection, surge_id, user, now)
        if surge is None:
            raise Problem(HTTPStatus.NOT_FOUND, "没有这个热点", "请刷新页面后重试。")
        if surge.seen_by == user and surge.seen_at == now:
            await audit.record(
                connection, request, Action.ACKNOWLEDGE, surge.title, f"热点 {surge.id},{surge.reason}"
            )
    return web.Response(status=HTTPStatus.SEE_OTHER, headers={"Location": "/surges"})


def _describe(surge: Surge, behind: Sequence[MatterRow], now: datetime) -> Mapping[str, Any]:
    return {
        "surge": surge,
        "over": surge.last_at <= now - QUIET,
        "words": find_common_words(behind),
        "matters": behind[-_BEHIND:],
        "more": max(len(behind) - _BEHIND, 0),
    }
