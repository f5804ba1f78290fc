"""What the caller says: one ear a question, fed with his audio, its words taken down and told."""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Literal

from asr.ear import Deaf, Ear, HeardAgain, PartialText
from asr.ear import SpeechStarted as EarSpeechStarted
from asr.echo import Echo
from asr.endpoint import RATE
from asr.transcript import Utterance
from asr.voice import Voice
from gateway.calls.doubt import believe, is_doubtful
from gateway.site import metrics
from ivr.events import Alarmed, EarLost, Heard, SpeechStarted, WordsBegan
from ivr.hearing import FAINT, is_faint
from recordings import entries
from tickets.meaning.risk_rules import phrases
from tickets.meaning.watch import Watch

if TYPE_CHECKING:
    from collections.abc import Callable

    from asr.client import AsrClient
    from asr.ear import EarEvent
    from asr.protocol import Purpose
    from gateway.calls.scribe import Scribe
    from ivr.actions import Listen
    from ivr.events import Event
    from ivr.words import Words
    from tickets.meaning.risk import Risk

log = logging.getLogger(__name__)

_FLUSH_SECONDS = 0.6  # how long the words of a phrase that was cut off are waited for
_JITTER_SECONDS = 0.2  # how far sound lags behind keys on a line that is not smooth
_SPEECH_SECONDS = 0.5  # a shorter sound without words is none
_BYTES_PER_SECOND = 16000
_GAP = bytes(_BYTES_PER_SECOND)  # a second of what nobody heard


class Listener:
    """Listens to one caller. ``tell`` gets what it hears, on the loop, ``fail`` an error in that.

    ``now`` and ``question`` are the call's; ``sounded`` tells what he was played, from a sample of the recording on and
    for so many (nothing: silence). ``least`` is how sure an answer to a question must be to be taken, ``words``
    are the flow's. While the dialogue has it listen and nobody can, it is *deaf*. On an anonymous line nobody looks for
    danger in what is said, and nothing is heard twice.
    """

    def __init__(
        self,
        asr: AsrClient,
        scribe: Scribe,
        tell: Callable[[Event], None],
        fail: Callable[[BaseException], None],
        now: Callable[[], float],
        question: Callable[[], str],
        sounded: Callable[[int, int], bytes],
        least: Callable[[str], float],
        words: Words,
    ) -> None:
        self._asr, self._scribe, self._fail = asr, scribe, fail
        self._tell, self._now, self._question = tell, now, question
        self._sounded, self._echo = sounded, Echo()
        self._least, self._words = least, words
        self._alarmed = -1.0  # when the phrase began in which there was danger
        self._ear: Ear | Voice | None = None
        self._listen: Listen | None = None
        self._held: list[Alarmed | Heard] | None = None  # what is told while a key or the end waits for it
        self._watch = Watch()
        self._worded = 0.0  # when the phrase began whose first words were told last
        self._position = 0.0  # recording time of the next byte fed
        self._fed = asyncio.Event()
        self._missed = 0.0  # seconds that never came here, so far
        self._deaf = False
        self._was_deaf = False

    def feed(self, pcm: bytes, missed_seconds: float) -> None:
        """Hear the caller's audio (s16le, 8 kHz, mono); never blocks.

        ``missed_seconds`` is how much of it in all, before this, was lost because it was fetched too late.
        """
        if missed_seconds > self._missed:
            gap, self._missed = missed_seconds - self._missed, missed_seconds
            self._pass_over(gap)
        at = round(self._position * RATE)
        if played := self._sounded(at, len(pcm) // 2):
            self._echo.play(at, played)
        if pcm and self._ear is not None:
            self._ear.feed(pcm)
        self._position += len(pcm) / _BYTES_PER_SECOND
        self._fed.set()

    def _pass_over(self, seconds: float) -> None:
        """Audio was lost on its way here: to the ear it is silence, and the recording will tell what was said in it."""
        if self._ear is None or self._deaf:
            self._position += seconds
            return
        log.warning("the caller was not heard for %.1f s: the event loop stood still", seconds)
        self.go_deaf("the gateway was too slow to listen", self._position, "late")
        rest = round(seconds * _BYTES_PER_SECOND / 2) * 2
        while rest:
            silence = _GAP[:rest]
            self._ear.feed(silence)
            rest -= len(silence)
        self._position += seconds
        self.hear_again()

    def listen(self, listen: Listen) -> None:
        """Listen as LISTEN says, and no more to what was asked before."""
        self.stop()
        self._watch = Watch()
        self._open(listen)

    async def flush(self, *, on: bool) -> list[Alarmed | Heard]:
        """End the phrase the caller is in; it and any still unanswered one, in order.

        ``on``: the call goes on, and he may speak on while the words are waited for.
        """
        ear = self._ear
        if ear is None:
            return []
        self._held = []
        if on and isinstance(ear, Ear) and ear.speaking:
            await self._hear_out()
        self._ear = None
        if self._listen is not None and on:
            self._open(self._listen)
        utterance = await ear.finish(_FLUSH_SECONDS)
        held, self._held = self._held, None
        if utterance is not None:
            held += self._hear(utterance)
        return held

    async def _hear_out(self) -> None:
        """Wait for what he said before the key: sound comes through the jitter buffer, keys go past it."""
        until = self._position + _JITTER_SECONDS
        with suppress(TimeoutError):  # no sound comes: the line is dead, or on hold
            async with asyncio.timeout(2 * _JITTER_SECONDS):
                while self._position < until:
                    self._fed.clear()
                    await self._fed.wait()

    def stop(self) -> None:
        """Listen no more; words that the dialogue no longer waits for are taken down, to be completed later."""
        self._listen = None
        ear, self._ear = self._ear, None
        if ear is not None:
            for utterance in ear.close():
                if utterance.text or utterance.end - utterance.start >= _SPEECH_SECONDS:
                    self._scribe.take_down(utterance, self._question())

    def follow(self, *, hears: bool) -> None:
        """The dialogue can be answered by speech again, or not: write it, unless the ear itself has told."""
        if hears and self._deaf:
            self.hear_again()
        elif not hears and not self._deaf:
            self.go_deaf("speech recognition is out of reach", self._position, "away")

    def go_deaf(self, reason: str, since: float, why: Literal["busy", "lost", "away", "late"]) -> None:
        """Write that from SINCE on, in seconds of the recording, nobody understands what is said."""
        metrics.HEARING_LOST.labels(why).inc()
        if not self._was_deaf:
            metrics.DEAF.inc()
        self._deaf = self._was_deaf = True
        self._scribe.note(entries.Deaf(reason, round(since, 3)))

    def hear_again(self) -> None:
        """Write that somebody listens from here on."""
        self._deaf = False
        self._scribe.note(entries.Hearing(round(self._position, 3)))

    def _open(self, listen: Listen) -> None:
        self._listen = listen
        if not listen.words:
            self._ear = Voice(listen.end_silence, self._position, self._sense, self._echo)
            return
        purpose: Purpose = "dictation" if listen.phrases is None else "question"
        answers, begun = listen.phrases, self._position
        doubts = None
        if answers is not None and not self._scribe.anonymous:  # or danger could not be heard among them
            answers, doubts = (*answers, *phrases()), self._doubts

        def sound(event: EarEvent) -> None:
            self._sound(event, of_present=self._ear is ear)

        ear = Ear(
            self._asr, answers, listen.end_silence, begun, sound, self._fail, purpose, self._echo, doubts
        )
        self._ear = ear

    def _sense(self, event: EarSpeechStarted | Utterance) -> None:
        """He speaks, or has spoken: that is all that is known of it, and nothing to take down."""
        match event:
            case EarSpeechStarted(at=start):
                self._tell(SpeechStarted(self._now(), start))
            case Utterance():
                self._tell(self._understand(event))

    def _sound(self, event: EarEvent, *, of_present: bool) -> None:
        """What an ear tells, in recording time, becomes what the dialogue understands."""
        match event:
            case EarSpeechStarted(at=start):
                self._tell(SpeechStarted(self._now(), start))
            case PartialText():
                self._follow(event)
            case Utterance() | HeardAgain():
                for told in self._hear(event):
                    if self._held is None:
                        self._tell(told)
                    else:
                        self._held.append(told)
            case Deaf() if of_present:
                log.warning("speech recognition lost: %s", event.reason)
                self.go_deaf(event.reason, event.since, "busy" if event.busy else "lost")
                self._tell(EarLost(self._now()))
            case Deaf(reason=reason):
                # The present ear finds out for itself; what this one had not understood was told unconfirmed.
                log.info("speech recognition lost for a phrase that was over: %s", reason)

    def _follow(self, partial: PartialText) -> None:
        """A phrase goes on: show it, say when its first words have come, and look for danger in it."""
        text, began = partial.text, partial.began
        self._scribe.show(text)
        if text and partial.pitched and began != self._worded:
            self._worded = began
            self._tell(WordsBegan(self._now(), began))
        # What a list of answers makes of other words tells of danger wherever it is heard freely too.
        free = self._listen is None or self._listen.phrases is None or partial.freely
        if partial.level >= FAINT and free and not self._scribe.anonymous:
            for alarmed in self._alarm(self._watch.follow(text, began, settled=partial.settled), text, began):
                self._tell(alarmed)

    def _doubts(self, told: PartialText | Utterance) -> bool:
        """Whether a list of answers has made of a phrase what may be other words: danger, no answer, or nothing."""
        if isinstance(told, PartialText):
            return told.settled and told.level >= FAINT and self._watch.suspects(told.text)
        if not told.text:
            return told.confirmed and told.pitched and told.end - told.start >= _SPEECH_SECONDS
        return told.confirmed and (self._watch.suspects(told.text) or self._is_doubtful(told))

    def _hear(self, told: Utterance | HeardAgain) -> list[Alarmed | Heard]:
        """A phrase has ended; that there is danger in it is told before it."""
        utterance = believe(told, self._watch) if isinstance(told, HeardAgain) else told
        self._scribe.take_down(utterance, self._question())
        heard = self._understand(utterance)
        alarms: list[Alarmed] = []
        if not self._scribe.anonymous and not is_faint(heard):
            alarms = self._alarm(self._watch.end(heard.text, heard.start), heard.text, heard.start)
        if heard.start != self._alarmed and not self._is_answer(told, utterance):
            heard = replace(heard, text="")  # no answer is better than a wrong one
        return [*alarms, heard]

    def _is_answer(self, told: Utterance | HeardAgain, utterance: Utterance) -> bool:
        """Whether the dialogue gets to know of it: of what was in doubt only that he asks for a person."""
        if isinstance(told, HeardAgain):
            return utterance is told.freely and self._words.find_request(utterance.text) is not None
        return not self._is_doubtful(utterance)  # also while it is heard once more, when a key cuts that off

    def _is_doubtful(self, utterance: Utterance) -> bool:
        phrases = self._listen.phrases if self._listen else None
        least = (
            self._least(self._question()) if utterance.words else 0.0
        )  # else the server tells of no confidence
        text, confidence = utterance.text, utterance.confidence
        return phrases is not None and is_doubtful(text, confidence, least, phrases, self._words)

    def _alarm(self, risk: Risk | None, words: str, start: float) -> list[Alarmed]:
        if risk is None:
            return []
        self._alarmed = start
        return [Alarmed(self._now(), risk.kind, words, start)]

    def _understand(self, utterance: Utterance) -> Heard:
        return Heard(
            at=self._now(),
            text=utterance.text,
            confidence=utterance.confidence,
            start=utterance.start,
            end=utterance.end,
            level=utterance.level,
            confirmed=utterance.confirmed,
            pitched=utterance.pitched,
        )
