"""The streaming client of one or several speech servers (ours or any vosk-server).

A stream outlives the server it began with: what was sent of the utterance that is being said is kept, and sent again to
the next server when one goes away or has too much to do.
"""

from __future__ import annotations

import asyncio
from collections import deque
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Self

import aiohttp

from asr.address import split_addresses
from asr.fault import AsrBusy, AsrUnavailable
from asr.place import Place
from asr.protocol import EOF, RESET, BusyError, Configure, Final, Partial, ProtocolError, read_reply

if TYPE_CHECKING:
    import ssl
    from collections.abc import Sequence
    from types import TracebackType

    from asr.protocol import Purpose
    from asr.transcript import ModelFingerprint

__all__ = ["AsrBusy", "AsrClient", "AsrStream", "AsrUnavailable"]

_CONNECT_SECONDS = 5.0
_RESUME_SECONDS = 5.0  # for a server that has died to be there again; an ear waits 8 s for an answer
_PAUSE_SECONDS = 0.1  # between two rounds of all servers
_SEEN_SECONDS = 10.0  # a server that answered within so long is worth the wait
_SILENT_SECONDS = 4.0  # of a server that owes who speaks live an answer: there is time to ask another
_MOST_RESUMED = 3  # servers that one utterance is sent to again: it may be what ends them
_MOST_HELD = 4 * 1024 * 1024  # bytes of audio kept of one utterance: more than four minutes
_BYTES_PER_SECOND = 16000


class AsrStream:
    """One stream to a server. Every ``send`` and ``finish`` is answered by exactly one ``receive``, in order."""

    def __init__(self, places: Sequence[Place], config: Configure) -> None:
        self._places, self._config = places, config
        self._place: Place | None = None
        self._socket: aiohttp.ClientWebSocketResponse | None = None
        self._held: deque[bytes | str] = deque()  # sent since the last final
        self._bytes = 0  # of audio among them
        self._answered = 0  # so many of them have been
        self._repeated = 0  # answers still to come that were given already
        self._before = 0.0  # seconds of audio before them
        self._shift = 0.0  # from this server's clock to the stream's
        self._said: list[Final] = []  # ends of utterances that only this server saw, amid what was repeated
        self._resumed = 0  # times, since the last answer
        self._joining = asyncio.Lock()
        self._patient = len(places) == 1 or config.purpose == "late"  # there is no other, or there is time
        self._limit: asyncio.Timeout | None = None  # of the wait for an answer

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def send(self, pcm: bytes) -> None:
        """Send audio (s16le, 8 kHz, mono)."""
        await self._say(pcm)

    async def finish(self, *, close: bool = False) -> None:
        """Ask for the final of what was sent since the last one; ``close``: and end the stream."""
        await self._say(EOF if close else RESET)

    async def receive(self) -> Partial | Final:
        """The next reply. Word times are seconds over all audio of this stream. Raises AsrBusy, AsrUnavailable."""
        while True:
            try:
                reply = await self._next()
            except AsrUnavailable as error:
                await self._resume(error)
                continue
            if self._repeated:
                self._repeated -= 1
                if isinstance(reply, Final):
                    self._said.append(self._moved(reply))
            elif self._answered < len(self._held):  # else it is the last word of a server that stops
                return self._take(reply)

    async def join(self) -> None:
        """Find a server; raises AsrUnavailable, within some seconds."""
        async with self._joining:
            await self._join()

    async def close(self) -> None:
        """Close the stream, whatever was still to come."""
        self._leave()
        if self._socket:
            with suppress(ConnectionError, aiohttp.ClientError):
                await self._socket.close()

    async def _say(self, message: bytes | str) -> None:
        async with self._joining:
            self._held.append(message)
            self._bytes += _size(message)
            if self._limit and self._limit.when() is None:
                self._bound(self._limit)
            if self._socket:
                with suppress(ConnectionError, aiohttp.ClientError):  # who waits for the answer finds out
                    await _send(self._socket, message)

    async def _next(self) -> Partial | Final:
        if self._socket is None:
            raise AssertionError("a stream has joined a server before anything is said")
        try:
            message = await self._await_message(self._socket)
            if message.type is not aiohttp.WSMsgType.TEXT:
                raise AsrUnavailable("the speech server closed the stream")
            return read_reply(message.data)
        except BusyError as error:
            raise AsrBusy(str(error)) from error
        except (ProtocolError, ConnectionError, aiohttp.ClientError) as error:
            raise AsrUnavailable(str(error)) from error

    async def _await_message(self, socket: aiohttp.ClientWebSocketResponse) -> aiohttp.WSMessage:
        try:
            async with asyncio.timeout(None) as self._limit:
                self._bound(self._limit)
                return await socket.receive()
        except TimeoutError as error:
            if self._place:
                self._place.shun(silent=True)
            raise AsrUnavailable(f"the speech server says nothing for {_SILENT_SECONDS:.0f} s") from error
        finally:
            self._limit = None

    def _bound(self, limit: asyncio.Timeout) -> None:
        """Wait no longer than a server may be silent, if it owes an answer and there is another."""
        if not self._patient and (self._repeated or self._answered < len(self._held)):
            limit.reschedule(asyncio.get_running_loop().time() + _SILENT_SECONDS)

    def _take(self, reply: Partial | Final) -> Partial | Final:
        self._resumed = 0
        self._answered += 1
        said = "".join(final.text for final in self._said)
        if isinstance(reply, Partial):
            return Partial(said + reply.text)
        for _ in range(self._answered):
            size = _size(self._held.popleft())
            self._bytes -= size
            self._before += size / _BYTES_PER_SECOND
        parts, self._said, self._answered = (*self._said, self._moved(reply)), [], 0
        return Final(said + reply.text, tuple(word for part in parts for word in part.words))

    def _moved(self, final: Final) -> Final:
        if not self._shift:
            return final
        words = (replace(w, start=w.start + self._shift, end=w.end + self._shift) for w in final.words)
        return Final(final.text, tuple(words))

    async def _resume(self, error: AsrUnavailable) -> None:
        """Go on with another server, or with this one once it is back; raises ERROR when there is none."""
        async with self._joining:
            if self._place:
                self._place.shun()
            alone = len(self._places) == 1
            self._resumed += 1
            hopeless = self._resumed > _MOST_RESUMED or self._bytes > _MOST_HELD
            if hopeless or (alone and isinstance(error, AsrBusy)):
                raise error
            await self.close()
            try:
                await self._join()
            except AsrUnavailable:
                raise error from None

    async def _join(self) -> None:
        loop = asyncio.get_running_loop()
        until = loop.time() + _RESUME_SECONDS
        while True:
            trouble = None
            for place in sorted(self._places, key=lambda p: p.load):
                try:
                    await self._enter(place)
                except AsrUnavailable as error:
                    trouble = error
                else:
                    return
            hope = any(loop.time() - place.seen < _SEEN_SECONDS for place in self._places)
            if trouble and (not hope or loop.time() > until):
                raise trouble
            await asyncio.sleep(_PAUSE_SECONDS)

    async def _enter(self, place: Place) -> None:
        """Begin with PLACE, by all that is held."""
        place.streams += 1  # already: those who look for one at the same moment take another
        self._place = place
        try:
            socket = await place.connect(self._config, _CONNECT_SECONDS / len(self._places))
            for message in self._held:
                await _send(socket, message)
        except (ConnectionError, aiohttp.ClientError) as error:
            place.shun()
            self._leave()
            raise AsrUnavailable("the speech server went away") from error
        except BaseException:
            self._leave()
            raise
        self._socket = socket
        self._repeated, self._shift, self._said = self._answered, self._before, []

    def _leave(self) -> None:
        if self._place:
            self._place.streams -= 1
            self._place = None


class AsrClient:
    """Streams to the least loaded of the servers at URLS, several of them separated by blanks or commas.

    A URL is ``unix:/path``, ``ws://host:port`` or ``wss://host:port``; ValueError for any other. TOKEN is shown to all
    of them; TLS, for wss, says whom to trust. One client serves any number of calls of one event loop.
    """

    def __init__(self, urls: str, token: str = "", tls: ssl.SSLContext | None = None) -> None:
        self._places = [Place(url, token, tls) for url in split_addresses(urls)]

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def open(self, phrases: tuple[str, ...] | None = None, purpose: Purpose = "dictation") -> AsrStream:
        """Open a stream listening for PHRASES (None: free speech); raises AsrUnavailable, within some seconds.

        A server that is too busy for PURPOSE says so in place of the first reply.
        """
        stream = AsrStream(self._places, Configure(phrases=phrases, purpose=purpose))
        await stream.join()
        return stream

    async def fingerprint(self) -> ModelFingerprint:
        """The model of the first server that answers; raises AsrUnavailable when none does."""
        told = await asyncio.gather(
            *(place.fingerprint(_CONNECT_SECONDS) for place in self._places), return_exceptions=True
        )
        for answer in told:
            if not isinstance(answer, BaseException):
                return answer
        for answer in told:
            if isinstance(answer, BaseException):
                raise answer
        raise AssertionError("a client has a server")

    @property
    def capacity(self) -> float:
        """Seconds of audio that the servers decode in a second, by what they told when `fingerprint` was asked."""
        return sum(place.capacity for place in self._places)

    async def close(self) -> None:
        """Close every connection."""
        for place in self._places:
            await place.close()


def _size(message: bytes | str) -> int:
    return len(message) if isinstance(message, bytes) else 0


async def _send(socket: aiohttp.ClientWebSocketResponse, message: bytes | str) -> None:
    await (socket.send_bytes(message) if isinstance(message, bytes) else socket.send_str(message))
