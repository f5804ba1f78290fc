"""待回电: the number to call, and what came of each attempt."""

from __future__ import annotations

from datetime import UTC, datetime
from http import HTTPStatus
from typing import TYPE_CHECKING, Final

import sqlalchemy as sa
from aiohttp import web

from console import audit
from console.audit import Action
from console.forms import read_form
from console.keys import DATABASE, session_of
from console.problem import Problem
from recordings.callbacks import Result, note_attempt, owes
from recordings.matters import matters
from recordings.schema import calls

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncConnection

_LONGEST: Final = 200


async def tell_number(request: web.Request) -> web.Response:
    """The number to call back, in full; asking for it is noted."""
    call_id = request.match_info["call_id"]
    async with request.app[DATABASE].write() as connection:
        number = await find_number(connection, call_id)
        if number is None:
            raise Problem(HTTPStatus.NOT_FOUND, "没有这个来电", "请刷新页面后重试。")
        await audit.record(connection, request, Action.NUMBER, call_id)
    return web.json_response({"number": number})


async def note(request: web.Request) -> web.Response:
    """Keep what came of an attempt; whether the call is owed still."""
    call_id, form = request.match_info["call_id"], await read_form(request)
    result, words = form.get("result", ""), form.get("note", "").strip()
    if result not in list(Result):
        raise Problem(HTTPStatus.BAD_REQUEST, "结果不对", "请从页面上选择回电结果。")
    if len(words) > _LONGEST:
        raise Problem(HTTPStatus.UNPROCESSABLE_ENTITY, "说明太长", f"请缩短到 {_LONGEST} 个字以内。")
    if result == Result.NO_MORE and not words:
        raise Problem(HTTPStatus.UNPROCESSABLE_ENTITY, "请写明原因", "不再回电时,须写明为什么。")
    user, now = session_of(request).user, datetime.now(UTC)
    async with request.app[DATABASE].write() as connection:
        if await find_number(connection, call_id) is None:
            raise Problem(HTTPStatus.NOT_FOUND, "没有这个来电", "请刷新页面后重试。")
        if not await owes(connection, call_id, now):
            raise Problem(HTTPStatus.CONFLICT, "无须回电", "这个来电不需要回电,或已经回过了。请刷新页面。")
        await note_attempt(connection, call_id, user, Result(result), words, now)
        await audit.record(connection, request, Action.CALL_BACK, call_id, result)
        return web.json_response({"owed": await owes(connection, call_id, now)})


async def find_number(connection: AsyncConnection, call_id: str) -> str | None:
    """What the caller gave to be called back at, else where the call came from; "" when neither is known."""
    caller = await connection.scalar(sa.select(calls.c.caller).where(calls.c.call_id == call_id))
    told = sa.select(matters.c.caller).where(matters.c.call_id == call_id, matters.c.caller != "")
    given: str | None = await connection.scalar(told.order_by(matters.c.number).limit(1))
    return given or caller
