from __future__ import annotations

import numpy as np
import pytest

RATE = 8000


def _pcm(samples) -> bytes:
    return np.clip(np.round(samples), -32768, 32767).astype("<i2").tobytes()


@pytest.fixture
def silence():
    return lambda seconds: bytes(2 * round(RATE * seconds))


@pytest.fixture
def noise():
    def make(seconds: float, level: float, seed: int = 1) -> bytes:
        dice = np.random.default_rng(seed)
        return _pcm(dice.standard_normal(round(RATE * seconds)) * 32768 * 10 ** (level / 20))

    return make


@pytest.fixture
def tones():
    """Pure tones of the given frequencies together, at LEVEL dBFS."""

    def make(seconds: float, level: float, *frequencies: float) -> bytes:
        time = np.arange(round(RATE * seconds)) / RATE
        wave = sum(np.sin(2 * np.pi * f * time) for f in frequencies) * np.sqrt(2 / len(frequencies))
        return _pcm(wave * 32768 * 10 ** (level / 20))

    return make


@pytest.fixture
def voice():
    """A synthetic vowel train: harmonics under two formants, four syllables a second."""

    def make(seconds: float, level: float) -> bytes:
        time = np.arange(round(RATE * seconds)) / RATE
        pitch = 130 + 15 * np.sin(2 * np.pi * 0.9 * time)
        phase = 2 * np.pi * np.cumsum(pitch) / RATE
        wave = sum(
            np.sin(k * phase)
            * (np.exp(-(((k * 130 - 600) / 250) ** 2)) + 0.4 * np.exp(-(((k * 130 - 1700) / 300) ** 2)))
            for k in range(1, 25)
        )
        wave = wave * (0.55 - 0.45 * np.cos(2 * np.pi * 4 * time))
        return _pcm(wave / np.sqrt(np.mean(wave**2)) * 32768 * 10 ** (level / 20))

    return make
