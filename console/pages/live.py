"""The live board's page, and its stream of server-sent events (WHATWG HTML, 9.2)."""

from __future__ import annotations

import asyncio
import contextlib
import json
from datetime import UTC, datetime
from typing import Final

from aiohttp import web

from console.keys import DATABASE, HOTLINES, LIVE, POLICY, session_of
from console.rendering import render
from console.sessions import is_open

_SIGN_OF_LIFE_S: Final = 10.0
_PAUSE_S: Final = 0.1  # changes of so long a time travel together


async def show(request: web.Request) -> web.Response:
    """The page; what is on it comes by the stream."""
    return render(request, "live.html", {"hotlines": request.app[HOTLINES]()})


async def stream(request: web.Request) -> web.StreamResponse:
    """All calls in progress, then what changes, until the page goes or its login ends."""
    response = web.StreamResponse(
        headers={"Content-Type": "text/event-stream; charset=utf-8", "X-Accel-Buffering": "no"}
    )
    board, loop = request.app[LIVE], asyncio.get_running_loop()
    looked = loop.time()
    with board.watch() as watcher, contextlib.suppress(ConnectionResetError):
        await response.prepare(request)
        while True:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(watcher.changed.wait(), _SIGN_OF_LIFE_S)
            if loop.time() - looked >= _SIGN_OF_LIFE_S:
                looked = loop.time()
                if not await is_open(
                    request.app[DATABASE], session_of(request), datetime.now(UTC), request.app[POLICY]
                ):
                    await response.write("event: expired\ndata: 登录已过期\n\n".encode())
                    break
                await response.write(b":\n\n")
            if watcher.changed.is_set():
                told = json.dumps(board.tell(watcher), ensure_ascii=False)
                await response.write(f"data: {told}\n\n".encode(errors="replace"))
                await asyncio.sleep(_PAUSE_S)
    return response
