"""The work list: what waits, filtered and searched; claiming a call, giving it back, going to the next."""

from __future__ import annotations

from datetime import UTC, datetime
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final

from aiohttp import web
from markupsafe import Markup, escape

from console import audit
from console.asking import ANY, list_counties, read_filter, read_place, write_address
from console.audit import Action
from console.claims import claim, claim_next, release
from console.forms import read_form
from console.keys import DATABASE, HOTLINES, session_of
from console.listing import count_waiting, list_conditions, read_page, read_row
from console.problem import Problem
from console.rendering import render
from recordings.worklist import State
from tickets.surges.register import read_unseen
from tickets.worklist import RANKS

if TYPE_CHECKING:
    from collections.abc import Sequence

    import sqlalchemy as sa
    from multidict import MultiMapping


_BEFORE: Final = 12  # characters shown before what was searched, and behind it
_BEHIND: Final = 28


async def show(request: web.Request) -> web.StreamResponse:
    """The list; for a script only the rows, which follow those it has."""
    return await _show(request, request.query, "")


async def _show(request: web.Request, query: MultiMapping[str], told: str) -> web.Response:
    wanted, behind = read_filter(query), read_place(query.get("behind", ""))
    now = datetime.now(UTC)
    async with request.app[DATABASE].read() as connection:
        page = await read_page(connection, wanted, behind, now)
        waiting = await count_waiting(connection)
        unseen = await read_unseen(connection, now)
    context = {
        "rows": [_describe(row, wanted.runs) for row in page.rows],
        "more": write_address(query, page.behind) if page.behind else "",
        "filter": wanted,
        "q": query.get("q", ""),
        "any": ANY,
        "states": list(State),
        "hotlines": request.app[HOTLINES](),
        "counties": list_counties(),
        "waiting": [(name, waiting.get(rank, 0)) for rank, name in enumerate(RANKS)],
        "told": told,
        "surges": unseen,
    }
    # (Going back, htmx asks for the whole page once more.)
    if "HX-Request" in request.headers and "HX-History-Restore-Request" not in request.headers:
        return render(request, "rows.html" if behind else "list.html", context)
    return render(request, "worklist.html", context)


async def take(request: web.Request) -> web.StreamResponse:
    """Claim a call, or keep it for longer."""
    call_id, user, now = request.match_info["call_id"], session_of(request).user, datetime.now(UTC)
    async with request.app[DATABASE].write() as connection:
        got = await claim(connection, call_id, user, now)
        if got is not None and got.user == user and got.claimed_at == now:
            await audit.record(connection, request, Action.CLAIM, call_id)
    if got is None:
        raise Problem(HTTPStatus.NOT_FOUND, "没有可审核的来电", "这个来电不存在,或没有工单。")
    if got.user != user:
        raise Problem(HTTPStatus.CONFLICT, "已被领取", f"{got.user} 正在处理这个来电。")
    if "application/json" in request.headers.get("Accept", ""):
        return web.json_response({"call_id": call_id, "until": got.until.isoformat()})
    return await _answer(request, call_id)


async def give_back(request: web.Request) -> web.StreamResponse:
    """Release a call one holds."""
    call_id = request.match_info["call_id"]
    async with request.app[DATABASE].write() as connection:
        if not await release(connection, call_id, session_of(request).user):
            raise Problem(HTTPStatus.CONFLICT, "没有领取", "您没有领取这个来电,无须释放。")
        await audit.record(connection, request, Action.RELEASE, call_id)
    return await _answer(request, call_id)


async def go_on(request: web.Request) -> web.StreamResponse:
    """Claim the next call of the list (form fields: its filters, and ``besides``, the call one is at).

    A script that asks for JSON gets ``{"call_id", "url"}`` to fetch beforehand, 204 when nothing waits.
    """
    asked = await read_form(request)
    wanted, now = read_filter({**asked, "state": State.OPEN, "q": ""}), datetime.now(UTC)
    async with request.app[DATABASE].write() as connection:
        got = await claim_next(
            connection, session_of(request).user, now, asked.get("besides", ""), list_conditions(wanted)
        )
        if got is not None and got.claimed_at == now:
            await audit.record(connection, request, Action.CLAIM, got.call_id)
    as_json = "application/json" in request.headers.get("Accept", "")
    if got is None:
        return web.Response(status=HTTPStatus.NO_CONTENT) if as_json else await _tell_empty(request)
    url = f"/calls/{got.call_id}"
    if as_json:
        return web.json_response({"call_id": got.call_id, "url": url})
    return web.Response(status=HTTPStatus.SEE_OTHER, headers={"Location": url})


async def _tell_empty(request: web.Request) -> web.Response:
    return await _show(request, request.query, "没有等待审核的来电了。")


async def _answer(request: web.Request, call_id: str) -> web.Response:
    """The call's row as it is now, for a script; else on to the call."""
    if "HX-Request" not in request.headers:
        return web.Response(status=HTTPStatus.SEE_OTHER, headers={"Location": f"/calls/{call_id}"})
    async with request.app[DATABASE].read() as connection:
        row = await read_row(connection, call_id, datetime.now(UTC))
    if row is None:
        raise Problem(HTTPStatus.NOT_FOUND, "没有这个来电", "它可能刚被清理,请刷新页面。")
    return render(request, "row.html", {"row": _describe(row, ()), "hotlines": request.app[HOTLINES]()})


def _describe(row: sa.Row[Any], runs: Sequence[str]) -> dict[str, Any]:
    flags = {
        "通话中断": row.interrupted,
        "须回电": row.call_back,
        "识别存疑": row.low_confidence,
        "缺地点": row.place_missing,
    }
    return {
        "call_id": row.call_id,
        "started_at": row.started_at,
        "duration_s": row.duration_s,
        "hotline": row.hotline,
        "title": row.title or "(没有工单)",
        "appeal": row.appeal,
        "place": " ".join(filter(None, (row.county, row.township))),
        "urgency": row.urgency,
        "flags": [name for name, holds in flags.items() if holds],
        "state": row.state,
        "holder": row.holder,
        "excerpt": _excerpt(row.text, runs) if row.text else "",
    }


def _excerpt(text: str, runs: Sequence[str]) -> Markup:
    """The words around the first thing found, it marked."""
    line = text.replace("\n", " ")
    found = min((at, run) for run in runs if (at := line.find(run)) >= 0) if runs else None
    if found is None:
        return escape(line[: _BEFORE + _BEHIND])
    at, run = found
    begin, end = max(0, at - _BEFORE), at + len(run)
    return Markup("{}{}<mark>{}</mark>{}{}").format(
        "…" if begin else "",
        line[begin:at],
        run,
        line[end : end + _BEHIND],
        "…" if end + _BEHIND < len(line) else "",
    )
