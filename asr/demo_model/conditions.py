"""Under which conditions the model is measured: who says what, through which line."""

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from asr.demo_model.channel import Samples, add_noise, band_pass, drop_frames, scale_to_peak
from asr.demo_model.grammar import spell_mobile
from asr.demo_model.source import Source
from asr.demo_model.texts import Text, hold_out
from asr.demo_model.voices import load_voices

_PLAIN_VOICE = ("",)
_PEAK = -9.0
_DIGITS = tuple("零一二三四五六七八九幺两")

Line = Callable[[Samples, random.Random], Samples]
"""What a condition does to clean speech before the codec: 8 kHz, result on the 16-bit scale."""


@dataclass(frozen=True, slots=True)
class Condition:
    """What is said, by which voices, and through which line."""

    name: str
    says: str
    texts: Sequence[Text]
    variants: Sequence[str]
    line: Line
    mu_law: bool = False
    default_prosody: bool = False
    spaced: bool = False
    phrases: tuple[str, ...] = ()


def _at_peak(peak_dbfs: float) -> Line:
    return lambda samples, _rng: scale_to_peak(samples, peak_dbfs)


def _noisy_telephone(samples: Samples, rng: random.Random) -> Samples:
    narrow = scale_to_peak(band_pass(samples, 3, 250, 3400), rng.uniform(-12, -6))
    return add_noise(narrow, rng, rng.uniform(15, 25))


def _lossy(samples: Samples, rng: random.Random) -> Samples:
    return drop_frames(scale_to_peak(samples, _PEAK), rng, 0.01)


def list_conditions(source: Source) -> list[Condition]:
    """Every condition the manifest reports."""
    held = hold_out(source.grammar)
    sentences = held[:200]
    rng = random.Random(7)
    mobiles = [tuple(spell_mobile(rng)) for _ in range(100)]
    short = sorted({tuple(source.grammar.draw(rng, rule)) for rule in ("answer", "flow") for _ in range(150)})
    salad = [tuple(rng.choice(source.vocabulary.words) for _ in range(5)) for _ in range(100)]
    known = sorted({tuple(source.grammar.draw(rng, "known")) for _ in range(400)})
    unseen = load_voices().held_out
    both = (*_PLAIN_VOICE, *unseen)
    clean = _at_peak(_PEAK)
    return [
        Condition(
            "held_out_voices",
            "held-out sentences, four unseen voices, 250-3400 Hz, SNR 15-25 dB, A-law",
            held,
            unseen,
            _noisy_telephone,
        ),
        Condition(
            "plain_a_law",
            "held-out sentences, plain voice, A-law",
            sentences,
            _PLAIN_VOICE,
            clean,
            default_prosody=True,
        ),
        Condition(
            "plain_mu_law",
            "held-out sentences, plain voice, µ-law",
            sentences,
            _PLAIN_VOICE,
            clean,
            mu_law=True,
            default_prosody=True,
        ),
        Condition(
            "plain_loud",
            "plain voice, peak -1 dBFS, A-law",
            sentences,
            _PLAIN_VOICE,
            _at_peak(-1),
            default_prosody=True,
        ),
        Condition(
            "plain_quiet",
            "plain voice, peak -35 dBFS, A-law",
            sentences,
            _PLAIN_VOICE,
            _at_peak(-35),
            default_prosody=True,
        ),
        Condition(
            "lost_frames", "held-out sentences, 1 % of 20 ms frames silent, A-law", sentences, both, _lossy
        ),
        Condition(
            "demonstration",
            "the sentences of the demonstration calls, plain voice, A-law",
            known,
            _PLAIN_VOICE,
            clean,
            default_prosody=True,
        ),
        Condition(
            "demonstration_spaced",
            "the same, every syllable apart",
            known,
            _PLAIN_VOICE,
            clean,
            default_prosody=True,
            spaced=True,
        ),
        Condition(
            "short_answers", "short answers and requests, plain and unseen voices, A-law", short, both, clean
        ),
        Condition(
            "mobile_numbers",
            "11-digit numbers, digit grammar, plain and unseen voices, A-law",
            mobiles,
            both,
            clean,
            phrases=_DIGITS,
        ),
        Condition(
            "mobile_numbers_free",
            "11-digit numbers, no grammar, plain and unseen voices, A-law",
            mobiles,
            both,
            clean,
        ),
        Condition("random_words", "five random words, plain and unseen voices, A-law", salad, both, clean),
    ]
