"""What the caller says: one ear a question, fed with his audio, its words taken down and told."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from asr.ear import Deaf, Ear, PartialText
from asr.ear import SpeechStarted as EarSpeechStarted
from asr.transcript import Utterance
from gateway.site import metrics
from ivr.events import EarLost, Heard, SpeechStarted
from recordings import entries

if TYPE_CHECKING:
    from collections.abc import Callable

    from asr.client import AsrClient
    from asr.ear import EarEvent
    from gateway.calls.scribe import Scribe
    from ivr.actions import Listen
    from ivr.events import Event

log = logging.getLogger(__name__)

_FLUSH_SECONDS = 0.6  # how long the words of a phrase that was cut off are waited for
_SPEECH_SECONDS = 0.5  # a shorter sound without words is none
_BYTES_PER_SECOND = 16000


class Listener:
    """Listens to one caller. ``tell`` gets what it hears, on the loop; ``now`` and ``question`` are the call's."""

    def __init__(
        self,
        asr: AsrClient,
        scribe: Scribe,
        tell: Callable[[Event], None],
        now: Callable[[], float],
        question: Callable[[], str],
    ) -> None:
        self._asr, self._scribe = asr, scribe
        self._tell, self._now, self._question = tell, now, question
        self._ear: Ear | None = None
        self._listen: Listen | None = None
        self._held: list[Heard] | None = None  # phrases told while a key or the end waits for them
        self._position = 0.0  # recording time of the next byte fed

    def feed(self, pcm: bytes) -> None:
        """Hear the caller's audio (s16le, 8 kHz, mono); never blocks."""
        if pcm and self._ear is not None:
            self._ear.feed(pcm)
        self._position += len(pcm) / _BYTES_PER_SECOND

    def listen(self, listen: Listen) -> None:
        """Listen as LISTEN says, and no more to what was asked before."""
        self.stop()
        self._open(listen)

    async def flush(self, *, on: bool) -> list[Heard]:
        """End the phrase the caller is in; it and any still unanswered one, in order.

        ``on``: the call goes on, and he may speak on while the words are waited for.
        """
        ear = self._ear
        if ear is None:
            return []
        self._ear, self._held = None, []
        if self._listen is not None and on:
            self._open(self._listen)
        utterance = await ear.finish(_FLUSH_SECONDS)
        held, self._held = self._held, None
        if utterance is not None:
            held.append(self._hear(utterance))
        return held

    def stop(self) -> None:
        """Listen no more; words that the dialogue no longer waits for are taken down, to be completed later."""
        self._listen = None
        ear, self._ear = self._ear, None
        if ear is not None:
            for utterance in ear.close():
                if utterance.text or utterance.end - utterance.start >= _SPEECH_SECONDS:
                    self._scribe.take_down(utterance, self._question())

    def go_deaf(self, reason: str) -> None:
        """Write that nobody listens from now on."""
        metrics.DEAF.inc()
        self._scribe.note(entries.Deaf(reason))

    def _open(self, listen: Listen) -> None:
        self._listen = listen
        self._ear = Ear(self._asr, listen.phrases, listen.end_silence, self._position, self._sound)

    def _sound(self, event: EarEvent) -> None:
        """What the ear tells, in recording time, becomes what the dialogue understands."""
        match event:
            case EarSpeechStarted(at=start):
                self._tell(SpeechStarted(self._now(), start))
            case PartialText(text=text):
                self._scribe.show(text)
            case Utterance():
                heard = self._hear(event)
                if self._held is None:
                    self._tell(heard)
                else:
                    self._held.append(heard)
            case Deaf(reason=reason):
                log.warning("speech recognition lost: %s", reason)
                self.go_deaf(reason)
                self._tell(EarLost(self._now()))

    def _hear(self, utterance: Utterance) -> Heard:
        self._scribe.take_down(utterance, self._question())
        return Heard(
            at=self._now(),
            text=utterance.text,
            confidence=utterance.confidence,
            start=utterance.start,
            end=utterance.end,
            level=utterance.level,
            confirmed=utterance.confirmed,
        )
