"""回拨: an agent calls a citizen from the page, by his own telephone; and which telephone that is."""

from __future__ import annotations

import json
import secrets
from datetime import UTC, datetime
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final

import sqlalchemy as sa
from aiohttp import web

from console import audit, users
from console.audit import Action
from console.claims import find_claim
from console.dialling import tell_progress
from console.forms import read_form
from console.keys import DATABASE, DIALLING, session_of
from console.pages.callbacks import find_number
from console.pages.users import answer_own, find, show_all
from console.policy import Right
from console.problem import Problem
from recordings import agentcalls
from recordings.agentcalls import AgentCall, Clash, Stage
from recordings.instant import read_clock
from recordings.schema import calls, tickets
from tickets.past import find_discreet, is_discreet

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncConnection

    from console.dialling import Dialling

_CLASHES: Final = {
    Clash.AGENT: ("您有一个回拨还没有结束", "请先挂断话机,等它结束后再拨。"),
    Clash.CITIZEN: ("这位市民正在被呼叫", "另一位坐席或自动外呼正在给 TA 打电话,请稍后再看回电记录。"),
}


async def dial(request: web.Request) -> web.Response:
    """Have the asker's telephone called, and then the citizen whose call this is."""
    call_id = request.match_info["call_id"]
    user = await users.find_user(request.app[DATABASE], session_of(request).user)
    async with request.app[DATABASE].write() as connection:
        now = await read_clock(connection)
        row = (await connection.execute(sa.select(calls.c.hotline).where(calls.c.call_id == call_id))).first()
        number = await find_number(connection, call_id)
        if row is None or number is None:
            raise Problem(HTTPStatus.NOT_FOUND, "没有这个来电", "请刷新页面后重试。")
        await _refuse_others(connection, request, call_id)
        rules = _find_rules(request)
        if user is None or not rules.allows_extension(user.extension):
            told = "请先在“本人账号”填写您的话机号码。"
            raise Problem(HTTPStatus.CONFLICT, "还没有您的话机号码", told)
        if not number:
            raise Problem(HTTPStatus.CONFLICT, "没有号码", "来电人没有显示号码,也没有留下号码。")
        if not rules.allows(number):
            raise Problem(
                HTTPStatus.CONFLICT, "不能拨打这个号码", "它不在允许外呼的范围内(callback.numbers)。"
            )
        documents = await _read_tickets(connection, call_id)
        wanted = AgentCall(
            call_id=f"{now:%Y%m%dT%H%M%S}-{secrets.token_hex(4)}",
            about=call_id,
            ticket=min(documents, default=""),
            hotline=row.hotline,
            agent=user.name,
            extension=user.extension,
            number=number,
            discreet=any(is_discreet(document) for document in documents.values())
            or bool(await find_discreet(connection, {number}, now)),
        )
        if clash := await agentcalls.ask(connection, wanted, now):
            raise Problem(HTTPStatus.CONFLICT, *_CLASHES[clash])
        await audit.record(connection, request, Action.DIAL, call_id, f"话机 {user.extension}")
    return web.json_response({"stage": Stage.WAITING}, status=HTTPStatus.ACCEPTED)


async def describe(connection: AsyncConnection, request: web.Request, call_id: str) -> dict[str, Any] | None:
    """What the page shows of calling from it: None where nobody does, or this user may not.

    ``ready``: he has said which telephone is his.
    """
    rules, name = request.app[DIALLING], session_of(request).user
    if rules is None or not session_of(request).may(Right.DIAL):
        return None
    (user,) = await users.read_users(connection, name)
    made = await agentcalls.read_progress(connection, await read_clock(connection))
    own = next(
        (tell_progress(one) for one in made if (one.agent, one.about) == (name, call_id)), {"stage": ""}
    )
    return {**own, "ready": rules.allows_extension(user.extension)}


async def set_own(request: web.Request) -> web.StreamResponse:
    """Say which telephone is one's own (form field ``extension``, "" for none)."""
    wrong = await _set(request, session_of(request).user)
    return await answer_own(request, wrong=wrong, done="" if wrong else "话机号码已保存。")


async def set_of(request: web.Request) -> web.StreamResponse:
    """Say which telephone is a user's."""
    user = await find(request)
    wrong = await _set(request, user.name)
    return await show_all(request, wrong=wrong, done="" if wrong else f"{user.name} 的话机号码已保存。")


async def _set(request: web.Request, name: str) -> str:
    """Set it; what is wrong with it, "" when it is set."""
    extension = (await read_form(request)).get("extension", "").strip()
    if extension and not _find_rules(request).allows_extension(extension):
        return "这个话机号码不在允许的范围内(callback.extensions),没有保存。"
    async with request.app[DATABASE].write() as connection:
        await users.set_extension(connection, name, extension)
        await audit.record(connection, request, Action.EXTENSION, name, extension)
    return ""


def _find_rules(request: web.Request) -> Dialling:
    rules = request.app[DIALLING]
    if rules is None:
        raise Problem(HTTPStatus.CONFLICT, "不能从网页回拨", "没有配置外呼线路(callback.trunk)。")
    return rules


async def _read_tickets(connection: AsyncConnection, call_id: str) -> dict[str, Any]:
    """The call's tickets in their last revision, by number."""
    query = sa.select(tickets.c.number, tickets.c.document).where(tickets.c.call_id == call_id)
    rows = await connection.execute(query.order_by(tickets.c.revision))
    return {number: json.loads(document) for number, document in rows}


async def _refuse_others(connection: AsyncConnection, request: web.Request, call_id: str) -> None:
    held = await find_claim(connection, call_id, datetime.now(UTC))  # by the clock by which it was claimed
    if held and held.user != session_of(request).user:
        raise Problem(HTTPStatus.CONFLICT, "已被领取", f"{held.user} 正在处理这个来电,请由 TA 回拨。")
