"""The guard before every handler: who asks, whether the route allows it, whether a change was really meant."""

from __future__ import annotations

import asyncio
import hmac
from datetime import UTC, datetime
from http import HTTPStatus
from typing import TYPE_CHECKING, Final
from urllib.parse import quote

import sqlalchemy as sa
from aiohttp import web

from console import cookies
from console.forms import read_form
from console.keys import ANONYMOUS, DATABASE, DOOR, POLICY, SESSION
from console.policy import Right
from console.problem import Problem, is_navigation
from console.rendering import find_home
from console.sessions import find_session
from recordings.schema import calls

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from console.routes import Route

CSRF_HEADER: Final = "X-CSRF-Token"
CSRF_FIELD: Final = "csrf"
BACKGROUND_HEADER: Final = "X-Background"
"""Says that a page asks of its own accord: it does not keep a login alive that nobody uses."""
_BEFORE_CHANGE: Final = {"/account", "/logout"}
_BEFORE_ENROLMENT: Final = {*_BEFORE_CHANGE, "/account/factor"}
_SAFE: Final = {"GET", "HEAD", "OPTIONS"}
_OWN_SITES: Final = {"same-origin", "none"}


def make_guard(routes: Mapping[tuple[str, str], Route]) -> Callable[..., Awaitable[web.StreamResponse]]:
    """The middleware for these routes, by method and path. What is not among them is answered with 404 or 405."""

    @web.middleware
    async def guard(
        request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
    ) -> web.StreamResponse:
        resource = request.match_info.route.resource
        if resource is None:
            return await handler(request)  # aiohttp's own 404 or 405
        # No name has a NUL, and PostgreSQL takes none; the trail keeps the names of what was asked for, too.
        asked = (*request.match_info.values(), *request.query, *request.query.values())
        if any("\0" in part for part in asked):
            raise web.HTTPNotFound
        route = routes[request.method, resource.canonical]
        await _identify(request, route)
        if route.right is not None:
            if refusal := _refuse_asker(request, route.right):
                return refusal
            await _keep_secret(request)
        if request.method not in _SAFE:
            await _await_body(request)
            await _require_intent(request)
        return await handler(request)

    return guard


async def _identify(request: web.Request, route: Route) -> None:
    """Whose login the request belongs to, if any."""
    token = cookies.read_session(request)
    if not token:
        return
    used = not (route.background or BACKGROUND_HEADER in request.headers)
    session = await find_session(
        request.app[DATABASE], token, datetime.now(UTC), request.app[POLICY], used=used
    )
    if session:
        request[SESSION] = session


def _refuse_asker(request: web.Request, right: Right) -> web.StreamResponse | None:
    """Where somebody is to go first; None for who may ask. Raises Problem for who may not."""
    if SESSION not in request:
        return _ask_to_log_in(request)
    if request[SESSION].must_change and request.path not in _BEFORE_CHANGE:
        return _send_first(
            request, "/account", "请先修改密码", "初始密码只能用来登录,请先改成只有您知道的密码。"
        )
    if request[SESSION].must_enrol and request.path not in _BEFORE_ENROLMENT:
        return _send_first(request, "/account/factor", "请先开通动态码", "您的身份须用动态码登录。")
    if request[SESSION].may(right):
        return None
    if request.path == "/" and is_navigation(request):  # where every login leads
        return web.Response(status=HTTPStatus.SEE_OTHER, headers={"Location": find_home(request[SESSION])})
    raise Problem(HTTPStatus.FORBIDDEN, "没有权限", f"您的身份不能{right}。")


async def _keep_secret(request: web.Request) -> None:
    """Who may not know of the calls of an anonymous line knows of none of them. Raises Problem."""
    call_id = request.match_info.get("call_id")
    if call_id is None or request[SESSION].may(Right.AID):
        return
    if await is_secret(request, call_id):
        raise Problem(HTTPStatus.FORBIDDEN, "没有权限", f"您的身份不能{Right.AID},请交给班长。")


async def is_secret(request: web.Request, call_id: str) -> bool:
    """Whether it is a call of an anonymous line."""
    lines = request.app[ANONYMOUS]
    if not lines:
        return False
    async with request.app[DATABASE].read() as connection:
        line = await connection.scalar(sa.select(calls.c.hotline).where(calls.c.call_id == call_id))
    return line in lines


def _ask_to_log_in(request: web.Request) -> web.StreamResponse:
    if request.method == "GET" and is_navigation(request):
        wanted = quote(request.path_qs, safe="")
        return web.Response(status=HTTPStatus.SEE_OTHER, headers={"Location": f"/login?next={wanted}"})
    raise Problem(HTTPStatus.UNAUTHORIZED, "请先登录", "登录已过期或尚未登录,请重新登录。")


def _send_first(request: web.Request, path: str, title: str, detail: str) -> web.StreamResponse:
    """What has to be done before anything else. Raises Problem for who is not going to a page."""
    if request.method == "GET" and is_navigation(request):
        return web.Response(status=HTTPStatus.SEE_OTHER, headers={"Location": path})
    raise Problem(HTTPStatus.FORBIDDEN, title, detail)


async def _await_body(request: web.Request) -> None:
    """Read what is sent, which has to come. Raises Problem (408)."""
    try:
        with request.app[DOOR].awaiting_body(request):
            async with asyncio.timeout(request.app[POLICY].body_s):
                await request.read()
    except TimeoutError:
        raise Problem(
            HTTPStatus.REQUEST_TIMEOUT,
            "没有收到全部内容",
            "没有改动任何内容,请重试。",
            {"Connection": "close"},
        ) from None


async def _require_intent(request: web.Request) -> None:
    """A change must come from a page of ours: by what the browser says of its origin, and by the session's token.

    Before the login there is no session; then a cookie that our login page has set stands for its token.
    """
    site = request.headers.get("Sec-Fetch-Site")
    if site is not None and site not in _OWN_SITES:
        raise _refuse_change()
    expected = request[SESSION].csrf if SESSION in request else cookies.read_visitor(request)
    given = request.headers.get(CSRF_HEADER)
    if given is None:
        given = (await read_form(request)).get(CSRF_FIELD, "")
    if not expected or not hmac.compare_digest(expected.encode(), given.encode(errors="replace")):
        raise _refuse_change()


def _refuse_change() -> Problem:
    return Problem(HTTPStatus.FORBIDDEN, "页面已过期", "没有改动任何内容。请刷新页面后重试。")
