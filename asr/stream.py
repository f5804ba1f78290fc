"""One client's stream in the server: its messages in order, decoded in turns with everybody else's."""

from __future__ import annotations

import asyncio
import logging
import time
from collections import deque
from typing import TYPE_CHECKING

from aiohttp import WSCloseCode, WSMsgType

from asr import metrics
from asr.decoding import TURN_SECONDS, Decoding, Done, Request
from asr.engine import EngineError
from asr.protocol import Audio, Configure, Finish, ProtocolError, read_request, write_busy, write_error

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from aiohttp.web import WebSocketResponse

    from asr.crowd import Crowd
    from asr.engine import Engine
    from asr.protocol import Purpose
    from asr.turns import Turns

_log = logging.getLogger(__name__)

# Audio read ahead of its decoding; then the socket fills up. More than a live client waits for an answer to: its
# leaving is then seen at once, and nothing is decoded for nobody.
_AHEAD_SECONDS = 12.0
_AHEAD = 256  # messages, however little is in them
_MOST = 32  # messages of one turn
_NOTHING_SECONDS = 1e-6  # what sums of seconds leave when nothing is left
_UNREAD_SECONDS = (
    10.0  # for a client to make room for a reply: what he has sent meanwhile counts against all others
)
# Audio sent ahead of the clock by who speaks live: what waited while the stream was opened; or a whole answer that is
# heard once more.
_BURST_SECONDS: Mapping[Purpose, float] = {"dictation": 3.0, "question": 20.0}


class Stream:
    """One WebSocket. A member of the crowd (`asr.crowd.Member`) from its first message on.

    ``is_gone`` says whether the client's connection is over, which no message may have told yet.
    """

    def __init__(
        self,
        socket: WebSocketResponse,
        engine: Engine,
        turns: Turns,
        crowd: Crowd,
        is_gone: Callable[[], bool],
    ) -> None:
        self._socket, self._turns, self._crowd, self._is_gone = socket, turns, crowd, is_gone
        self._decoding = Decoding(engine)
        self._models = engine.fingerprint.name, engine.fingerprint.sha256
        self._warned = False
        self.purpose: Purpose = "dictation"
        """As what it is served."""
        self._said: Purpose = "dictation"  # what it has said to be for
        self.spoke_at = self._began = time.monotonic()
        self._sent = 0.0  # seconds of audio so far
        self._config = Configure()  # the last one read
        self._inbox: deque[Request] = deque()
        self._batch: list[Request] = []  # what the thread works on
        self._backlog = 0.0  # seconds of audio in both
        self._finals = 0  # that are asked for in both
        self._arrived, self._room = asyncio.Event(), asyncio.Event()
        self._reader: asyncio.Task[None] | None = None
        self._answerer: asyncio.Task[None] | None = None
        self._closing = self._entered = False
        self._fault: ProtocolError | None = None
        self._busy = ""

    async def run(self) -> bool:
        """Serve the client until it leaves, ends its stream, errs, is refused, or ``stop`` is called.

        False when it takes no more messages, not even that the stream is closed.
        """
        self._reader = asyncio.create_task(self._read())
        self._answerer = asyncio.create_task(self._answer())
        try:
            await asyncio.wait({self._answerer})
            await self._conclude(self._answerer)
        except ConnectionResetError:
            _log.debug("a client left in the middle of a reply")
            return False
        else:
            return True
        finally:
            self._reader.cancel()
            self._answerer.cancel()
            self._crowd.leave(self)
            self._settle(self._backlog)

    def stop(self) -> None:
        """Read nothing more: what has arrived is decoded, its final sent, and the socket closed.

        Whoever sends a recording sends it again, to another server or later.
        """
        if self.purpose == "late" and self._backlog > TURN_SECONDS:
            self.leave("the server stops")
        elif self._reader:
            self._reader.cancel()

    def leave(self, reason: str) -> None:
        """Tell the client that the server is busy, and end; what it has sent is not decoded."""
        self._busy = self._busy or reason
        self._crowd.leave(self)
        self._settle(self._backlog)
        for task in (self._reader, self._answerer):
            if task:
                task.cancel()

    async def _conclude(self, answerer: asyncio.Task[None]) -> None:
        """Say why it is over, unless the client said so."""
        if self._busy:
            await self._end(write_busy(self._busy), WSCloseCode.TRY_AGAIN_LATER)
            return
        try:
            await answerer
        except ProtocolError as error:
            await self._end(write_error(str(error)), WSCloseCode.POLICY_VIOLATION)
        except EngineError as error:
            metrics.FAILURES.inc()
            _log.error("decoding failed: %s", error)
            await self._end(write_error(str(error)), WSCloseCode.INTERNAL_ERROR)

    async def _end(self, last: str, code: WSCloseCode) -> None:
        if not self._socket.closed:
            if last:
                await self._reply(last)
            await self._socket.close(code=code)

    async def _reply(self, text: str) -> None:
        """Send; raises ConnectionResetError also for a client that does not read."""
        try:
            async with asyncio.timeout(_UNREAD_SECONDS):
                await self._socket.send_str(text)
        except TimeoutError:
            _log.warning("a stream is ended: its client has not read for %.0f s", _UNREAD_SECONDS)
            raise ConnectionResetError from None

    # --- reading
    async def _read(self) -> None:
        try:
            async for message in self._socket:
                if message.type not in (WSMsgType.BINARY, WSMsgType.TEXT):
                    return
                read = read_request(message.data, self._config)
                if isinstance(read, Configure):
                    self._adopt(read)
                request = Request(read, time.monotonic(), self._config.sample_rate)
                if not self._is_let_in(request.message):
                    return
                self._take_in(request)
                while self._backlog > _AHEAD_SECONDS or len(self._inbox) > _AHEAD:
                    self._room.clear()
                    await self._room.wait()
        except ProtocolError as error:
            self._fault = error
        except TimeoutError:
            _log.info("a stream is ended: its client has sent nothing for a long time")
        finally:
            self._closing = True
            self._arrived.set()

    def _adopt(self, config: Configure) -> None:
        if config.model and config.model not in self._models:
            raise ProtocolError("config: this server has one model, which no client may change")
        if config.ignored and not self._warned:
            self._warned = True
            _log.warning("a client's configuration has %d keys that mean nothing here", config.ignored)
        self._config = config

    def _is_let_in(self, first: Configure | Audio | Finish) -> bool:
        """Whether the stream may go on; asked again for a configuration, which may be for something else."""
        if isinstance(first, Configure):
            if self._backlog < _NOTHING_SECONDS:
                self.purpose = self._said = first.purpose
        elif self._entered:
            return True
        if reason := self._crowd.refuse(self.purpose):
            self.leave(reason)
            return False
        if not self._entered:
            self._entered = True
            self._crowd.enter(self)
        return True

    def _take_in(self, request: Request) -> None:
        self._inbox.append(request)
        self._finals += isinstance(request.message, Finish)
        self._arrived.set()
        if isinstance(request.message, Audio):
            seconds = request.seconds
            self._backlog += seconds
            self._sent += seconds
            self.spoke_at = request.at
            self._crowd.load.arrived(self.purpose, seconds)
            burst = _BURST_SECONDS.get(self.purpose)  # none: it is a recording
            if burst is not None and self._sent > request.at - self._began + burst:
                self._stand_back()
            self._crowd.relieve(self.purpose)

    def _stand_back(self) -> None:
        """Audio comes faster than anybody speaks: it is a recording, whatever it was said to be for."""
        self._crowd.load.arrived(self.purpose, -self._backlog)
        self.purpose = "late"
        self._crowd.load.arrived(self.purpose, self._backlog)

    # --- answering
    async def _answer(self) -> None:
        while not self._decoding.ended:
            while not (self._inbox or self._batch or self._closing):
                self._arrived.clear()
                await self._arrived.wait()
            if self._socket.closed:
                return
            if self._is_gone():  # while much waits nothing is read, so no message tells
                raise ConnectionResetError
            if not (self._inbox or self._batch):
                break
            await self._take_turn()
        if self._fault:
            raise self._fault
        if self._decoding.in_utterance:
            await self._reply(await self._turns.take(self.purpose, self._decoding.finish))
        await self._end("", WSCloseCode.OK if self._decoding.ended else WSCloseCode.GOING_AWAY)

    def _fill_batch(self) -> None:
        """What one turn may take: what the last one left, and what came since."""
        seconds = sum(request.seconds for request in self._batch)
        while self._inbox and seconds < TURN_SECONDS and len(self._batch) < _MOST:
            self._batch.append(self._inbox.popleft())
            seconds += self._batch[-1].seconds

    async def _take_turn(self) -> None:
        """One turn, and its replies."""
        late = self.purpose == "late"
        done = await self._turns.take(self.purpose, lambda: self._decode_batch(late=late), self._has_said_all)
        self._settle(done.audio)
        if done.audio and not late:  # what gives way to everybody tells nothing of how fast the others are
            self._crowd.load.decoded(done.audio, done.took)
        self._room.set()
        for reply in done.replies:
            await self._reply(reply.text)
            if isinstance(reply.request.message, Finish):
                self._finals -= 1
                metrics.FINALS.observe(time.monotonic() - reply.request.at)

    def _has_said_all(self) -> bool:
        """Whether the final of something that was said is asked for; that of nothing can wait."""
        spoken = self._decoding.in_utterance or self._backlog > _NOTHING_SECONDS
        return spoken and self._finals > 0

    def _decode_batch(self, *, late: bool) -> Done:
        """Thread: what has come by now. Who is behind while others wait gets no partials: the words need the time."""
        self._fill_batch()
        crowded = bool(self._inbox) and self._turns.waiting > 0
        return self._decoding.handle(self._batch, behind=crowded or self._said == "late", late=late)

    def _settle(self, seconds: float) -> None:
        """So much audio is decoded, or will never be."""
        self._backlog -= seconds
        self._crowd.load.arrived(self.purpose, -seconds)
