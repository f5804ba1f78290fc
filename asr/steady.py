"""Sounds that machines make: hum, rumble, a held chord, a fax's calling tone. Speech never keeps its shape for long.

A frame's shape is its power over frequencies, smoothed; two are alike by the cosine between them. Sentences keep one
for 0.3 s at most, held vowels for less than a second; an engine or an organ does for as long as it sounds.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Shape = NDArray[np.float64]

_RATE, _SIZE, _SAMPLES = 8000, 256, 160
_WINDOW: Final = np.hanning(_SAMPLES)
_MEAN: Final = np.full(_SAMPLES, 1 / _SAMPLES)
_ALL: Final = np.ones(_SIZE // 2 + 1)
_SMOOTH: Final = np.ones(7) / 7  # of 31 Hz: narrow noise wanders within it
_SAME, _SIMILAR = 0.95, 0.93  # cosine, while a shape is learnt, and once it is known
_ENOUGH: Final = 60  # frames of 20 ms of one shape
_ODD, _FORGIVEN = 6, 0.1  # others among them, of which each frame of that shape makes up for some
_FORGOTTEN: Final = 250  # frames after which a shape that was not heard again is known no more
_LOUDER: Final = 3.0  # times the RMS of what was learnt: then somebody speaks over it
_LOWEST_LINE: Final = 600  # Hz: no voice is a single line above it
_LINE_SHARE: Final = 0.9  # of all power within three lines of the strongest
_AROUND: Final = 3


class Steady:
    """Follows the audible frames of one line."""

    def __init__(self) -> None:
        self._sum: Shape = np.zeros(0)
        self._count, self._others = 0, 0.0  # of one shape, and what was in between
        self._loudness = 0.0  # sum of RMS
        self._known: Shape | None = None
        self._most = 0.0  # RMS up to which it may be that
        self._unheard = 0

    def pause(self) -> None:
        """A frame without any sound."""
        self._unheard += 1
        if self._unheard > _FORGOTTEN:
            self._known = None

    def is_in(self, samples: NDArray[np.float64], rms: int) -> bool:
        """Whether these (20 ms at 8 kHz, of the given RMS) are such a sound and nothing else."""
        spectrum = np.fft.rfft((samples - samples.dot(_MEAN)) * _WINDOW, _SIZE)
        power = (spectrum * spectrum.conj()).real
        total = float(power.dot(_ALL))
        if total == 0:
            return False
        shape = np.correlate(power, _SMOOTH, "same")
        shape /= _length(shape)
        if self._known is not None and rms <= self._most and float(shape.dot(self._known)) > _SIMILAR:
            self._unheard = 0
            return True
        self.pause()
        return self._learn(shape, rms) or _is_line(power, total)

    def _learn(self, shape: Shape, rms: int) -> bool:
        """Whether the sound has kept its shape for so long by now that no voice does."""
        alike = self._count and float(shape.dot(self._sum)) > _SAME * _length(self._sum)
        if not alike:
            self._others += 1.0
            if self._count == 0 or self._others > _ODD:
                self._sum, self._count, self._others, self._loudness = shape, 1, 0.0, float(rms)
            return False
        self._others = max(0.0, self._others - _FORGIVEN)
        self._sum, self._count, self._loudness = self._sum + shape, self._count + 1, self._loudness + rms
        if self._count < _ENOUGH:
            return False
        self._known = self._sum / _length(self._sum)
        self._most, self._unheard = _LOUDER * self._loudness / self._count, 0
        self._count, self._others = 0, 0.0
        return True


def _is_line(power: Shape, total: float) -> bool:
    """A single tone, higher than a voice's own: a fax (1100 and 2100 Hz), a measuring tone, tones of a network."""
    peak = int(power.argmax())
    if peak * _RATE / _SIZE <= _LOWEST_LINE:
        return False
    return float(np.add.reduce(power[peak - _AROUND : peak + _AROUND + 1])) > _LINE_SHARE * total


def _length(shape: Shape) -> float:
    return math.sqrt(shape.dot(shape))
