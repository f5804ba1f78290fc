"""The committed model, and a telephone line: espeak-ng's plain voice at 8 kHz through A-law."""

import warnings
from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray
from pypinyin import Style, lazy_pinyin

from asr.catalogue import open_model
from asr.demo_model.espeak import Espeak, open_espeak
from asr.engine import Engine

with warnings.catch_warnings():
    warnings.simplefilter("ignore", DeprecationWarning)
    import audioop

RATE = 8000
Say = Callable[..., bytes]


@pytest.fixture(scope="session")
def engine() -> Engine:
    return Engine(open_model(None))


@pytest.fixture(scope="session")
def espeak() -> Espeak:
    return open_espeak()


def _resample(samples: NDArray[np.int16], rate: int) -> NDArray[np.float64]:
    """Resample to 8 kHz by cutting the spectrum off at 4 kHz."""
    count = len(samples) * RATE // rate
    spectrum = np.fft.rfft(samples.astype(float))[: count // 2 + 1]
    return np.fft.irfft(spectrum, count) * count / len(samples)


@pytest.fixture(scope="session")
def say(espeak: Espeak) -> Say:
    """Say Chinese text; silence is digital, the peak in dBFS."""

    def speak(
        text: str, *, variant: str = "", peak: float = -9, before: float = 0.3, after: float = 0.5
    ) -> bytes:
        pinyin = " ".join(lazy_pinyin(text, style=Style.TONE3, neutral_tone_with_five=True)).replace("v", "ü")
        voice = _resample(espeak.say(pinyin, variant).samples, espeak.sample_rate)
        voice *= 32767 * 10 ** (peak / 20) / np.abs(voice).max()
        padded = np.concatenate([np.zeros(int(before * RATE)), voice, np.zeros(int(after * RATE))])
        pcm = np.round(padded).clip(-32768, 32767).astype("<i2").tobytes()
        return audioop.alaw2lin(audioop.lin2alaw(pcm, 2), 2)

    return speak
