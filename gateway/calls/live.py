"""What is going on right now: each call's events as server-sent events."""

from __future__ import annotations

import asyncio
import contextlib
import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from aiohttp import web

from recordings import entries
from recordings.entries import encode

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from recordings.entries import Entry

_BACKLOG = 1000  # events a slow reader may lag behind before it is cut off
_SIGN_OF_LIFE_S = 2.0
# What a reader who comes in the middle of a call is told of it, besides what follows.
_TOLD_AGAIN = (
    entries.Incoming,
    entries.Answered,
    entries.Deaf,
    entries.Hearing,
    entries.Heard,
    entries.Played,
    entries.Matter,
    entries.Number,
    entries.HungUp,
)


class Board:
    """Hands each call's journal entries and partial texts to whoever follows. Following never slows a call."""

    def __init__(self) -> None:
        self._followers: set[asyncio.Queue[str]] = set()
        self._calls: dict[str, list[str]] = {}  # what has happened so far in the calls that go on

    def publish(self, call_id: str, entry: Entry) -> None:
        """Tell every follower; one that has fallen too far behind loses its place."""
        if isinstance(entry, entries.Finished):
            self._calls.pop(call_id, None)
        told_again = isinstance(entry, _TOLD_AGAIN)
        if not self._followers and not told_again:
            return
        event = {**encode(entry), "call_id": call_id, "wall": datetime.now(UTC).isoformat()}
        line = json.dumps(event, ensure_ascii=False)
        if told_again:
            self._calls.setdefault(call_id, []).append(line)
        for follower in tuple(self._followers):
            try:
                follower.put_nowait(line)
            except asyncio.QueueFull:
                self._followers.discard(follower)

    def close(self, call_id: str) -> None:
        """Tell that the call is over, unless that was told: it may have broken off."""
        if call_id in self._calls:
            self.publish(call_id, entries.Finished())

    async def follow(self) -> AsyncGenerator[str, None]:
        """Events as JSON lines: what has happened so far in the calls that go on, then what happens.

        An empty line is a sign of life. Ends for a follower that has fallen too far behind: it may come again.
        """
        queue: asyncio.Queue[str] = asyncio.Queue(_BACKLOG)
        self._followers.add(queue)
        try:
            for line in [line for lines in self._calls.values() for line in lines]:
                yield line
            while queue in self._followers or not queue.empty():
                try:
                    yield await asyncio.wait_for(queue.get(), _SIGN_OF_LIFE_S)
                except TimeoutError:
                    yield ""
        finally:
            self._followers.discard(queue)


def route(board: Board) -> web.RouteDef:
    """``GET /events``: text/event-stream, one JSON object an event. Holds what callers say: for a Unix socket only."""

    async def events(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(
            headers={"Content-Type": "text/event-stream", "Cache-Control": "no-store"}
        )
        with contextlib.suppress(ConnectionResetError):  # the follower has gone, perhaps before he was heard
            await response.prepare(request)
            async with contextlib.aclosing(board.follow()) as lines:
                async for line in lines:
                    await response.write(f"data: {line}\n\n".encode(errors="replace") if line else b":\n\n")
        return response

    return web.get("/events", events)
