"""One spoken sentence: what espeak-ng says, at 8 kHz, with the time and name of every phone."""

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import soxr

from asr.demo_model.channel import Samples
from asr.demo_model.dice import happens
from asr.demo_model.espeak import PLAIN, Espeak, PhoneEvent, Prosody
from asr.demo_model.features import SAMPLE_RATE
from asr.demo_model.lexicon import split_er
from asr.demo_model.vocabulary import GARBAGE, SILENCE, UNKNOWN, Pronunciation

_SHORTEST_PAUSE = 0.045
"""Seconds; a shorter gap is the closure of the phone after it."""
_INT16 = 32768.0
_TONES = "1234"


@dataclass(frozen=True, slots=True)
class Delivery:
    """How a sentence is delivered.

    `spaced` parts all syllables, as a synthesiser fed character by character does; `stretch` plays it faster (above 1)
    or slower with its pitch; `before` and `after` are seconds of silence.
    """

    variant: str = ""
    prosody: Prosody = PLAIN
    spaced: bool = False
    stretch: float = 1.0
    before: float = 0.3
    after: float = 0.5


@dataclass(frozen=True, slots=True)
class Segment:
    """The phone `label` begins at `start` seconds."""

    start: float
    label: str


@dataclass(frozen=True, slots=True)
class Utterance:
    """Clean samples at 8 kHz (full scale 1), the phones in time order, and where speech begins and ends (samples)."""

    samples: Samples
    segments: tuple[Segment, ...]
    speech: tuple[int, int]


class Speaker:
    """Speaks words of the lexicon with this process's synthesiser."""

    def __init__(
        self,
        espeak: Espeak,
        lexicon: Mapping[str, Pronunciation],
        syllables: Sequence[tuple[str, tuple[str, ...]]] = (),
    ) -> None:
        """Take the synthesiser, the words, and the toneless syllables that `[unk]` may be (none: no `[unk]`)."""
        self._espeak = espeak
        self._lexicon = lexicon
        self._syllables = syllables

    def say(
        self, words: Sequence[str], delivery: Delivery, rng: random.Random | None = None
    ) -> Utterance | None:
        """Say words; `[unk]` is said as one to four random syllables.

        Args:
            words: words of the lexicon or `[unk]`.
            delivery: voice and timing.
            rng: draws how words are joined and where commas stand; without it words are joined by spaces.

        Returns:
            Nothing if espeak-ng made other phones of the sentence than of its words (it happens at some joins).
        """
        texts: list[str] = []
        expected: list[tuple[str, str]] = []  # phone, label
        for word in words:
            if word == UNKNOWN:
                syllables, phones = self._babble(rng or random.Random(0))
                expected += [(phone, GARBAGE) for phone in phones]
            else:
                syllables, phones = self._lexicon[word].pinyin, self._lexicon[word].phones
                expected += [(phone, phone) for phone in phones]
            texts.append((" " if delivery.spaced else "").join(syllables))
        speech = self._espeak.say(_join(texts, rng), delivery.variant, delivery.prosody)
        events = list(split_er(speech.phones))
        if [e.name for e in events if not e.is_pause] != [phone for phone, _ in expected]:
            return None
        rate = self._espeak.sample_rate * delivery.stretch
        voice: Samples = soxr.resample(
            speech.samples.astype(np.float64) / _INT16, rate, SAMPLE_RATE, quality="MQ"
        )
        before, after = (np.zeros(int(s * SAMPLE_RATE)) for s in (delivery.before, delivery.after))
        timed = [(delivery.before + e.sample / rate, e) for e in events]
        end = delivery.before + len(speech.samples) / rate
        segments = _segment(timed, [label for _, label in expected], end)
        samples = np.concatenate([before, voice, after])
        return Utterance(samples, segments, (len(before), len(before) + len(voice)))

    def _babble(self, rng: random.Random) -> tuple[tuple[str, ...], tuple[str, ...]]:
        chosen = [rng.choice(self._syllables) for _ in range(rng.randint(1, 4))]
        syllables = tuple(name + rng.choice(_TONES) for name, _ in chosen)
        return syllables, tuple(phone for _, phones in chosen for phone in phones)


def _join(texts: Sequence[str], rng: random.Random | None) -> str:
    if rng is None:
        return " ".join(texts)
    tight = rng.choice([0, 0.3, 0.6, 1.0])
    text = texts[0]
    for following in texts[1:]:
        comma = happens(rng, 0.05)
        text += (", " if comma else "" if happens(rng, tight) else " ") + following
    return text


def _segment(
    timed: Sequence[tuple[float, PhoneEvent]], labels: Sequence[str], end: float
) -> tuple[Segment, ...]:
    """Turn events into segments: long pauses are silence, short ones belong to the next phone."""
    segments = [Segment(0.0, SILENCE)]
    remaining = iter(labels)
    closure: float | None = None
    for index, (time, event) in enumerate(timed):
        if event.is_pause:
            last = index + 1 == len(timed)
            if last or timed[index + 1][0] - time >= _SHORTEST_PAUSE:
                segments.append(Segment(time, SILENCE))
                closure = None
            else:
                closure = time
            continue
        label = next(remaining)
        if not (label == GARBAGE == segments[-1].label):
            segments.append(Segment(time if closure is None else closure, label))
        closure = None
    if segments[-1].label != SILENCE:
        segments.append(Segment(end, SILENCE))
    return tuple(segments)
