"""Taking connections: so many and no more, so that no crowd at the door uses up what the streams inside need."""

from __future__ import annotations

import asyncio
import errno
import hmac
import logging
import resource
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from asr import metrics

if TYPE_CHECKING:
    import socket
    import ssl

    from aiohttp import web

_log = logging.getLogger(__name__)

MOST = 2000
"""Connections at once; fewer where the process may not have as many files open."""
FIRST_SECONDS = 10.0
"""In which whoever connects has to ask for something."""

_SPARE_FILES = 64  # for everything else that the process opens
_EXHAUSTED: Final = {errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM}
_TOLD_SECONDS = 10.0  # between two lines of log of the same trouble


@dataclass(frozen=True, slots=True)
class Entrance:
    """Who may come in: those who show ``token`` (everybody, when that is empty), over TLS when a context is given."""

    token: str = ""
    tls: ssl.SSLContext | None = None

    def lets_in(self, request: web.Request) -> bool:
        """Whether REQUEST shows the token."""
        shown = request.headers.get("Authorization", "").encode(errors="replace")
        return not self.token or hmac.compare_digest(shown, f"Bearer {self.token}".encode())


class Door:
    """Hands the connections to LISTENING over to SERVER; with TLS if a context is given."""

    def __init__(
        self, server: web.Server, listening: socket.socket, tls: ssl.SSLContext | None = None
    ) -> None:
        self._server, self._socket, self._tls = server, listening, tls
        files, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
        self._most = max(8, min(MOST, files - _SPARE_FILES))
        self._greeted: set[asyncio.Task[None]] = set()  # connections on their way in
        self._task: asyncio.Task[None] | None = None
        self._told_at = float("-inf")

    def open(self) -> None:
        """Take connections from now on."""
        self._socket.setblocking(False)  # noqa: FBT003 - socket's own
        self._socket.listen(1024)
        self._task = asyncio.create_task(self._take())

    async def close(self) -> None:
        """Take no more; those that are in go on."""
        tasks = {*self._greeted, *([self._task] if self._task else [])}
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)
        self._socket.close()

    async def _take(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            try:
                connection, _ = await loop.sock_accept(self._socket)
            except OSError as error:
                self._tell(error.strerror or type(error).__name__)
                await asyncio.sleep(0.2 if error.errno in _EXHAUSTED else 0.01)
                continue
            if len(self._server.connections) + len(self._greeted) >= self._most:
                connection.close()
                metrics.TURNED_AWAY.inc()
                self._tell(f"{self._most} are open")
                await asyncio.sleep(0)  # whoever knocks without end holds up nobody
                continue
            greeting = asyncio.create_task(self._greet(connection))
            self._greeted.add(greeting)
            greeting.add_done_callback(self._greeted.discard)

    async def _greet(self, connection: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(FIRST_SECONDS):
                await loop.connect_accepted_socket(self._server, connection, ssl=self._tls)
        except (
            OSError,
            TimeoutError,
        ):  # a handshake that fails is its client's affair (SSLError is an OSError)
            connection.close()

    def _tell(self, why: str) -> None:
        now = asyncio.get_running_loop().time()
        if now - self._told_at >= _TOLD_SECONDS:
            self._told_at = now
            _log.warning("connections are turned away: %s", why)
