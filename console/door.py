"""The door of the page: who sends half a request, or nothing, holds no connection for long, and not many.

Half open is a connection whose request has not come whole: its head, or the body that follows. One that has been
answered may stay for the next request, as browsers have it.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final, cast

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from aiohttp import web

_UNKNOWN: Final = ""  # the address of a connection that has gone by now


class Door:
    """Ends a connection whose head has not come within ``head_s`` seconds, and the oldest of too many of an address.

    ``half_open`` are allowed at once from one address; None: any number, for a proxy of ours speaks for all.
    """

    def __init__(self, head_s: float, half_open: int | None) -> None:
        self._head_s, self._allowed = head_s, half_open
        self._waiting: defaultdict[str, dict[_Connection, None]] = defaultdict(dict)
        self._connections: dict[object, _Connection] = {}

    def open(self, make: Callable[[], asyncio.Protocol]) -> asyncio.Protocol:
        """A connection; ``make`` gives what answers its requests."""
        return _Connection(self, make())

    @contextmanager
    def answering(self, request: web.BaseRequest) -> Iterator[None]:
        """The head has come; until this is left, what comes is no head."""
        connection = self._connections.get(request.protocol)
        if connection is None:  # it has gone
            yield
            return
        connection.answering = True
        self.settle(connection)
        try:
            yield
        finally:
            connection.answering = False

    @contextmanager
    def awaiting_body(self, request: web.BaseRequest) -> Iterator[None]:
        """What is sent has to come; whoever waits for how long."""
        connection = self._connections.get(request.protocol)
        if connection is not None:
            self._hold(connection)
        try:
            yield
        finally:
            if connection is not None:
                self.settle(connection)

    def add(self, connection: _Connection) -> None:
        """It has been made: a head is to come."""
        self._connections[connection.inner] = connection
        self.await_head(connection)

    def remove(self, connection: _Connection) -> None:
        """It is lost."""
        self._connections.pop(connection.inner, None)
        self.settle(connection)

    def await_head(self, connection: _Connection) -> None:
        """A head begins, or is due."""
        if connection.timer is None and connection not in self._waiting.get(connection.address, ()):
            connection.timer = asyncio.get_running_loop().call_later(self._head_s, connection.end)
            self._hold(connection)

    def settle(self, connection: _Connection) -> None:
        """Nothing is waited for any more."""
        if connection.timer is not None:
            connection.timer.cancel()
            connection.timer = None
        same = self._waiting.get(connection.address)
        if same is not None:
            same.pop(connection, None)
            if not same:
                del self._waiting[connection.address]

    def _hold(self, connection: _Connection) -> None:
        same = self._waiting[connection.address]
        same[connection] = None
        if self._allowed is not None and len(same) > self._allowed:
            next(iter(same)).end()


class _Connection(asyncio.Protocol):
    """Passes everything on to ``inner``, and tells the door of it."""

    def __init__(self, door: Door, inner: asyncio.Protocol) -> None:
        self._door, self.inner = door, inner
        self._transport: asyncio.Transport | None = None
        self.address = _UNKNOWN
        self.answering = False
        self.timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        peer = transport.get_extra_info("peername")
        self.address = str(peer[0]) if peer else _UNKNOWN
        self.inner.connection_made(transport)
        self._door.add(self)

    def data_received(self, data: bytes) -> None:
        if not self.answering:
            self._door.await_head(self)
        self.inner.data_received(data)

    def eof_received(self) -> bool | None:
        return self.inner.eof_received()

    def pause_writing(self) -> None:
        self.inner.pause_writing()

    def resume_writing(self) -> None:
        self.inner.resume_writing()

    def connection_lost(self, exc: Exception | None) -> None:
        self._door.remove(self)
        self.inner.connection_lost(exc)

    def end(self) -> None:
        """Send no answer: to half a question there is none."""
        self._door.settle(self)
        if self._transport is not None:
            self._transport.abort()
