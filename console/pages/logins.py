"""Who is logged in, and who has to wait: both can be ended, for who looks after the logins."""

from __future__ import annotations

from datetime import UTC, datetime
from http import HTTPStatus
from typing import TYPE_CHECKING

from console import audit, lockout
from console.audit import Action
from console.forms import read_form
from console.keys import DATABASE, POLICY, session_of
from console.problem import Problem
from console.rendering import render
from console.sessions import end_session, list_sessions

if TYPE_CHECKING:
    from aiohttp import web


async def show(request: web.Request) -> web.StreamResponse:
    """All sessions, and what is slowed down."""
    return await _show(request)


async def end(request: web.Request) -> web.StreamResponse:
    """End a session (form field ``login``)."""
    key = (await read_form(request)).get("login", "")
    async with request.app[DATABASE].write() as connection:
        if not (user := await end_session(connection, key)):
            raise Problem(HTTPStatus.NOT_FOUND, "没有这个登录", "它可能刚刚结束,请刷新页面。")
        await audit.record(connection, request, Action.END_LOGIN, user)
    return await _show(request, done=f"{user} 的登录已结束。")


async def unlock(request: web.Request) -> web.StreamResponse:
    """Let an account, an address, or the one from the other, be tried at once (form fields ``name``, ``address``)."""
    form = await read_form(request)
    name, address = form.get("name", ""), form.get("address", "")
    async with request.app[DATABASE].write() as connection:
        if not await lockout.unlock(connection, name, address):
            raise Problem(HTTPStatus.NOT_FOUND, "没有在等待", "等待可能刚刚结束,请刷新页面。")
        await audit.record(connection, request, Action.UNLOCK, name, address)
    return await _show(request, done="已解除,可以马上登录。")


async def _show(request: web.Request, *, done: str = "") -> web.Response:
    now = datetime.now(UTC)
    async with request.app[DATABASE].read() as connection:
        logins = await list_sessions(connection, now, request.app[POLICY])
        slowed = await lockout.list_slowed(connection, now)
    context = {"logins": logins, "slowed": slowed, "this": session_of(request).token_sha256, "done": done}
    return render(request, "logins.html", context)
