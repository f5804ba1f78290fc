"""What happens to speech between a mouth and the recogniser: room, line, level, noise, lost frames, codec.

Samples are 8 kHz floats; `Channel.carry` takes any scale and gives the 16-bit scale. The randomness is the caller's.
"""

import random

import numpy as np
import scipy.signal
from numpy.typing import NDArray

from asr.demo_model.dice import happens
from asr.demo_model.features import SAMPLE_RATE
from asr.demo_model.g711 import ALAW, ULAW, pass_through

Samples = NDArray[np.float64]

FULL_SCALE = 32767
RTP_FRAME = SAMPLE_RATE // 50
"""20 ms, the usual RTP packet."""
_NYQUIST_GUARD = 3800
_BABBLE_KEPT = 40
_TINY = 1e-9


def decibels(value: float) -> float:
    """Turn a level in dB into a factor."""
    return float(10 ** (value / 20))


def active_level(samples: Samples) -> float:
    """Root mean square of the samples louder than 2 % of the peak: the level of the speech without its pauses."""
    loud = samples[np.abs(samples) > 0.02 * np.abs(samples).max()]
    return float(np.sqrt(np.mean(loud * loud))) if len(loud) else 0.0


def band_pass(samples: Samples, order: int, low_hz: float, high_hz: float) -> Samples:
    """Filter to a telephone band."""
    b, a = scipy.signal.butter(order, [low_hz, high_hz], "band", fs=SAMPLE_RATE)
    filtered: Samples = scipy.signal.lfilter(b, a, samples)
    return filtered


def scale_to_peak(samples: Samples, peak_dbfs: float) -> Samples:
    """Set the peak, in dB under full scale of 16 bits."""
    peak = float(np.abs(samples).max()) + _TINY
    return samples / peak * FULL_SCALE * decibels(peak_dbfs)


def make_noise(rng: random.Random, count: int) -> Samples:
    """Make noise of level 1: white, coloured, mains hum with hiss, or a slowly swelling band."""
    generator = np.random.default_rng(rng.randrange(1 << 30))
    noise: Samples = generator.standard_normal(count)
    time = np.arange(count) / SAMPLE_RATE
    kind = rng.choices(("white", "coloured", "hum", "band"), (30, 40, 15, 15))[0]
    if kind == "coloured":
        noise = scipy.signal.lfilter([1.0], [1.0, -rng.uniform(0.7, 0.985)], noise)
    elif kind == "hum":
        base = rng.choice([50, 100, 120, 150, 180])
        hum = sum(np.sin(2 * np.pi * base * k * time + rng.uniform(0, 6)) / k for k in range(1, 6))
        noise = 0.3 * noise + hum * rng.uniform(0.5, 3)
    elif kind == "band":
        low = rng.uniform(100, 1500)
        noise = band_pass(noise, 2, low, min(_NYQUIST_GUARD, low + rng.uniform(300, 2000)))
        noise = noise * (1 + 0.8 * np.sin(2 * np.pi * rng.uniform(0.5, 6) * time))
    return noise / (float(np.sqrt(np.mean(noise * noise))) + _TINY)


def add_noise(samples: Samples, rng: random.Random, snr_db: float) -> Samples:
    """Add noise at a ratio to the active level of the speech."""
    return samples + make_noise(rng, len(samples)) * active_level(samples) * decibels(-snr_db)


def drop_frames(samples: Samples, rng: random.Random, rate: float) -> Samples:
    """Turn 20 ms frames into digital silence, each with probability `rate` (lost packets)."""
    out = samples.copy()
    for start in range(rng.randrange(RTP_FRAME), len(out), RTP_FRAME):
        if happens(rng, rate):
            out[start : start + RTP_FRAME] = 0
    return out


def round_samples(samples: Samples) -> Samples:
    """Round and clip to 16 bits."""
    rounded: Samples = np.clip(np.round(samples), -FULL_SCALE - 1, FULL_SCALE)
    return rounded


def _reverberate(samples: Samples, rng: random.Random) -> Samples:
    count = int(rng.uniform(0.08, 0.4) * SAMPLE_RATE)
    generator = np.random.default_rng(rng.randrange(1 << 30))
    response = (
        generator.standard_normal(count) * 10 ** (-3 * np.arange(count) / count) * rng.uniform(0.02, 0.12)
    )
    response[0] = 1
    echoed: Samples = scipy.signal.fftconvolve(samples, response)[: len(samples)]
    return echoed


class Channel:
    """A telephone channel that differs from call to call; keeps recent calls as babble for later ones."""

    def __init__(self) -> None:
        self._babble: list[Samples] = []

    def carry(self, samples: Samples, rng: random.Random, speech: tuple[int, int]) -> Samples:
        """Send speech through a random channel.

        Args:
            samples: clean speech with its silence before and after.
            rng: the dice.
            speech: first and last sample of the speech; outside of it, a gate may cut to digital silence.
        """
        if happens(rng, 0.2):
            samples = _reverberate(samples, rng)
        if happens(rng, 0.5):
            samples = scipy.signal.lfilter([1.0, -rng.uniform(-0.5, 0.6)], [1.0], samples)
        if happens(rng, 0.6):
            samples = band_pass(samples, rng.choice([2, 3, 4]), rng.uniform(80, 350), rng.uniform(3000, 3800))
        samples = scale_to_peak(samples, -rng.uniform(1, 36))
        if happens(rng, 0.65):
            samples = add_noise(samples, rng, rng.uniform(5, 40))
        if happens(rng, 0.1) and self._babble:
            samples = self._add_babble(samples, rng)
        if len(self._babble) < _BABBLE_KEPT:
            self._babble.append(samples)
        if happens(rng, 0.4):
            samples = _gate(samples, rng, speech)
        if happens(rng, 0.25):
            samples = drop_frames(samples, rng, rng.uniform(0.005, 0.03))
        samples = round_samples(samples)
        codec = rng.choices((ALAW, ULAW, None), (70, 22, 8))[0]
        return samples if codec is None else pass_through(samples, codec)

    def _add_babble(self, samples: Samples, rng: random.Random) -> Samples:
        voices: Samples = np.zeros(len(samples))
        for _ in range(rng.randint(1, 4)):
            voices = voices + np.resize(rng.choice(self._babble), len(samples))
        level = float(np.sqrt(np.mean(voices * voices))) + _TINY
        return samples + voices / level * active_level(samples) * decibels(-rng.uniform(10, 30))


def _gate(samples: Samples, rng: random.Random, speech: tuple[int, int]) -> Samples:
    """Leave only the speech with 0 to 300 ms before it and 0.1 to 0.5 s after it: what a voice gate passes on."""
    first = speech[0] - int(rng.uniform(0.0, 0.3) * SAMPLE_RATE)
    last = speech[1] + int(rng.uniform(0.1, 0.5) * SAMPLE_RATE)
    out = samples.copy()
    out[: max(0, first)] = 0
    out[last:] = 0
    return out
