"""The live board: follows every gateway's event stream, and tells the pages that watch what has changed."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

import aiohttp

from console.eventstream import EventStream
from console.livecalls import LiveCall, UnreadableEventError
from console.metrics import LIVE_EVENTS_SKIPPED

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence
    from pathlib import Path

_RECONNECT_S: Final = 1.0
_SILENCE_S: Final = 6.0  # a gateway gives a sign of life every two seconds

_log = logging.getLogger(__name__)


@dataclass(slots=True, eq=False)
class Watcher:
    """A page that watches: what has changed since it was last told. A slow one gets less often more at once.

    It is told of no call of the lines that are ``hidden``, and, ``masked``, of no number that is said.
    """

    hidden: Collection[str] = ()
    masked: bool = False
    calls: set[str] = field(default_factory=set)
    gateways: set[str] = field(default_factory=set)
    changed: asyncio.Event = field(default_factory=asyncio.Event)


def _name(sockets: Sequence[Path]) -> dict[str, Path]:
    """Each gateway's socket by a short name, or by its path where several would share one."""
    once = dict.fromkeys(sockets)
    shared = Counter(socket.stem for socket in once)
    return {socket.stem if shared[socket.stem] == 1 else str(socket): socket for socket in once}


class LiveBoard:
    """The calls in progress of all gateways. ``sockets`` are the gateways' Unix sockets; run ``run`` in a task."""

    def __init__(self, sockets: Sequence[Path]) -> None:
        self._sockets = _name(sockets)
        self._up = dict.fromkeys(self._sockets, False)
        self._calls: dict[str, LiveCall] = {}
        self._watchers: set[Watcher] = set()

    async def run(self) -> None:
        """Follow the gateways until cancelled; one that is away is asked for again every second."""
        async with asyncio.TaskGroup() as following:
            for name in self._sockets:
                following.create_task(self._follow(name))

    @contextlib.contextmanager
    def watch(self, hidden: Collection[str] = (), *, masked: bool = False) -> Iterator[Watcher]:
        """A watcher for whom everything is new, but for what is kept from him: see ``Watcher``."""
        shown = {call.call_id for call in self._calls.values() if call.hotline not in hidden}
        watcher = Watcher(hidden, masked, shown, set(self._sockets))
        watcher.changed.set()
        self._watchers.add(watcher)
        try:
            yield watcher
        finally:
            self._watchers.discard(watcher)

    def tell(self, watcher: Watcher) -> dict[str, Any]:
        """What has changed, as JSON: ``calls`` as they are now, ids of those ``gone``, ``gateways`` up or not."""
        calls, gateways = sorted(watcher.calls), sorted(watcher.gateways)
        watcher.calls.clear()
        watcher.gateways.clear()
        watcher.changed.clear()
        return {
            "calls": [self._calls[c].show(masked=watcher.masked) for c in calls if c in self._calls],
            "gone": [c for c in calls if c not in self._calls],
            "gateways": [{"name": name, "up": self._up[name]} for name in gateways],
        }

    async def _follow(self, name: str) -> None:
        while True:
            try:
                await self._listen(name)
            except (aiohttp.ClientError, OSError, TimeoutError) as error:
                if self._up[name]:
                    _log.warning("gateway %s is out of reach: %s", name, error)
            finally:  # whatever ended it: nobody follows this gateway just now
                self._set_up(name, up=False)
            await asyncio.sleep(_RECONNECT_S)

    async def _listen(self, name: str) -> None:
        timeout = aiohttp.ClientTimeout(total=None, connect=_SILENCE_S, sock_read=_SILENCE_S)
        connector = aiohttp.UnixConnector(path=str(self._sockets[name]))
        async with (
            aiohttp.ClientSession(connector=connector, timeout=timeout) as session,
            session.get("http://gateway/events", raise_for_status=True) as stream,
        ):
            self._set_up(name, up=True)
            reading = EventStream()
            async for data in stream.content.iter_any():
                for event in reading.feed(data):
                    try:
                        self._take(name, event)
                    except UnreadableEventError:
                        reading.skipped += 1
                self._note_skipped(name, reading)

    def _note_skipped(self, name: str, reading: EventStream) -> None:
        """One line in the log for each piece of the stream; what callers say stays out of it."""
        if reading.skipped:
            LIVE_EVENTS_SKIPPED.inc(reading.skipped)
            _log.warning("gateway %s: %d events cannot be read and are skipped", name, reading.skipped)
            reading.skipped = 0

    def _take(self, gateway: str, event: dict[str, Any]) -> None:
        call_id = event["call_id"]
        if event["kind"] == "finished":
            if ended := self._calls.pop(call_id, None):
                self._mark_call(ended)
            return
        call = self._calls.get(call_id)
        if call is None:
            if event["kind"] != "incoming":
                return  # the end of a call that we were not told of
            call = self._calls[call_id] = LiveCall(call_id, gateway)
        if call.take(event):
            self._mark_call(call)

    def _set_up(self, name: str, *, up: bool) -> None:
        """A gateway that comes back tells of its calls again; until then nobody knows how they go on."""
        if up == self._up[name]:
            return
        self._up[name] = up
        for call in [call for call in self._calls.values() if call.gateway == name]:
            if up:
                del self._calls[call.call_id]
            else:
                call.lost = True
            self._mark_call(call)
        for watcher in self._watchers:
            watcher.gateways.add(name)
            watcher.changed.set()

    def _mark_call(self, call: LiveCall) -> None:
        for watcher in self._watchers:
            if call.hotline not in watcher.hidden:
                watcher.calls.add(call.call_id)
                watcher.changed.set()
