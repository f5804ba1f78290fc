"""From a caller's audio to what was said, sans-IO: audio in, messages for the recogniser out; replies in, events out.

Ear (live) and offline (from the recording) drive the same code, so both hear the same in the same audio.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from asr.endpoint import RATE, Began, Ended, Endpointer, Piece, Rested
from asr.protocol import Final
from asr.transcript import Utterance, Word

if TYPE_CHECKING:
    from asr.echo import Echo
    from asr.endpoint import Cut
    from asr.protocol import Partial

_SAMPLE_BYTES = 2
_HUMS = frozenset("嗯呃唔哼")  # words that are nothing but a voice


@dataclass(frozen=True, slots=True)
class SpeechStarted:
    """A phrase began; ``at`` in seconds of the recording."""

    at: float


@dataclass(frozen=True, slots=True)
class PartialText:
    """What is understood so far of a phrase that goes on, from ``began`` up to ``at``, in seconds of the recording.

    ``pitched`` says that a voice has hummed in it, ``level`` is its level in dBFS. ``settled``: the caller rests, and
    this is all that he has said. ``freely``: heard once more, and not among a question's words.
    """

    at: float
    text: str
    began: float
    pitched: bool
    level: float
    settled: bool = False
    freely: bool = False


@dataclass(slots=True)
class Phrase:
    """A phrase on its way, begun at ``began``. ``shift`` takes the stream's word times to seconds of the recording.

    Its ``audio`` begins at ``since`` and has gone out up to ``sent``; ``answered`` tells up to where it has been
    understood. ``rests``: the caller does.
    """

    began: float
    since: float
    shift: float
    audio: list[bytes] = field(default_factory=list)
    sent: float = 0.0
    answered: float = 0.0
    rests: bool = False
    ended: Ended | None = None
    pitched: bool = False
    level: float = 0.0
    partial: str = ""
    texts: list[str] = field(default_factory=list)
    words: list[Word] = field(default_factory=list)

    @property
    def text(self) -> str:
        """What is understood of it so far."""
        return "".join(self.texts) + self.partial

    def heard_again(self, heard: Final) -> Utterance:
        """As other ears HEARD it, for which its audio was all there is; only when it has ended."""
        words = [_moved(word, self.since) for word in heard.words]
        return _utterance(replace(self, texts=[heard.text], partial="", words=words), confirmed=True)


@dataclass(frozen=True, slots=True)
class _Asked:
    """A message the recogniser has yet to answer: audio up to ``until``, or (None) the phrase's final."""

    phrase: Phrase
    until: float | None


class Hearing:
    """Phrases of one stream. ``start`` is the recording time, in seconds, of the first byte fed.

    ``outgoing`` holds what is to be sent, in order: audio, or None to ask for the final. Every message is answered
    by exactly one reply, to be given to ``take`` in order. What ``echo`` knows as our own prompt is not heard.
    """

    def __init__(self, end_silence: float, start: float, echo: Echo | None = None) -> None:
        self.outgoing: deque[bytes | None] = deque()
        self._endpointer = Endpointer(end_silence, echo, round(start * RATE))
        self._start = start
        self._fed = 0.0  # seconds of audio taken so far
        self._sent = 0.0  # seconds of audio in the stream so far: the stream's own clock
        self._phrase: Phrase | None = None  # the one being spoken
        self._told: Phrase | None = None  # the one that was told of last
        self._asked: deque[_Asked] = deque()

    @property
    def unanswered(self) -> int:
        """Messages given out that no reply has come to."""
        return len(self._asked)

    def feed(self, pcm: bytes) -> list[SpeechStarted | PartialText]:
        """Take the caller's audio (s16le, 8 kHz, mono, any length)."""
        self._fed += len(pcm) / (RATE * _SAMPLE_BYTES)
        return self._follow(self._endpointer.feed(pcm))

    def finish(self) -> bool:
        """End the phrase being spoken, nothing more will be fed; false when nobody is speaking."""
        speaking = self.speaking
        self._follow(self._endpointer.finish())
        return speaking

    @property
    def speaking(self) -> bool:
        """Whether a phrase is open."""
        return self._phrase is not None

    @property
    def understood_until(self) -> float:
        """Recording time up to which everything said has been answered for."""
        open_ = [self._phrase.began] if self._phrase else []
        return min((*(asked.phrase.began for asked in self._asked), *open_), default=self._at(self._fed))

    def restart(self) -> None:
        """Go on with a new stream; only while nobody speaks and nothing is unanswered."""
        self._sent = 0.0

    def take(self, reply: Partial | Final) -> PartialText | Utterance | None:
        """Take the next reply, and tell what is new."""
        asked = self._asked.popleft()
        phrase = self._told = asked.phrase
        before = phrase.text
        if isinstance(
            reply, Final
        ):  # in the middle of a phrase: an end that Vosk saw and the endpointer did not
            phrase.texts.append(reply.text)
            phrase.words += (_moved(w, phrase.shift) for w in reply.words)
            phrase.partial = ""
        else:
            phrase.partial = reply.text
        if asked.until is None:
            return _utterance(phrase, confirmed=True)
        phrase.answered = asked.until
        return _tell(phrase) if phrase.text != before or _is_settled(phrase) else None

    @property
    def told(self) -> Phrase:
        """The phrase that something was told of last."""
        if self._told is None:
            raise AssertionError("nothing was told of yet")
        return self._told

    def abandon(self) -> list[Utterance]:
        """Give up on the recogniser: the phrases that ended without an answer, with what was understood of them."""
        lost = [_utterance(a.phrase, confirmed=False) for a in self._asked if a.until is None]
        self._asked.clear()
        self.outgoing.clear()
        return lost

    def _follow(self, events: list[Cut]) -> list[SpeechStarted | PartialText]:
        told: list[SpeechStarted | PartialText] = []
        for event in events:
            match event:
                case Began(at, audio_from):
                    since = self._start + audio_from
                    self._phrase = Phrase(self._at(at), since, since - self._sent)
                    told.append(SpeechStarted(self._at(at)))
                case Piece(pcm, until):
                    phrase = self._current
                    phrase.pitched, phrase.level = self._endpointer.pitched, round(self._endpointer.level, 1)
                    phrase.sent, phrase.rests = self._at(until), False
                    phrase.audio.append(pcm)
                    self._ask(pcm, phrase.sent)
                    self._sent += len(pcm) / (RATE * _SAMPLE_BYTES)
                case Rested():
                    self._current.rests = True
                    if _is_settled(self._current):
                        self._told = self._current
                        told.append(_tell(self._current))
                case Ended(begin, end, level, pitched):
                    self._current.ended = Ended(self._at(begin), self._at(end), round(level, 1), pitched)
                    self._ask(None, None)
                    self._phrase = None
        return told

    def _at(self, seconds: float) -> float:
        return round(self._start + seconds, 3)

    @property
    def _current(self) -> Phrase:
        if self._phrase is None:
            raise AssertionError("the endpointer gave audio outside a phrase")
        return self._phrase

    def _ask(self, message: bytes | None, until: float | None) -> None:
        self._asked.append(_Asked(self._current, until))
        self.outgoing.append(message)


def _is_settled(phrase: Phrase) -> bool:
    """Whether the caller rests, and all that he has said is understood."""
    return phrase.rests and phrase.answered == phrase.sent and phrase.text != ""


def _tell(phrase: Phrase) -> PartialText:
    settled = _is_settled(phrase)
    return PartialText(phrase.answered, phrase.text, phrase.began, phrase.pitched, phrase.level, settled)


def _moved(word: Word, shift: float) -> Word:
    return replace(word, start=round(word.start + shift, 3), end=round(word.end + shift, 3))


def _confidence(known: tuple[Word, ...], words: list[Word]) -> float:
    """How surely the whole phrase was heard: an answer amid what is no word of the model's is but a part of it."""
    if not known:
        return 0.0
    mean = sum(w.confidence for w in known) / len(known)
    whole = sum(w.end - w.start for w in words)
    return mean * sum(w.end - w.start for w in known) / whole if len(known) < len(words) and whole else mean


def _utterance(phrase: Phrase, *, confirmed: bool) -> Utterance:
    ended = phrase.ended
    if ended is None:
        raise AssertionError("only a phrase that has ended becomes an utterance")
    words = tuple(w for w in phrase.words if w.text)
    text = phrase.text
    if text in _HUMS and not ended.pitched:  # noise: whoever says so hums
        text, words = "", ()
    return Utterance(
        text,
        words,
        ended.start,
        ended.end,
        round(_confidence(words, phrase.words), 4),
        ended.level,
        confirmed,
        pitched=ended.pitched,
    )
