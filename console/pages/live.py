"""The live board's page, and its stream of server-sent events."""

from __future__ import annotations

from typing import TYPE_CHECKING

from console.keys import HOTLINES, LIVE
from console.rendering import render
from console.streaming import stream as stream_events

if TYPE_CHECKING:
    from aiohttp import web


async def show(request: web.Request) -> web.Response:
    """The page; what is on it comes by the stream."""
    return render(request, "live.html", {"hotlines": request.app[HOTLINES]()})


async def stream(request: web.Request) -> web.StreamResponse:
    """All calls in progress, then what changes, until the page goes or its login ends."""
    board = request.app[LIVE]
    with board.watch() as watcher:
        return await stream_events(request, watcher.changed, lambda: board.tell(watcher))
