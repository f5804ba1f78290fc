"""The speech server: one process, one model, many streams, over the vosk-server WebSocket protocol (asr.protocol).

``GET /`` upgrades to a WebSocket; ``GET /healthz`` and ``GET /model`` answer on the same socket.
"""

from __future__ import annotations

import asyncio
import logging
import os
import socket
import time
from contextlib import AbstractAsyncContextManager, nullcontext, suppress
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from aiohttp import web

from asr import metrics
from asr.address import TcpAddress, UnixAddress, read_address
from asr.ahead import Ahead, try_out
from asr.crowd import Crowd
from asr.door import FIRST_SECONDS, Door, Entrance
from asr.engine import Engine
from asr.protocol import PURPOSES
from asr.stream import Stream
from asr.trial import prove
from asr.turns import Turns
from config.fault import Fault

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from asr.catalogue import ModelFolder
    from asr.overlay import Profile
    from asr.transcript import ModelFingerprint

_log = logging.getLogger(__name__)

_LARGEST_MESSAGE = 2 * 1024 * 1024  # bytes; 20 s of audio at 48 kHz
_STOP_SECONDS = 3.0  # for live streams to get their final
_LEAVE_SECONDS = 1.0  # and for everything else to be over
_IDLE_SECONDS = 900.0  # longer than anybody listens to a caller who says nothing
# A client whose machine vanished is noticed within a minute (pings would also drop one that only waits its turn).
_KEEPALIVE = {socket.TCP_KEEPIDLE: 30, socket.TCP_KEEPINTVL: 10, socket.TCP_KEEPCNT: 3}


class ServerError(Fault):
    """The server cannot listen where it was told to."""


class SpeechServer:
    """Serves one engine; ``threads`` 0 means one per core that the process may use, at least 2.

    ``capacity`` is how many seconds of audio it decodes in a second, as far as is known; None: that is tried now.
    """

    def __init__(
        self,
        engine: Engine,
        threads: int = 0,
        entrance: Entrance | None = None,
        capacity: float | None = None,
    ) -> None:
        self._engine, self._entrance = engine, entrance or Entrance()
        threads = threads or max(2, len(os.sched_getaffinity(0)))
        self._turns = Turns(threads)
        tried = try_out(engine)
        self._crowd = Crowd(self._turns, capacity / threads if capacity else tried.speed)
        self._ahead = Ahead(engine, self._turns, self._crowd.load) if tried.slow_at_first else None
        self._making: asyncio.Task[None] | None = None
        self._streams: set[Stream] = set()
        self._socket: socket.socket | None = None
        self._bound: tuple[Path, int] | None = None
        app = web.Application()
        app.router.add_get("/", self._stream)
        app.router.add_get("/healthz", self._health)
        app.router.add_get("/model", self._model)
        app.on_shutdown.append(self._finish_streams)
        self._runner = web.AppRunner(
            app, access_log=None, shutdown_timeout=_LEAVE_SECONDS, keepalive_timeout=FIRST_SECONDS
        )
        self._door: Door | None = None
        metrics.THREADS.set(threads)
        metrics.STREAMS.set_function(lambda: self.streams)
        metrics.QUEUE.set_function(lambda: self._turns.waiting)
        metrics.CAPACITY.set_function(lambda: self._crowd.load.capacity)
        for purpose in PURPOSES:
            metrics.BACKLOG.labels(purpose).set_function(partial(self._crowd.load.backlog, purpose))
        metrics.DEMO_MODEL.set(engine.fingerprint.demo)

    @property
    def model(self) -> ModelFingerprint:
        """The model it decodes with."""
        return self._engine.fingerprint

    @property
    def port(self) -> int:
        """The TCP port in use (after ``start`` on a TCP address)."""
        return int(self._socket.getsockname()[1]) if self._socket else 0

    @property
    def streams(self) -> int:
        """Streams open now."""
        return len(self._streams)

    @property
    def trouble(self) -> str:
        """Why a stream of dictation that came now would be refused; "" when it would be let in."""
        return self._crowd.trouble

    async def is_prompt(self, within_s: float) -> bool:
        """Whether a decoding thread comes round within so many seconds; false when all are stuck."""
        turn = asyncio.create_task(self._turns.take("question", lambda: None))
        done, _ = await asyncio.wait({turn}, timeout=within_s)
        turn.cancel()
        return bool(done)

    async def start(self, listen: str) -> None:
        """Listen on ``unix:/path`` (mode 0660) or ``tcp:host:port``; raises ServerError, ValueError."""
        address = read_address(listen)
        if self._ahead:
            await self._ahead.begin()
        if isinstance(address, UnixAddress):
            path = Path(address.path)
            self._socket = _bind_unix(path)
            self._bound = path, _inode(path)
        else:
            self._socket = await _bind_tcp(address)
        await self._runner.setup()
        if self._runner.server is None:
            raise AssertionError("setup makes a server")
        self._door = Door(self._runner.server, self._socket, self._entrance.tls)
        self._door.open()
        if self._ahead:
            self._making = asyncio.create_task(self._ahead.run())
        _log.info("speech server listens on %s, model %s", listen, self._engine.fingerprint.name)

    async def stop(self) -> None:
        """Stop listening; running streams get the final of what they have sent so far."""
        if self._making:
            self._making.cancel()
        if self._door:
            await self._door.close()
        await self._runner.cleanup()
        self._turns.close()
        if self._bound:
            path, inode = self._bound
            with suppress(FileNotFoundError):
                if _inode(path) == inode:  # a successor may have put its own there
                    path.unlink()

    async def _stream(self, request: web.Request) -> web.StreamResponse:
        if not self._entrance.lets_in(request):
            return web.Response(status=401, headers={"WWW-Authenticate": "Bearer"})
        client = web.WebSocketResponse(
            compress=False, max_msg_size=_LARGEST_MESSAGE, receive_timeout=_IDLE_SECONDS
        )
        try:
            await client.prepare(request)
        except ConnectionResetError:  # who asked has gone
            return web.Response()

        def is_gone() -> bool:
            return request.transport is None or request.transport.is_closing()

        stream = Stream(client, self._engine, self._turns, self._crowd, is_gone)
        self._streams.add(stream)
        metrics.STREAMS_OPENED.inc()
        try:
            if not await stream.run() and request.transport is not None:
                request.transport.abort()
        finally:
            self._streams.discard(stream)
        return client

    async def _health(self, _: web.Request) -> web.Response:
        return web.json_response(
            {
                "status": "ok",
                "streams": self.streams,
                "capacity": round(self._crowd.load.capacity, 1),
                "model": asdict(self._engine.fingerprint),
            }
        )

    async def _model(self, request: web.Request) -> web.Response:
        if not self._entrance.lets_in(request):
            return web.Response(status=401, headers={"WWW-Authenticate": "Bearer"})
        return web.json_response(asdict(self._engine.fingerprint))

    async def _finish_streams(self, _: web.Application) -> None:
        """Live streams get the final of what they have sent, if that can be in time; recordings can be sent again."""
        for stream in list(self._streams):
            stream.stop()
        until = time.monotonic() + _STOP_SECONDS
        while self._streams and time.monotonic() < until:  # noqa: ASYNC110 - a stream tells nobody that it is over
            await asyncio.sleep(0.02)
        for stream in list(self._streams):
            stream.leave("the server stops")


async def serve(
    listen: str,
    model: ModelFolder,
    threads: int,
    stop: asyncio.Event,
    watched: Callable[[SpeechServer], AbstractAsyncContextManager[object]] = nullcontext,
    entrance: Entrance | None = None,
    profile: Profile = "packed",
    capacity: float | None = None,
    classes: Collection[frozenset[str]] = (),
) -> None:
    """Serve MODEL on LISTEN until STOP is set; raises EngineError, ServerError or ValueError when it cannot start.

    ``watched`` makes the context in which the server runs; ``capacity``: see `SpeechServer`, ``classes``: see `Engine`.
    """
    await prove(model, profile)
    engine = await asyncio.to_thread(Engine, model, profile, classes)
    server = SpeechServer(engine, threads, entrance, capacity)
    await server.start(listen)
    try:
        async with watched(server):
            await stop.wait()
            _log.info("speech server stops: %d streams get their final", server.streams)
    finally:
        await server.stop()


def _inode(path: Path) -> int:
    return path.stat().st_ino


def _bind_unix(path: Path) -> socket.socket:
    """Bind PATH; a socket that nobody listens on any more is replaced, a living one is not."""
    with socket.socket(socket.AF_UNIX) as probe:
        try:
            probe.connect(str(path))
        except FileNotFoundError:
            pass
        except ConnectionRefusedError:
            if not path.is_socket():
                raise ServerError(
                    f"{path} is there and no socket: remove it or choose another path"
                ) from None
            path.unlink()
        except OSError as error:
            raise ServerError(f"{path}: {error.strerror}; choose another path") from error
        else:
            raise ServerError(f"{path}: another speech server listens there; stop it or choose another path")
    bound = socket.socket(socket.AF_UNIX)
    mask = os.umask(0o117)  # 0660 from the first moment
    try:
        bound.bind(str(path))
    except OSError as error:
        bound.close()
        raise ServerError(f"{path}: {error.strerror}; create its folder or choose another path") from error
    finally:
        os.umask(mask)
    return bound


async def _bind_tcp(address: TcpAddress) -> socket.socket:
    loop = asyncio.get_running_loop()
    try:
        found = await loop.getaddrinfo(address.host, address.port, type=socket.SOCK_STREAM)
    except OSError as error:
        raise ServerError(f"{address.host}: {error.strerror}; give an address of this machine") from error
    family, kind, protocol, _, name = found[0]
    bound = socket.socket(family, kind, protocol)
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)  # accepted sockets inherit these
    for option, value in _KEEPALIVE.items():
        bound.setsockopt(socket.IPPROTO_TCP, option, value)
    try:
        bound.bind(name)
    except OSError as error:
        bound.close()
        raise ServerError(f"{address.host}:{address.port}: {error.strerror}; choose another port") from error
    return bound
