"""What every page follows: the stream of what waits; and that somebody is there."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING

from aiohttp import web

from console.keys import WATCH
from console.streaming import stream as stream_events

if TYPE_CHECKING:
    from console.watching import WorkWatch


async def stream(request: web.Request) -> web.StreamResponse:
    """Emergencies and counts, then what changes, until the page goes or its login ends."""
    watch: WorkWatch = request.app[WATCH]
    with watch.watch() as watcher:
        return await stream_events(request, watcher.changed, lambda: watch.tell(watcher))


async def stay(request: web.Request) -> web.Response:  # noqa: ARG001 - the guard has done it
    """Somebody works on an open page: his login goes on."""
    return web.Response(status=HTTPStatus.NO_CONTENT)
