"""Telling a telephone's tones from a voice: keys pressed in-band (DTMF) and ring-back are not speech."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

SAMPLES = 160
"""Length of the frames looked at: 20 ms at 8 kHz, in which tones 50 Hz apart are told apart."""

_RATE = 8000
_LOW, _HIGH = (697, 770, 852, 941), (1209, 1336, 1477, 1633)  # ITU-T Q.23
# Ring-back is 450 Hz in China, give or take what its exchanges are allowed; 425 and 400 Hz elsewhere.
_PROGRESS = (400, 425, 450, 475)
_DETUNED = (0.988, 1.012)  # keys may be 1.8 % off (Q.24), farther than a frame's resolution
_LIKELY = 0.4  # a detuned key still has this part of its energy at the nominal frequencies
_PURITY = 0.8  # a tone behind G.711 and line noise keeps over 0.85 of its energy, voices stay below 0.7
_TWIST = 0.06  # the weaker of a key's two tones has at least this part of the energy (Q.24 allows 8 dB)


class References:
    """Sines and cosines of some FREQUENCIES, in Hz, to compare a frame with all at once."""

    def __init__(self, frequencies: Sequence[float]) -> None:
        turns = 2 * np.pi * np.outer(frequencies, np.arange(SAMPLES)) / _RATE
        waves = np.concatenate((np.sin(turns), np.cos(turns)))
        self._waves: Final[NDArray[np.float64]] = waves / np.sum(waves**2, axis=1, keepdims=True) / np.sqrt(2)
        self._count = len(frequencies)

    def powers(self, samples: NDArray[np.float64]) -> list[float]:
        """Mean power of SAMPLES (of one frame) at each frequency, in the order in which they were given."""
        parts = self._waves.dot(samples)
        parts *= parts
        powers: list[float] = (parts[: self._count] + parts[self._count :]).tolist()
        return powers


_TONES: Final = References((*_LOW, *_HIGH, *_PROGRESS))
_OFF_KEYS: Final = References(tuple(f * d for f in (*_LOW, *_HIGH) for d in _DETUNED))


def is_tone(samples: NDArray[np.float64], rms: float) -> bool:
    """Say whether a frame (``SAMPLES`` samples at 8 kHz, of the given RMS) is nothing but a telephone tone."""
    total = rms * rms
    powers = _TONES.powers(samples)
    low, high = max(powers[:4]) / total, max(powers[4:8]) / total
    if low + high > _LIKELY:
        off = _OFF_KEYS.powers(samples)
        low, high = max(low, max(off[:8]) / total), max(high, max(off[8:]) / total)
        if low + high > _PURITY and min(low, high) > _TWIST:
            return True
    return max(powers[8:]) / total > _PURITY
