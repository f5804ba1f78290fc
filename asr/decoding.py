"""The recogniser of one stream: its messages in order, in pieces that hold a thread for a bounded time."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from asr import metrics
from asr.protocol import Audio, Configure, Finish

if TYPE_CHECKING:
    from asr.engine import Engine, Recognizer

STEP_SECONDS = 0.2
"""Vosk decodes in steps of this length: audio cut at their ends is heard as if it were whole."""
TURN_SECONDS = 0.4
"""Audio decoded at most before others have their turn; of a recording one step."""

SAMPLE_BYTES = 2
_FRAME_SECONDS = (
    0.01  # of audio become one of what the model reads: of less Vosk learns nothing, at the cost of a call
)
_NOTHING = '{"partial" : ""}'


@dataclass(slots=True)
class Request:
    """A client's message; ``at`` is when it came, by time.monotonic. Of audio, ``done`` bytes are decoded.

    ``rate`` is how many samples a second its audio has by what the client said before it.
    """

    message: Configure | Audio | Finish
    at: float
    rate: int = Configure().sample_rate
    done: int = 0

    @property
    def seconds(self) -> float:
        """Audio in it that is not decoded yet."""
        if not isinstance(self.message, Audio):
            return 0.0
        return (len(self.message.pcm) - self.done) / (self.rate * SAMPLE_BYTES)


@dataclass(frozen=True, slots=True)
class Reply:
    """The answer to ``request``."""

    text: str
    request: Request


@dataclass(frozen=True, slots=True)
class Done:
    """What a turn came to: replies, seconds of audio decoded, and how long that took."""

    replies: tuple[Reply, ...]
    audio: float
    took: float


class Decoding:
    """Not thread-safe: one thread at a time."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._config = self._begun = Configure()
        self._recognizer: Recognizer | None = None
        self._clock = 0.0  # seconds of the stream's audio so far
        self._rest = b""  # less than a frame of the model's, not given to Vosk yet
        self._partial, self._news = _NOTHING, False  # the last one, and whether Vosk has heard anything since
        self._open = False  # there is audio since the last final
        self.ended = False

    def configure(self, config: Configure) -> None:
        """Decode so, from the next utterance on: what is being said goes on as it began."""
        self._config = config
        if not self._open:
            self._recognizer = None

    def handle(self, requests: list[Request], *, behind: bool, late: bool) -> Done:
        """Do what the first of REQUESTS ask for, up to a turn's audio, and drop them from the list.

        ``behind``: no partials are made, the words themselves need the time. ``late``: the audio is a recording's.
        Raises EngineError.
        """
        began, left, audio = time.monotonic(), STEP_SECONDS if late else TURN_SECONDS, 0.0
        replies = []
        while requests and left > 0 and not self.ended:
            request = requests[0]
            match request.message:
                case Audio(pcm):
                    self._begin(late=late)
                    decoded, text = self._decode(request, pcm, left, behind=behind)
                    left, audio = left - decoded, audio + decoded
                    if text is None:
                        break
                    replies.append(Reply(text, request))
                case Finish(close=close):
                    replies.append(Reply(self.finish(), request))
                    self.ended = close
                case Configure():
                    self.configure(request.message)
            requests.pop(0)
        took = time.monotonic() - began
        metrics.AUDIO.inc(audio)
        metrics.DECODING.inc(took)
        return Done(tuple(replies), audio, took)

    def finish(self) -> str:
        """The final of what was said since the last one."""
        self._open, self._partial, self._news = False, _NOTHING, False
        if self._recognizer is None:
            return '{"text": ""}'
        if rest := self._take(b"", SAMPLE_BYTES):
            self._recognizer.accept(rest)
        final = self._recognizer.final()
        if self._recognizer.release() or self._config != self._begun:
            self._recognizer = None
        return final

    @property
    def in_utterance(self) -> bool:
        """Whether there is audio that no final has answered yet."""
        return self._open

    def _begin(self, *, late: bool) -> None:
        if self._recognizer is None:
            config = self._begun = self._config
            self._recognizer = self._engine.recognizer(
                config.sample_rate,
                config.phrases,
                words=config.words,
                max_alternatives=config.max_alternatives,
                at=self._clock,
                late=late,
            )

    def _decode(
        self, request: Request, pcm: bytes, seconds: float, *, behind: bool
    ) -> tuple[float, str | None]:
        """Decode SECONDS of a message's rest at most; how many it were, and the reply once nothing is left."""
        if self._recognizer is None:
            raise AssertionError("audio is decoded by a recogniser")
        self._open = True
        rate = self._begun.sample_rate
        step = int(rate * STEP_SECONDS) * SAMPLE_BYTES
        most = max(1, round(seconds / STEP_SECONDS)) * step
        fresh = pcm[request.done : request.done + most]
        request.done += len(fresh)
        decoded = len(fresh) / (request.rate * SAMPLE_BYTES)
        piece = self._take(fresh, int(rate * _FRAME_SECONDS) * SAMPLE_BYTES)
        ended = bool(piece) and self._recognizer.accept(piece)
        self._news |= bool(piece)
        if request.done < len(pcm):  # an end that Vosk saw in its midst is no answer to the whole message
            return decoded, None
        if ended:
            self._partial, self._news = _NOTHING, False
            return decoded, self._recognizer.result()
        if behind:
            metrics.PARTIALS_SKIPPED.inc()
        elif self._news:
            self._partial, self._news = self._recognizer.partial(), False
        return decoded, self._partial

    def _take(self, fresh: bytes, unit: int) -> bytes:
        """What is not decoded yet, FRESH at its end, in whole UNITs of bytes."""
        pcm = self._rest + fresh
        whole = len(pcm) - len(pcm) % unit
        self._rest = pcm[whole:]
        self._clock += whole / (self._begun.sample_rate * SAMPLE_BYTES)
        return pcm[:whole]
