"""The work list: what waits, filtered and searched; claiming a call, giving it back, going to the next."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from http import HTTPStatus
from typing import TYPE_CHECKING, Final
from urllib.parse import unquote, urlencode

from aiohttp import web

from console import audit
from console.asking import (
    ANY,
    find_fault,
    list_counties,
    read_filter,
    read_place,
    write_address,
    write_tab,
    write_widened,
)
from console.audit import Action
from console.claims import (
    LASTS,
    OPEN_LASTS,
    assign,
    claim,
    claim_next,
    count_held,
    list_next,
    release,
)
from console.forms import read_form
from console.guard import BACKGROUND_HEADER, is_secret
from console.keys import ANONYMOUS, DATABASE, HOTLINES, LISTS, session_of
from console.listing import (
    Filter,
    Tab,
    count_waiting,
    find_words,
    list_conditions,
    read_numbers,
    read_page,
    read_row,
)
from console.policy import Right
from console.problem import Problem, is_navigation
from console.rendering import render
from console.rows import describe
from console.users import list_users, rights_among
from console.watching import read_stamp
from recordings.worklist import State
from tickets.surges.register import read_unseen

if TYPE_CHECKING:
    from collections.abc import Mapping

_NARROWING: Final = ("tab", "hotline", "county", "category", "hour", "came", "since", "until", "q")


async def show(request: web.Request) -> web.StreamResponse:
    """The list; for a script only the rows, which follow those it has."""
    return await _show(request, request.query, "")


async def _show(request: web.Request, query: Mapping[str, str], told: str) -> web.Response:
    wanted, behind = _read_filter(request, query), read_place(query.get("behind", ""))
    user, now = session_of(request).user, datetime.now(UTC)
    masked = not session_of(request).may(Right.NUMBERS)
    async with request.app[DATABASE].read() as connection:
        words = await find_words(connection, wanted)
        page = await read_page(connection, wanted, words, behind, user, now)
        numbers = await read_numbers(connection, [row.call_id for row in page.rows])
        waiting = await count_waiting(connection, wanted, words, user, now)
        unseen = await read_unseen(connection, now)
        stamp = await read_stamp(connection, now)
    await _note_reading(request, query)
    context = {
        "rows": [
            describe(row, wanted.runs, numbers.get(row.call_id, ()), now, masked=masked) for row in page.rows
        ],
        "more": write_address(query, page.behind) if page.behind else "",
        "filter": wanted,
        "fault": find_fault(wanted),
        "q": query.get("q", ""),
        "widened": write_widened(query) if wanted.category or wanted.hour is not None or wanted.came else "",
        "any": ANY,
        "states": list(State),
        "hotlines": request.app[HOTLINES](),
        "counties": list_counties(),
        "tabs": [(tab, write_tab(query, tab or ""), waiting[tab]) for tab in (*Tab, None)],
        "told": told,
        "surges": unseen,
        "stamp": stamp,
        "part": False,
    }
    # (Going back, htmx asks for the whole page once more.)
    if "HX-Request" in request.headers and "HX-History-Restore-Request" not in request.headers:
        template = "rows.html" if behind else "list.html"
        return render(request, template, {**context, "part": True})
    return render(request, "worklist.html", context)


def _read_filter(request: web.Request, query: Mapping[str, str]) -> Filter:
    """What is asked for, of what he who asks may know."""
    session = session_of(request)
    hidden = frozenset() if session.may(Right.AID) else request.app[ANONYMOUS]
    return replace(read_filter(query), hidden=hidden, masked=not session.may(Right.NUMBERS))


async def _note_reading(request: web.Request, query: Mapping[str, str]) -> None:
    """Who has read or searched the list for what; once, however often his page brings it up to date."""
    told = {name: value for name, value in query.items() if value and name not in {"csrf", "q"}}
    words, narrowed = query.get("q", ""), unquote(urlencode(told))
    action = Action.SEARCH if words else Action.LIST
    # Any script may say that it is an open page.
    first = request.app[LISTS].begins(session_of(request).token_sha256, f"{words}?{narrowed}", at_start=False)
    if first or BACKGROUND_HEADER not in request.headers:
        async with request.app[DATABASE].write() as connection:
            await audit.record(connection, request, action, words, narrowed)


async def take(request: web.Request) -> web.StreamResponse:
    """Claim a call, or keep it for longer."""
    call_id, user, now = request.match_info["call_id"], session_of(request).user, datetime.now(UTC)
    as_json = "application/json" in request.headers.get("Accept", "")
    async with request.app[DATABASE].write() as connection:
        lasts = OPEN_LASTS if as_json else LASTS
        got = await claim(connection, call_id, user, now, lasts)
        if got is not None and got.user == user and got.claimed_at == now:
            await audit.record(connection, request, Action.CLAIM, call_id)
    if got is None:
        raise Problem(HTTPStatus.NOT_FOUND, "没有可审核的来电", "这个来电不存在,或没有工单。")
    if got.user != user:
        raise Problem(HTTPStatus.CONFLICT, "已被领取", f"{got.user} 正在处理这个来电。")
    if as_json:
        return web.json_response({"call_id": call_id, "until": got.until.isoformat()})
    return await _answer(request, call_id)


async def give_back(request: web.Request) -> web.StreamResponse:
    """Release a call one holds."""
    call_id = request.match_info["call_id"]
    async with request.app[DATABASE].write() as connection:
        if not await release(connection, call_id, session_of(request).user):
            raise Problem(HTTPStatus.CONFLICT, "没有领取", "您没有领取这个来电,无须释放。")
        await audit.record(connection, request, Action.RELEASE, call_id)
    if "application/json" in request.headers.get("Accept", ""):
        return web.Response(status=HTTPStatus.NO_CONTENT)
    return await _answer(request, call_id)


async def assign_to(request: web.Request) -> web.StreamResponse:
    """Free a call of whoever holds it, or give it to an agent (form field ``to``), for who leads the shift."""
    call_id, now = request.match_info["call_id"], datetime.now(UTC)
    to = (await read_form(request)).get("to", "")
    if to and to not in await list_able(request, call_id):
        raise Problem(
            HTTPStatus.NOT_FOUND, "没有可转派的用户", f"{to[:40]} 不能处理这个来电,请刷新页面后重试。"
        )
    async with request.app[DATABASE].write() as connection:
        got = await assign(connection, call_id, to, now)
        if (to and got is None) or await read_row(connection, call_id, now) is None:
            raise Problem(HTTPStatus.NOT_FOUND, "没有可审核的来电", "这个来电不存在,或没有工单。")
        if got is not None and got.user != to:  # somebody else was faster, after it had been taken away
            raise Problem(
                HTTPStatus.CONFLICT, "没有转派", f"{got.user} 刚刚领取了这个来电,请刷新页面后重试。"
            )
        await audit.record(connection, request, Action.ASSIGN, call_id, f"转给 {to}" if to else "释放")
    return web.Response(status=HTTPStatus.SEE_OTHER, headers={"Location": f"/calls/{call_id}"})


async def list_able(request: web.Request, call_id: str) -> list[str]:
    """The names of those who may review the call."""
    needed = {Right.REVIEW, Right.AID} if await is_secret(request, call_id) else {Right.REVIEW}
    everyone = await list_users(request.app[DATABASE])
    return [user.name for user in everyone if needed <= rights_among(user, everyone)]


async def look_ahead(request: web.Request) -> web.StreamResponse:
    """The call that would come next, for a script to fetch beforehand; it is nobody's for that. Others see the list."""
    if is_navigation(request):
        return web.Response(status=HTTPStatus.SEE_OTHER, headers={"Location": "/"})
    wanted, user, now = _read_filter(request, request.query), session_of(request).user, datetime.now(UTC)
    async with request.app[DATABASE].read() as connection:
        words = await find_words(connection, wanted)
        conditions = list_conditions(wanted, words, user, now)
        found = await list_next(
            connection, user, now, request.query.get("besides", ""), conditions, wanted.hidden
        )
    if not found:
        return web.Response(status=HTTPStatus.NO_CONTENT)
    return web.json_response({"call_id": found[0], "url": f"/calls/{found[0]}"})


async def go_on(request: web.Request) -> web.StreamResponse:
    """Claim the next call of the list (form fields: its filters, and ``besides``, the call one is at).

    A script that asks for JSON gets ``{"call_id", "url"}``, or 204 when nothing waits, with how many others hold
    (``X-Held``).
    """
    asked = await read_form(request)
    wanted, now, user = (
        _read_filter(request, {**asked, "state": State.OPEN}),
        datetime.now(UTC),
        session_of(request).user,
    )
    async with request.app[DATABASE].write() as connection:
        words = await find_words(connection, wanted)
        conditions = list_conditions(wanted, words, user, now)
        got = await claim_next(connection, user, now, asked.get("besides", ""), conditions, wanted.hidden)
        held = 0 if got else await count_held(connection, user, now)
        if got is not None and got.claimed_at == now:
            await audit.record(connection, request, Action.CLAIM, got.call_id)
    as_json = "application/json" in request.headers.get("Accept", "")
    if got is None:
        if as_json:
            return web.Response(status=HTTPStatus.NO_CONTENT, headers={"X-Held": str(held)})
        others = f"另有 {held} 件正由他人处理。" if held else ""
        narrowed = "(按当前筛选条件)" if any(asked.get(name) for name in _NARROWING) else ""
        return await _show(request, asked, f"没有等待审核的来电了{narrowed}。{others}")
    url = f"/calls/{got.call_id}"
    if as_json:
        return web.json_response({"call_id": got.call_id, "url": url})
    return web.Response(status=HTTPStatus.SEE_OTHER, headers={"Location": url})


async def _answer(request: web.Request, call_id: str) -> web.Response:
    """The call's row as it is now, for a script; else on to the call."""
    if "HX-Request" not in request.headers:
        return web.Response(status=HTTPStatus.SEE_OTHER, headers={"Location": f"/calls/{call_id}"})
    now = datetime.now(UTC)
    async with request.app[DATABASE].read() as connection:
        row = await read_row(connection, call_id, now)
        numbers = await read_numbers(connection, [call_id])
    if row is None:
        raise Problem(HTTPStatus.NOT_FOUND, "没有这个来电", "它可能刚被清理,请刷新页面。")
    told = describe(row, (), numbers.get(call_id, ()), now)
    return render(request, "row.html", {"row": told, "hotlines": request.app[HOTLINES]()})
