"""The streaming client of a speech server (ours or any vosk-server)."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING, Self

import aiohttp

from asr.address import UnixAddress, read_address
from asr.protocol import (
    EOF,
    RESET,
    BusyError,
    Configure,
    Final,
    Partial,
    ProtocolError,
    read_reply,
    write_config,
)
from asr.transcript import ModelFingerprint

if TYPE_CHECKING:
    from types import TracebackType

    from asr.protocol import Purpose

_CONNECT_SECONDS = 5.0
_LARGEST_REPLY = 4 * 1024 * 1024
_CLOSE = aiohttp.ClientWSTimeout(ws_close=1.0)


class AsrUnavailable(Exception):  # noqa: N818 - a state of the world, not a mistake
    """The speech server cannot be reached, went away, or talks nonsense; the message says which."""


class AsrBusy(AsrUnavailable):
    """The speech server is there, and has too much to do; the message says how much."""


class AsrStream:
    """One stream to the server. Every ``send`` and ``finish`` is answered by exactly one ``receive``, in order."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self._socket = socket

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def send(self, pcm: bytes) -> None:
        """Send audio (s16le, 8 kHz, mono)."""
        try:
            await self._socket.send_bytes(pcm)
        except (ConnectionError, aiohttp.ClientError) as error:
            raise AsrUnavailable("the speech server went away") from error

    async def finish(self, *, close: bool = False) -> None:
        """Ask for the final of what was sent since the last one; ``close``: and end the stream."""
        try:
            await self._socket.send_str(EOF if close else RESET)
        except (ConnectionError, aiohttp.ClientError) as error:
            raise AsrUnavailable("the speech server went away") from error

    async def receive(self) -> Partial | Final:
        """The next reply. Word times are seconds over all audio of this stream. Raises AsrBusy, AsrUnavailable."""
        try:
            message = await self._socket.receive()
            if message.type is not aiohttp.WSMsgType.TEXT:
                raise AsrUnavailable("the speech server closed the stream")
            return read_reply(message.data)
        except BusyError as error:
            raise AsrBusy(str(error)) from error
        except (ProtocolError, ConnectionError, aiohttp.ClientError) as error:
            raise AsrUnavailable(str(error)) from error

    async def close(self) -> None:
        """Close the stream, whatever was still to come."""
        with suppress(ConnectionError, aiohttp.ClientError):
            await self._socket.close()


class AsrClient:
    """Streams to the server at URL: ``unix:/path``, ``ws://host:port`` or ``wss://host:port``.

    One client serves any number of calls of one event loop; raises ValueError for any other URL.
    """

    def __init__(self, url: str) -> None:
        address = read_address(url)
        self._path = address.path if isinstance(address, UnixAddress) else None
        host = "localhost" if isinstance(address, UnixAddress) else _spell(address.host, address.port)
        secure = not isinstance(address, UnixAddress) and address.tls
        self._base = f"{'https' if secure else 'http'}://{host}/"
        self._url = url
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def open(self, phrases: tuple[str, ...] | None = None, purpose: Purpose = "dictation") -> AsrStream:
        """Open a stream listening for PHRASES (None: free speech); raises AsrUnavailable, within 5 s.

        A server that is too busy for PURPOSE says so in place of the first reply.
        """
        try:
            async with asyncio.timeout(_CONNECT_SECONDS):
                socket = await self._connected().ws_connect(
                    self._base, max_msg_size=_LARGEST_REPLY, timeout=_CLOSE
                )
                await socket.send_str(write_config(Configure(phrases=phrases, purpose=purpose)))
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            raise AsrUnavailable(f"no speech server at {self._url}: {_reason(error)}") from error
        return AsrStream(socket)

    async def fingerprint(self) -> ModelFingerprint:
        """The model the server uses; raises AsrUnavailable.

        A stock vosk-server does not tell: it is named ``vosk-server``, with an empty ``sha256``.
        """
        try:
            async with (
                asyncio.timeout(_CONNECT_SECONDS),
                self._connected().get(self._base + "model") as response,
            ):
                if response.status != 200:  # noqa: PLR2004 - OK
                    return ModelFingerprint("vosk-server", "", demo=False)
                document = await response.json()
                return ModelFingerprint(
                    str(document["name"]), str(document["sha256"]), demo=document["demo"] is True
                )
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            raise AsrUnavailable(f"no speech server at {self._url}: {_reason(error)}") from error
        except (ValueError, KeyError, TypeError) as error:
            raise AsrUnavailable(f"{self._url} is no speech server: GET /model answers nonsense") from error

    async def close(self) -> None:
        """Close every connection."""
        if self._session:
            await self._session.close()
            self._session = None

    def _connected(self) -> aiohttp.ClientSession:
        if self._session is None:
            connector = (
                aiohttp.UnixConnector(self._path, limit=0) if self._path else aiohttp.TCPConnector(limit=0)
            )
            self._session = aiohttp.ClientSession(connector=connector)
        return self._session


def _spell(host: str, port: int) -> str:
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _reason(error: BaseException) -> str:
    return "no answer" if isinstance(error, TimeoutError) else str(error) or type(error).__name__
