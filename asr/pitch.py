"""Whether there is a voice in a sound: every Mandarin syllable hums for a while, a cough or a knock does not.

What hums repeats itself 70 to 400 times a second; the normalised autocorrelation of two frames shows it.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from asr.samples import to_floats

_SHORTEST, _LONGEST = 20, 115  # samples at 8 kHz: 400 Hz to 70 Hz
_ALIKE: Final = 0.5  # of a whole correlation; syllables reach 0.7 and more, noise does not
_ENOUGH: Final = 5  # frames of 20 ms on end: coughs come to 3, the shortest syllables to 8
_FAINTEST: Final = 40  # RMS of -58 dBFS
_SIZE: Final = 512
_SAMPLES: Final = 320  # of two frames
_MEAN: Final = np.full(_SAMPLES, 1 / _SAMPLES)
# A correlation grows smaller with its lag: the rest has nothing to be compared with.
_LEAST: Final = _ALIKE * (1 - np.arange(_SHORTEST, _LONGEST + 1) / _SAMPLES)


class Pitch:
    """Follows one phrase, frame by frame."""

    def __init__(self) -> None:
        self._before = b""
        self._run = 0
        self.found = False
        """Whether there has been a voice so far."""

    def pass_over(self, frame: bytes) -> None:
        """The next frame, of which nothing can be told."""
        self._before = frame

    def take(self, frame: bytes) -> None:
        """The next 20 ms of s16le at 8 kHz."""
        if self.found:
            return
        both, self._before = self._before + frame, frame
        self._run = self._run + 1 if len(both) > len(frame) and _hums(both) else 0
        self.found = self._run >= _ENOUGH


def _hums(pcm: bytes) -> bool:
    samples = to_floats(pcm)
    samples -= samples.dot(_MEAN)
    spectrum = np.fft.rfft(samples, _SIZE)
    alike = np.fft.irfft((spectrum * spectrum.conj()).real, _SIZE)
    whole = float(alike[0])
    if whole <= len(samples) * _FAINTEST**2:
        return False
    return bool((alike[_SHORTEST : _LONGEST + 1] > whole * _LEAST).any())
