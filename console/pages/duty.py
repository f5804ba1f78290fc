"""The duty switch, for administrators: pass callers to people at once, of all lines or of one, until some time."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import partial
from http import HTTPStatus
from typing import TYPE_CHECKING

from config.duty import LONGEST_WHY, DutyError, Order, turn_off, turn_on
from console import audit, duty
from console.audit import Action
from console.forms import read_form
from console.keys import DATABASE, HOTLINES, session_of
from console.problem import Problem
from console.rendering import render, show_moment
from tickets.number import CITY_TIME

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from aiohttp import web

    from config.duty import Duty

_ALL = "全部热线"


async def show(request: web.Request) -> web.StreamResponse:
    """What is ordered, and the form to order it."""
    return _show(request)


async def switch_on(request: web.Request) -> web.StreamResponse:
    """From the next call on."""
    form, now = await read_form(request), datetime.now(UTC)
    line, why = _read_line(request, form.get("line", "")), form.get("why", "").strip()
    if len(why) > LONGEST_WHY:
        return _show(request, wrong=f"原因最多 {LONGEST_WHY} 个字。")
    try:
        until = _read_until(form.get("until", ""))
    except ValueError:
        raise Problem(HTTPStatus.BAD_REQUEST, "时间不对", "请重新选择结束时间。") from None
    if until is not None and until <= now:
        return _show(request, wrong="结束时间已经过去。")
    order = Order(line=line, since=now, until=until, by=session_of(request).user, why=why)
    detail = f"到 {show_moment(until) if until else '另行恢复'};{why or '未写原因'}"
    return await _throw(request, partial(turn_on, order=order), Action.DUTY_ON, line, detail)


async def switch_off(request: web.Request) -> web.StreamResponse:
    """Lead the callers by the dialogue again."""
    line = _read_line(request, (await read_form(request)).get("line", ""))
    change = partial(turn_off, line=line, now=datetime.now(UTC))
    return await _throw(request, change, Action.DUTY_OFF, line, "")


async def _throw(
    request: web.Request, change: Callable[[Path], Duty], action: Action, line: str, detail: str
) -> web.StreamResponse:
    try:
        async with request.app[DATABASE].write() as connection:
            await audit.record(connection, request, action, line or _ALL, detail)
            await duty.throw(request.app, change)
    except DutyError as fault:
        raise Problem(HTTPStatus.INTERNAL_SERVER_ERROR, "没有切换", str(fault)) from None
    told = await duty.tell_gateways(request.app)
    soon = "下一通来电起生效。" if told else "有网关没有应答:正在运行的两秒内生效,未运行的启动时生效。"
    done = "已转人工" if action is Action.DUTY_ON else "已恢复语音接听"
    return _show(request, done=f"{_name(request, line)}{done},{soon}")


def _read_line(request: web.Request, line: str) -> str:
    ordered = {order.line for order in duty.orders_in_force(request.app, datetime.now(UTC))}
    if line and line not in request.app[HOTLINES]() and line not in ordered:
        raise Problem(HTTPStatus.BAD_REQUEST, "没有这条热线", "请刷新页面后重试。")
    return line


def _read_until(text: str) -> datetime | None:
    """The end as a browser sends it, in the city's time; None for none. Raises ValueError."""
    return datetime.strptime(text, "%Y-%m-%dT%H:%M").replace(tzinfo=CITY_TIME) if text else None


def _name(request: web.Request, line: str) -> str:
    return f"{line} {request.app[HOTLINES]().get(line, '')}".strip() if line else _ALL


def _show(request: web.Request, *, wrong: str = "", done: str = "") -> web.Response:
    orders = duty.orders_in_force(request.app, datetime.now(UTC))
    context = {
        "orders": [(_name(request, order.line), order) for order in orders],
        "lines": sorted(request.app[HOTLINES]().items()),
        "longest": LONGEST_WHY,
        "wrong": wrong,
        "done": done,
    }
    status = HTTPStatus.UNPROCESSABLE_ENTITY if wrong else HTTPStatus.OK
    return render(request, "duty.html", context, status)
