"""What a line carries while nobody speaks; the network must learn to hear no words in it."""

import random
from collections.abc import Sequence

import numpy as np

from asr.demo_model.channel import Samples, make_noise
from asr.demo_model.dice import happens
from asr.demo_model.features import SAMPLE_RATE
from asr.demo_model.utterance import Segment, Utterance
from asr.demo_model.vocabulary import SILENCE

_LOW_KEY, _HIGH_KEY = (697, 770, 852, 941), (1209, 1336, 1477, 1633)


def make_nonspeech(rng: random.Random) -> Utterance:
    """Make 1 to 4 s without speech: silence, noise, dial and ringing tones, beeps, or keys pressed."""
    count = int(rng.uniform(1, 4) * SAMPLE_RATE)
    kind = rng.choice(("quiet", "tones", "tones", "keys"))
    if kind == "quiet":
        samples: Samples = make_noise(rng, count) * rng.choice([0, 0.01, 1])
    elif kind == "tones":
        samples = _make_tones(rng, count)
    else:
        samples = _press_keys(rng, count)
    return Utterance(samples, (Segment(0.0, SILENCE),), (0, count))


def _sound(hertz: Sequence[float], count: int) -> Samples:
    time = np.arange(count) / SAMPLE_RATE
    sound: Samples = np.sum([np.sin(2 * np.pi * hz * time) for hz in hertz], axis=0)
    return sound


def _make_tones(rng: random.Random, count: int) -> Samples:
    samples: Samples = np.zeros(count)
    for _ in range(rng.randint(1, 4)):
        tones: list[float] = rng.choice([[450], [425], [440, 480], [350, 440], [rng.uniform(200, 3000)]])
        first = rng.randrange(count)
        last = min(count, first + int(rng.choice([0.05, 0.1, 0.2, 1, 4]) * SAMPLE_RATE))
        samples[first:last] += _sound(tones, last - first)
    return samples


def _press_keys(rng: random.Random, count: int) -> Samples:
    """In-band DTMF (ITU-T Q.23): keys of 50 to 250 ms, one after the other or the same one again and again."""
    samples: Samples = np.zeros(count)
    same = rng.uniform(0, 1)
    key = (rng.choice(_LOW_KEY), rng.choice(_HIGH_KEY))
    at = 0
    while at < count:
        if not happens(rng, same):
            key = (rng.choice(_LOW_KEY), rng.choice(_HIGH_KEY))
        last = min(count, at + int(rng.uniform(0.05, 0.25) * SAMPLE_RATE))
        samples[at:last] = _sound(key, last - at)
        at = last + int(rng.uniform(0.04, 0.6) * SAMPLE_RATE)
    return samples
