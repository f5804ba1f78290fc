"""A fax that calls: 1100 Hz for half a second, every three seconds and a half (ITU-T T.30, CNG)."""

from __future__ import annotations

from typing import Final

from asr.samples import crossings, rms, to_floats
from asr.tones import SAMPLES, References

_FRAME = 2 * SAMPLES
_SECONDS = 0.02
_FAINTEST = 50  # RMS of -56 dBFS
_PURITY = 0.8
_FEWEST = 34  # changes of sign: 1062 Hz makes 42 in a frame, noise within the purity takes few away
_REFERENCES: Final = References((1066, 1083, 1100, 1117, 1134))  # ±38 Hz are allowed
_BURST = range(18, 33)  # frames: 0.5 s ± 15 %, less its edges
_APART = range(122, 185)  # frames from one burst's end to the next one's begin: 3 s ± 15 %, less the edges
_ENOUGH = 2


class Fax:
    """Listens to one caller."""

    def __init__(self) -> None:
        self._rest = b""
        self._burst = 0  # frames of the tone that sounds now
        self._silent = 0  # frames since the last one
        self._heard = 0  # bursts, each in its time after the one before

    def take(self, pcm: bytes) -> bool:
        """Hear PCM (s16le, 8 kHz, mono), any length; true once it is a fax beyond doubt."""
        data = self._rest + pcm
        whole = len(data) - len(data) % _FRAME
        for offset in range(0, whole, _FRAME):
            self._follow(tone=_sounds(data[offset : offset + _FRAME]))
        self._rest = data[whole:]
        return self._heard >= _ENOUGH

    def _follow(self, *, tone: bool) -> None:
        if tone:
            if self._burst == 0 and self._heard and self._silent not in _APART:
                self._heard = 0
            self._burst += 1
            return
        if self._burst:
            self._heard = self._heard + 1 if self._burst in _BURST else 0
            self._silent, self._burst = 0, 0
        self._silent += 1


def _sounds(frame: bytes) -> bool:
    level = rms(frame)
    if level < _FAINTEST or crossings(frame) < _FEWEST:  # most frames of a voice
        return False
    return max(_REFERENCES.powers(to_floats(frame))) > _PURITY * level * level
