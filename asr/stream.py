"""One client's stream in the server: its messages in order, decoded on one thread at a time."""

from __future__ import annotations

import asyncio
import logging
import time
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from aiohttp import WSCloseCode, WSMsgType

from asr import metrics
from asr.engine import Engine, EngineError, Recognizer
from asr.protocol import Audio, Configure, Finish, ProtocolError, read_request

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from concurrent.futures import Executor

    from aiohttp.web import WebSocketResponse

_log = logging.getLogger(__name__)
_T = TypeVar("_T")

_WAITING = 32  # messages kept for a client that sends faster than it is decoded; then its socket fills up
_SAMPLE_BYTES = 2
_TURN = 8  # messages decoded in one turn: streams that lag share the threads fairly


@dataclass(frozen=True, slots=True)
class Reply:
    """A message for the client; ``final_of`` is the place, among those handled, of the request for a final."""

    text: str
    final_of: int | None = None


@dataclass(frozen=True, slots=True)
class _Arrived:
    """A client's message; ``at`` by time.monotonic."""

    data: str | bytes
    at: float


class Decoding:
    """The recogniser of one stream. Not thread-safe: one thread at a time."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._config = Configure()
        self._recognizer: Recognizer | None = None
        self._open = False  # there is audio since the last final
        self.ended = False

    def handle(self, messages: Sequence[str | bytes]) -> list[Reply]:
        """Do what MESSAGES ask for and return the replies; raises ProtocolError and EngineError."""
        replies: list[Reply] = []
        for place, message in enumerate(messages):
            match read_request(message):
                case Configure() as config:
                    if self._recognizer is not None:
                        raise ProtocolError(
                            "config after audio; open another stream for another configuration"
                        )
                    self._config = config
                case Audio(pcm):
                    replies.append(Reply(self._decode(pcm)))
                case Finish(close=close):
                    replies.append(Reply(self.finish(), final_of=place))
                    if close:
                        self.ended = True
                        break
        return replies

    def finish(self) -> str:
        """The final of what was said since the last one."""
        self._open = False
        return self._recognizer.final() if self._recognizer else '{"text": ""}'

    @property
    def in_utterance(self) -> bool:
        """Whether there is audio that no final has answered yet."""
        return self._open

    def _decode(self, pcm: bytes) -> str:
        if self._recognizer is None:
            config = self._config
            self._recognizer = self._engine.recognizer(
                config.sample_rate,
                config.phrases,
                words=config.words,
                max_alternatives=config.max_alternatives,
            )
        self._open = True
        metrics.AUDIO.inc(len(pcm) / (self._config.sample_rate * _SAMPLE_BYTES))
        return self._recognizer.result() if self._recognizer.accept(pcm) else self._recognizer.partial()


class Stream:
    """One WebSocket: reads ahead a little, has its messages decoded in turns, sends the replies."""

    def __init__(self, socket: WebSocketResponse, engine: Engine, threads: Executor) -> None:
        self._socket = socket
        self._decoding = Decoding(engine)
        self._threads = threads
        self._inbox: asyncio.Queue[_Arrived | None] = asyncio.Queue(_WAITING)
        self._reader: asyncio.Task[None] | None = None
        self._closing = False
        self.waiting = False
        """Whether its audio waits for a thread."""

    async def run(self) -> None:
        """Serve the client until it leaves, ends its stream, errs, or ``stop`` is called."""
        self._reader = asyncio.create_task(self._read())
        try:
            await self._answer()
        except ProtocolError as error:
            await self._refuse(str(error), WSCloseCode.POLICY_VIOLATION)
        except EngineError as error:
            metrics.FAILURES.inc()
            _log.error("decoding failed: %s", error)
            await self._refuse(str(error), WSCloseCode.INTERNAL_ERROR)
        except ConnectionResetError:
            _log.debug("a client left in the middle of a reply")
        finally:
            self._reader.cancel()

    def stop(self) -> None:
        """Read nothing more: what has arrived is decoded, its final sent, and the socket closed."""
        if self._reader:
            self._reader.cancel()

    async def _read(self) -> None:
        try:
            async for message in self._socket:
                if message.type in (WSMsgType.BINARY, WSMsgType.TEXT):
                    await self._inbox.put(_Arrived(message.data, time.monotonic()))
                else:
                    return
        finally:
            self._closing = True
            with suppress(asyncio.QueueFull):  # then nobody waits for an arrival
                self._inbox.put_nowait(None)

    async def _answer(self) -> None:
        while not (self._decoding.ended or (self._closing and self._inbox.empty())):
            turn: list[_Arrived] = []
            message = await self._inbox.get()
            while message is not None:
                turn.append(message)
                if len(turn) == _TURN or self._inbox.empty():
                    break
                message = self._inbox.get_nowait()
            if turn and not self._socket.closed:
                messages = [message.data for message in turn]
                for reply in await self._in_thread(lambda: self._decoding.handle(messages)):  # noqa: B023 - awaited here
                    await self._socket.send_str(reply.text)
                    if reply.final_of is not None:
                        metrics.FINALS.observe(time.monotonic() - turn[reply.final_of].at)
        if self._socket.closed:
            return
        if self._decoding.in_utterance:
            await self._socket.send_str(await self._in_thread(self._decoding.finish))
        await self._socket.close(code=WSCloseCode.OK if self._decoding.ended else WSCloseCode.GOING_AWAY)

    async def _in_thread(self, work: Callable[[], _T]) -> _T:
        def decode() -> _T:
            self.waiting = False
            began = time.monotonic()
            try:
                return work()
            finally:
                metrics.DECODING.inc(time.monotonic() - began)

        self.waiting = True
        try:
            return await asyncio.get_running_loop().run_in_executor(self._threads, decode)
        finally:
            self.waiting = False

    async def _refuse(self, reason: str, code: WSCloseCode) -> None:
        if not self._socket.closed:
            await self._socket.send_json({"error": reason})
            await self._socket.close(code=code)
