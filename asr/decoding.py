"""The recogniser of one stream: its messages in order, in pieces that hold a thread for a bounded time."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from asr import metrics
from asr.protocol import Audio, Configure, Finish, ProtocolError

if TYPE_CHECKING:
    from asr.engine import Engine, Recognizer

TURN_SECONDS = 0.8
"""Audio decoded at most before others have their turn."""

SAMPLE_BYTES = 2
_STEP_SECONDS = (
    0.2  # Vosk decodes in steps of this length: audio cut at their ends is heard as if it were whole
)
_NOTHING = '{"partial" : ""}'


@dataclass(slots=True)
class Request:
    """A client's message; ``at`` is when it came, by time.monotonic. Of audio, ``done`` bytes are decoded."""

    message: Configure | Audio | Finish
    at: float
    done: int = 0


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
        self._config = Configure()
        self._recognizer: Recognizer | None = None
        self._partial = _NOTHING  # the last one
        self._open = False  # there is audio since the last final
        self.ended = False

    def configure(self, config: Configure) -> None:
        """Decode so; raises ProtocolError once there was audio."""
        if self._recognizer is not None:
            raise ProtocolError("config after audio; open another stream for another configuration")
        self._config = config

    def handle(self, requests: list[Request], *, behind: bool) -> Done:
        """Do what the first of REQUESTS ask for, as far as one turn goes, and drop them from the list.

        ``behind``: no partials are made, the words themselves need the time. Raises EngineError.
        """
        began, left, audio = time.monotonic(), TURN_SECONDS, 0.0
        replies = []
        while requests and left > 0 and not self.ended:
            request = requests[0]
            match request.message:
                case Audio(pcm):
                    seconds, text = self._decode(request, pcm, left, behind=behind)
                    left, audio = left - seconds, audio + seconds
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
        self._open, self._partial = False, _NOTHING
        return self._recognizer.final() if self._recognizer else '{"text": ""}'

    @property
    def in_utterance(self) -> bool:
        """Whether there is audio that no final has answered yet."""
        return self._open

    def _decode(
        self, request: Request, pcm: bytes, seconds: float, *, behind: bool
    ) -> tuple[float, str | None]:
        """Decode SECONDS of a message's rest at most; how many it were, and the reply once nothing is left."""
        if self._recognizer is None:
            config = self._config
            self._recognizer = self._engine.recognizer(
                config.sample_rate,
                config.phrases,
                words=config.words,
                max_alternatives=config.max_alternatives,
            )
        self._open = True
        rate = self._config.sample_rate
        step = int(rate * _STEP_SECONDS) * SAMPLE_BYTES
        most = max(1, round(seconds / _STEP_SECONDS)) * step
        piece = pcm[request.done : request.done + most]
        ended = self._recognizer.accept(piece)
        request.done += len(piece)
        decoded = len(piece) / (rate * SAMPLE_BYTES)
        if request.done < len(pcm):  # an end that Vosk saw in its midst is no answer to the whole message
            return decoded, None
        if ended:
            self._partial = _NOTHING
            return decoded, self._recognizer.result()
        if behind:
            metrics.PARTIALS_SKIPPED.inc()
        else:
            self._partial = self._recognizer.partial()
        return decoded, self._partial
