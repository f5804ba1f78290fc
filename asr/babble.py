"""A made-up voice that says nothing: formants that wander, syllables, breath between them. Always the same."""

from __future__ import annotations

from typing import Final

import numpy as np

_SYLLABLES: Final = 4.0  # a second
_HARMONICS: Final = 40
_RMS: Final = 164.0  # -46 dBFS
_BREATH: Final = 0.3
# Hz: pitch, and the first two formants, each from its lowest to its highest
_PITCH: Final = (90.0, 250.0)
_FIRST: Final = (250.0, 850.0)
_SECOND: Final = (800.0, 2600.0)
_THIRD: Final = 3000.0
_HIGHEST: Final = 3800.0


def babble(rate: int, seconds: float, seed: int = 1) -> bytes:
    """So many SECONDS of it, s16le at RATE, at -46 dBFS. Another SEED, another voice."""
    dice = np.random.default_rng(seed)
    samples = np.arange(round(rate * seconds))
    turns = np.linspace(0, len(samples), max(2, round(seconds * _SYLLABLES)))
    pitch, first, second = (
        np.interp(samples, turns, dice.uniform(*among, len(turns))) for among in (_PITCH, _FIRST, _SECOND)
    )
    phase = 2 * np.pi * np.cumsum(pitch) / rate
    voice = np.zeros(len(samples))
    for number in range(1, _HARMONICS):
        hertz = number * pitch
        loud = (
            np.exp(-(((hertz - first) / 180) ** 2))
            + 0.5 * np.exp(-(((hertz - second) / 250) ** 2))
            + 0.15 * np.exp(-(((hertz - _THIRD) / 400) ** 2))
        )
        voice += np.where(hertz < _HIGHEST, np.sin(number * phase) * loud, 0.0)
    open_ = 0.55 - 0.45 * np.cos(2 * np.pi * _SYLLABLES * samples / rate)
    wave = voice * open_ + dice.standard_normal(len(samples)) * (1 - open_) * _BREATH
    levelled = np.clip(np.round(wave * (_RMS / np.sqrt(np.mean(wave**2)))), -32768, 32767)
    pcm: bytes = levelled.astype("<i2").tobytes()
    return pcm
