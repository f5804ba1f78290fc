"""When a caller speaks, though nobody understands him."""

from __future__ import annotations

from typing import TYPE_CHECKING

from asr.endpoint import RATE, Began, Ended, Endpointer
from asr.hearing import SpeechStarted
from asr.transcript import Utterance

if TYPE_CHECKING:
    from collections.abc import Callable

    from asr.echo import Echo


class Voice:
    """Stands in for an `asr.ear.Ear` where no speech server does: the same phrases in the same audio, without words.

    START is the recording time, in seconds, of the first byte fed; a pause of END_SILENCE seconds ends a phrase.
    ``on_event`` gets each phrase's beginning and, unconfirmed and without text, its end. What ``echo`` knows as our own
    prompt is no voice.
    """

    def __init__(
        self,
        end_silence: float,
        start: float,
        on_event: Callable[[SpeechStarted | Utterance], None],
        echo: Echo | None = None,
    ) -> None:
        self._endpointer = Endpointer(end_silence, echo, round(start * RATE))
        self._start, self._tell = start, on_event
        self._closed = False

    def feed(self, pcm: bytes) -> None:
        """Hear PCM (s16le, 8 kHz, mono), any length. Does nothing once finished or closed."""
        if self._closed:
            return
        for event in self._endpointer.feed(pcm):
            match event:
                case Began(at=at):
                    self._tell(SpeechStarted(self._at(at)))
                case Ended(start, end, level):
                    self._tell(
                        Utterance(
                            "", (), self._at(start), self._at(end), 0.0, round(level, 1), confirmed=False
                        )
                    )

    async def finish(self, _timeout_s: float) -> None:
        """Listen no more; the phrase being spoken has no words to wait for."""
        self.close()

    def close(self) -> list[Utterance]:
        """Listen no more; nothing was understood that could be kept."""
        self._closed = True
        return []

    def _at(self, seconds: float) -> float:
        return round(self._start + seconds, 3)
