"""The live board's page, and its stream of server-sent events."""

from __future__ import annotations

from typing import TYPE_CHECKING

from console import audit
from console.audit import Action
from console.keys import ANONYMOUS, HOTLINES, LIVE, session_of
from console.policy import Right
from console.rendering import render
from console.streaming import stream as stream_events

if TYPE_CHECKING:
    from aiohttp import web


async def show(request: web.Request) -> web.Response:
    """The page; what is on it comes by the stream."""
    return render(request, "live.html", {"hotlines": request.app[HOTLINES]()})


async def stream(request: web.Request) -> web.StreamResponse:
    """All calls in progress that he who asks may know of, then what changes, until the page goes or its login ends."""
    session, board = session_of(request), request.app[LIVE]
    hidden = frozenset[str]() if session.may(Right.AID) else request.app[ANONYMOUS]
    await audit.record_view(request, "", Action.LIST, "正在通话")
    with board.watch(hidden, masked=not session.may(Right.NUMBERS)) as watcher:
        return await stream_events(request, watcher.changed, lambda: board.tell(watcher))
