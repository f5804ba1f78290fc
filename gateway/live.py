"""What is going on right now: each call's events as server-sent events."""

from __future__ import annotations

import asyncio
import contextlib
import json
from typing import Any

from aiohttp import web

_BACKLOG = 1000  # events a slow reader may lag behind before it is cut off


class Board:
    """Hands each call's journal entries and partial texts to whoever watches. Watching never slows a call."""

    def __init__(self) -> None:
        self._watchers: set[asyncio.Queue[str]] = set()

    def publish(self, call_id: str, kind: str, **fields: Any) -> None:
        """Tell every watcher; one that has fallen too far behind loses its place."""
        if not self._watchers:
            return
        line = json.dumps({"call_id": call_id, "kind": kind, **fields}, ensure_ascii=False)
        for watcher in tuple(self._watchers):
            try:
                watcher.put_nowait(line)
            except asyncio.QueueFull:
                self._watchers.discard(watcher)

    @contextlib.contextmanager
    def watch(self) -> Any:
        """A queue of JSON lines, from now on."""
        queue: asyncio.Queue[str] = asyncio.Queue(_BACKLOG)
        self._watchers.add(queue)
        try:
            yield queue
        finally:
            self._watchers.discard(queue)


def route(board: Board) -> web.RouteDef:
    """``GET /events``: text/event-stream, one JSON object an event. Holds what callers say: for a Unix socket only."""

    async def events(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(
            headers={"Content-Type": "text/event-stream", "Cache-Control": "no-store"}
        )
        await response.prepare(request)
        with board.watch() as queue, contextlib.suppress(ConnectionResetError):
            while True:
                await response.write(f"data: {await queue.get()}\n\n".encode())
        return response

    return web.get("/events", events)
