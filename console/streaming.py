"""A stream of server-sent events (WHATWG HTML, 9.2) that ends with the login."""

from __future__ import annotations

import asyncio
import contextlib
import json
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final

from aiohttp import web

from console import cookies
from console.keys import DATABASE, POLICY, STREAMS, session_of
from console.problem import Problem
from console.sessions import find_session, tell_end

if TYPE_CHECKING:
    from collections.abc import Callable

_SIGN_OF_LIFE_S: Final = 10.0
_PAUSE_S: Final = 0.1  # changes of so long a time travel together
_WARNED: Final = timedelta(minutes=2)
_AT_ONCE: Final = 20  # of a session; a browser opens six to one server


async def stream(request: web.Request, changed: asyncio.Event, tell: Callable[[], Any]) -> web.StreamResponse:
    """What ``tell`` says (JSON) whenever something has ``changed``, until the page goes or its login ends.

    It ends too when other rights have been granted: the page asks again by itself, with those it has now.
    ``tell`` clears the event. Two minutes before nobody has done anything for too long, an ``expiring`` event says so.
    Raises Problem (429) when the session has too many open.
    """
    streams, token = request.app[STREAMS], session_of(request).token_sha256
    if streams[token] >= _AT_ONCE:
        raise Problem(HTTPStatus.TOO_MANY_REQUESTS, "打开的页面太多", "请关掉几个窗口后刷新。")
    streams[token] += 1
    try:
        return await _stream(request, changed, tell)
    finally:
        streams[token] -= 1
        if not streams[token]:
            del streams[token]


async def _stream(
    request: web.Request, changed: asyncio.Event, tell: Callable[[], Any]
) -> web.StreamResponse:
    response = web.StreamResponse(
        headers={"Content-Type": "text/event-stream; charset=utf-8", "X-Accel-Buffering": "no"}
    )
    loop = asyncio.get_running_loop()
    looked = loop.time()
    with contextlib.suppress(ConnectionResetError):
        await response.prepare(request)
        while True:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(changed.wait(), _SIGN_OF_LIFE_S)
            if loop.time() - looked >= _SIGN_OF_LIFE_S:
                looked, now = loop.time(), datetime.now(UTC)
                end = await tell_end(request.app[DATABASE], session_of(request), now, request.app[POLICY])
                if end is None:
                    await response.write("event: expired\ndata: 登录已过期\n\n".encode())
                    break
                left = max(end - now, timedelta())
                if not await _may_the_same(request, now):
                    break
                soon = f"event: expiring\ndata: {round(left.total_seconds())}\n" if left < _WARNED else ":\n"
                await response.write(f"{soon}\n".encode())
            if changed.is_set():
                told = json.dumps(tell(), ensure_ascii=False)
                await response.write(f"data: {told}\n\n".encode(errors="replace"))
                await asyncio.sleep(_PAUSE_S)
    return response


async def _may_the_same(request: web.Request, now: datetime) -> bool:
    db, token, policy = request.app[DATABASE], cookies.read_session(request), request.app[POLICY]
    session = await find_session(db, token, now, policy, used=False)
    return session is not None and session.rights == session_of(request).rights
