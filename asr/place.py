"""One speech server as a client sees it: where it is, whether it answers, and how much it has to do."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import aiohttp

from asr.address import UnixAddress, read_address
from asr.fault import AsrUnavailable
from asr.protocol import write_config
from asr.transcript import ModelFingerprint

if TYPE_CHECKING:
    import ssl

    from asr.protocol import Configure

_LARGEST_REPLY = 4 * 1024 * 1024
_CLOSE = aiohttp.ClientWSTimeout(ws_close=1.0)
_SHUNNED_SECONDS = 2.0  # a server that was away or busy is asked last for so long
_SILENT_SECONDS = 10.0  # one that stands still: longer than until the gateway asks after its model again
_GUESSED_CAPACITY = 8.0  # speakers at once, of a server that does not tell
_OK, _UNAUTHORIZED, _FORBIDDEN, _BROKEN = 200, 401, 403, 500  # HTTP; from _BROKEN on: server errors


class Place:
    """The server at URL: ``unix:/path``, ``ws://host:port`` or ``wss://host:port``; ValueError for any other.

    TOKEN is shown to it; TLS, for wss, says whom to trust (None: the machine's own authorities).
    """

    def __init__(self, url: str, token: str = "", tls: ssl.SSLContext | None = None) -> None:
        address = read_address(url)
        self._path = address.path if isinstance(address, UnixAddress) else None
        host = "localhost" if isinstance(address, UnixAddress) else _spell(address.host, address.port)
        secure = not isinstance(address, UnixAddress) and address.tls
        self._base = f"{'https' if secure else 'http'}://{host}/"
        self._headers = {"Authorization": f"Bearer {token}"} if token else {}
        self._tls = tls
        self._url = url
        self._session: aiohttp.ClientSession | None = None
        self.streams = 0
        """Those that this client has open."""
        self._others = 0
        self.capacity = _GUESSED_CAPACITY
        """Speakers at once that it bears."""
        self._shunned_until = self.seen = float("-inf")

    @property
    def load(self) -> tuple[bool, float]:
        """The less, the sooner it is chosen: whether it gave trouble just now, streams over what it can bear."""
        return _now() < self._shunned_until, (self.streams + self._others) / max(self.capacity, 1.0)

    def shun(self, *, silent: bool = False) -> None:
        """It was away or busy; ``silent``: it was there, and said nothing, for which everybody has to wait."""
        until = _now() + (_SILENT_SECONDS if silent else _SHUNNED_SECONDS)
        self._shunned_until = max(self._shunned_until, until)

    async def connect(self, config: Configure, within_s: float) -> aiohttp.ClientWebSocketResponse:
        """Open a WebSocket and send CONFIG; raises AsrUnavailable."""
        try:
            async with asyncio.timeout(within_s):
                socket = await self._connected().ws_connect(
                    self._base, max_msg_size=_LARGEST_REPLY, timeout=_CLOSE
                )
                await socket.send_str(write_config(config))
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            self.shun(silent=isinstance(error, TimeoutError))
            raise AsrUnavailable(f"no speech server at {self._url}: {_reason(error)}") from error
        self.seen = _now()
        return socket

    async def fingerprint(self, within_s: float) -> ModelFingerprint:
        """The model the server uses; learns also what it has to do. Raises AsrUnavailable.

        A stock vosk-server does not tell: it is named ``vosk-server``, with an empty ``sha256``.
        """
        try:
            async with asyncio.timeout(within_s):
                model = await self._ask("model")
                told = await self._ask("healthz") if model else None
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            self.shun(silent=isinstance(error, TimeoutError))
            raise AsrUnavailable(f"no speech server at {self._url}: {_reason(error)}") from error
        except ValueError as error:
            raise AsrUnavailable(f"{self._url} is no speech server: GET /model answers nonsense") from error
        self.seen = _now()
        if model is None:
            return ModelFingerprint("vosk-server", "", demo=False)
        match told:
            case {"streams": int(streams), "capacity": int(capacity) | float(capacity)}:
                self._others, self.capacity = max(0, streams - self.streams), float(capacity)
        match model:
            case {"name": name, "sha256": digest, "demo": demo}:
                return ModelFingerprint(str(name), str(digest), demo=demo is True)
        raise AsrUnavailable(f"{self._url} is no speech server: GET /model answers nonsense")

    async def close(self) -> None:
        """Close every connection."""
        if self._session:
            await self._session.close()
            self._session = None

    async def _ask(self, what: str) -> object | None:
        """What GET gives, as JSON; None where there is no such thing. Raises AsrUnavailable, ValueError."""
        async with self._connected().get(self._base + what) as response:
            status = response.status
            if status in (_UNAUTHORIZED, _FORBIDDEN):  # it would take no stream either
                raise AsrUnavailable(f"{self._url} lets nobody in: HTTP {status}; is asr.token the server's?")
            if status >= _BROKEN:  # said by whoever stands before it
                raise AsrUnavailable(f"no speech server at {self._url}: HTTP {status}")
            return await response.json() if status == _OK else None

    def _connected(self) -> aiohttp.ClientSession:
        if self._session is None:
            connector = (
                aiohttp.UnixConnector(self._path, limit=0)
                if self._path
                else aiohttp.TCPConnector(limit=0, ssl=self._tls or True)
            )
            self._session = aiohttp.ClientSession(connector=connector, headers=self._headers)
        return self._session


def _now() -> float:
    return asyncio.get_running_loop().time()


def _spell(host: str, port: int) -> str:
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _reason(error: BaseException) -> str:
    return "no answer" if isinstance(error, TimeoutError) else str(error) or type(error).__name__
