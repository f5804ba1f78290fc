"""Telling a telephone's tones from a voice: keys pressed in-band (DTMF) and ring-back are not speech."""

from __future__ import annotations

import math
from array import array

from asr.samples import project

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
_AMPLITUDE = 10_000


class Reference:
    """A sine and a cosine to compare a frame with."""

    def __init__(self, frequency: float) -> None:
        turns = [2 * math.pi * frequency * n / _RATE for n in range(SAMPLES)]
        self._sine = array("h", (round(_AMPLITUDE * math.sin(t)) for t in turns)).tobytes()
        self._cosine = array("h", (round(_AMPLITUDE * math.cos(t)) for t in turns)).tobytes()

    def power(self, frame: bytes) -> float:
        """Mean power of FRAME at this frequency."""
        a, b = project(frame, self._sine), project(frame, self._cosine)
        return (a * a + b * b) * _AMPLITUDE**2 / 2


_KEYS = tuple(tuple(Reference(f) for f in group) for group in (_LOW, _HIGH))
_OFF_KEYS = tuple(tuple(Reference(f * d) for f in group for d in _DETUNED) for group in (_LOW, _HIGH))
_RINGS = tuple(Reference(f) for f in _PROGRESS)


def is_tone(frame: bytes, rms: float) -> bool:
    """Say whether FRAME (``SAMPLES`` samples, s16le, 8 kHz, of the given RMS) is nothing but a telephone tone."""
    total = rms * rms
    low, high = (max(r.power(frame) for r in group) / total for group in _KEYS)
    if low + high > _LIKELY:
        off = (max(r.power(frame) for r in group) / total for group in _OFF_KEYS)
        low, high = (max(on, other) for on, other in zip((low, high), off, strict=True))
        if low + high > _PURITY and min(low, high) > _TWIST:
            return True
    return max(r.power(frame) for r in _RINGS) / total > _PURITY
