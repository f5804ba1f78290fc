"""What every page follows: the stream of what waits; and that somebody is there."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING

from aiohttp import web

from console.keys import ANONYMOUS, WATCH, session_of
from console.policy import Right
from console.streaming import stream as stream_events

if TYPE_CHECKING:
    from console.watching import WorkWatch


async def stream(request: web.Request) -> web.StreamResponse:
    """Emergencies and counts, then what changes, until the page goes or its login ends: what he may read."""
    watch: WorkWatch = request.app[WATCH]
    session, hidden = session_of(request), frozenset[str]()
    if not session.may(Right.AID):
        hidden = request.app[ANONYMOUS]
    reads, masked = session.may(Right.READ), not session.may(Right.NUMBERS)
    with watch.watch() as watcher:
        return await stream_events(
            request,
            watcher.changed,
            lambda: watch.tell(watcher, session.user, hidden, reads=reads, masked=masked),
        )


async def stay(request: web.Request) -> web.Response:  # noqa: ARG001 - the guard has done it
    """Somebody works on an open page: his login goes on."""
    return web.Response(status=HTTPStatus.NO_CONTENT)
