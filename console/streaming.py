"""A stream of server-sent events (WHATWG HTML, 9.2) that ends with the login."""

from __future__ import annotations

import asyncio
import contextlib
import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from aiohttp import web

from console.keys import DATABASE, POLICY, session_of
from console.sessions import tell_end

if TYPE_CHECKING:
    from collections.abc import Callable

_SIGN_OF_LIFE_S: Final = 10.0
_PAUSE_S: Final = 0.1  # changes of so long a time travel together
_WARNED: Final = timedelta(minutes=2)


async def stream(request: web.Request, changed: asyncio.Event, tell: Callable[[], Any]) -> web.StreamResponse:
    """What ``tell`` says (JSON) whenever something has ``changed``, until the page goes or its login ends.

    ``tell`` clears the event. Two minutes before nobody has done anything for too long, an ``expiring`` event says so.
    """
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
                soon = f"event: expiring\ndata: {round(left.total_seconds())}\n" if left < _WARNED else ":\n"
                await response.write(f"{soon}\n".encode())
            if changed.is_set():
                told = json.dumps(tell(), ensure_ascii=False)
                await response.write(f"data: {told}\n\n".encode(errors="replace"))
                await asyncio.sleep(_PAUSE_S)
    return response
