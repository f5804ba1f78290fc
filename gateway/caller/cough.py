"""Sounds that callers make without a word: coughs, throats cleared, sneezes, knocks, breath in the mouthpiece."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from gateway.site.sound import SAMPLE_RATE

if TYPE_CHECKING:
    from numpy.typing import NDArray

_FULL_SCALE: Final = 32768.0
_PEAK: Final = 0.9
_AUDIBLE: Final = 0.1  # of the loudest: what is fainter does not count for the level


def cough(seed: int, level: float) -> bytes:
    """Make the sound of this number, the same each time: mono s16le at 8 kHz, 0.1 to 0.9 s.

    ``level`` is that of its audible part in dBFS; peaks are cut at -1 dBFS. Five kinds follow each other.
    """
    dice = np.random.default_rng(seed)
    made = (_cough, _clear_throat, _sneeze, _knock, _breathe)[seed % 5](dice)
    audible = made[np.abs(made) > _AUDIBLE * np.abs(made).max()]
    made *= 10 ** (level / 20) / np.sqrt(np.square(audible).mean())
    return (np.clip(made, -_PEAK, _PEAK) * _FULL_SCALE).astype("<i2").tobytes()


def _cough(dice: np.random.Generator) -> NDArray[np.float64]:
    """One or two bursts that begin at once and decay, the first the louder."""
    bursts = [
        _noise(dice, dice.uniform(0.15, 0.3), dice.uniform(500, 1500)) * gain
        for gain in (1.0, 0.6)[: dice.integers(1, 3)]
    ]
    return np.concatenate([_fade(burst, 0.005, 0.06) for burst in bursts])


def _clear_throat(dice: np.random.Generator) -> NDArray[np.float64]:
    """A low noise that flutters."""
    noise = _noise(dice, dice.uniform(0.4, 0.7), dice.uniform(250, 500))
    flutter = 0.6 + 0.4 * np.sin(2 * np.pi * dice.uniform(18, 30) * _time(noise))
    return _fade(noise * flutter, 0.03, 0.3)


def _sneeze(dice: np.random.Generator) -> NDArray[np.float64]:
    """A breath that swells, then a sharp burst of high noise."""
    breath = _noise(dice, dice.uniform(0.15, 0.3), 1200)
    swelling = breath * np.linspace(0, 0.3, len(breath))
    return np.concatenate((swelling, _fade(_noise(dice, dice.uniform(0.2, 0.35), 2500), 0.004, 0.1)))


def _knock(dice: np.random.Generator) -> NDArray[np.float64]:
    """Two or three thumps of a receiver that is put down."""
    thumps = []
    for _ in range(dice.integers(2, 4)):
        thump = _noise(dice, dice.uniform(0.1, 0.16), 300)
        thumps.append(_fade(thump + np.sin(2 * np.pi * dice.uniform(90, 250) * _time(thump)), 0.002, 0.03))
    return np.concatenate(thumps)


def _breathe(dice: np.random.Generator) -> NDArray[np.float64]:
    """A broad noise that comes and goes."""
    noise = _noise(dice, dice.uniform(0.4, 0.9), 3000)
    return noise * np.hanning(len(noise))


def _noise(dice: np.random.Generator, seconds: float, hertz: float) -> NDArray[np.float64]:
    """Noise that falls off above HERTZ, with a mean square of about one."""
    count = round(seconds * SAMPLE_RATE)
    spectrum = np.fft.rfft(dice.standard_normal(count))
    spectrum /= 1 + np.square(np.fft.rfftfreq(count, 1 / SAMPLE_RATE) / hertz)
    noise = np.fft.irfft(spectrum, count)
    shaped: NDArray[np.float64] = noise / np.sqrt(np.square(noise).mean())
    return shaped


def _time(sound: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.arange(len(sound)) / SAMPLE_RATE


def _fade(sound: NDArray[np.float64], rise: float, fall: float) -> NDArray[np.float64]:
    """Rise within RISE seconds, then decay with the time constant FALL."""
    time = _time(sound)
    faded: NDArray[np.float64] = sound * np.minimum(1, time / rise) * np.exp(-time / fall)
    return faded
