"""Soft music, made from nothing: chords of decaying notes, one after the other, that may be repeated for ever."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from gateway.site.sound import SAMPLE_RATE

if TYPE_CHECKING:
    from collections.abc import Sequence

MELODY_VERSION: Final = 1
"""Changes whenever the same chords would sound otherwise."""

_LEVEL: Final = 10 ** (-24 / 20) * 32767  # dBFS at its loudest: whoever waits listens for a voice
_STRIKE_SECONDS: Final = 0.08  # between one note of a chord and the next
_RISE_SECONDS: Final = 0.03
_PARTIALS: Final = ((1.0, 1.0), (2.0, 0.3), (3.0, 0.08))  # of a note: how many times its pitch, how strong


def make_melody(chords: Sequence[Sequence[float]], seconds: float) -> bytes:
    """Make s16le PCM at 8 kHz, mono: each chord (notes in Hz) begins ``seconds`` after the one before.

    The last notes fade into the beginning, so that a loop has no seam. Notes above 4 kHz and their partials are left
    out.
    """
    step = round(seconds * SAMPLE_RATE)
    sound = np.zeros(step * len(chords))
    time = np.arange(2 * step) / SAMPLE_RATE
    rise = np.minimum(time / _RISE_SECONDS, 1.0)
    fade = np.exp(-2.5 * time / seconds) * np.linspace(1.0, 0.0, len(time))
    for number, chord in enumerate(chords):
        for place, hertz in enumerate(chord):
            note = np.zeros(len(time))
            for times, strength in _PARTIALS:
                if hertz * times < SAMPLE_RATE / 2:
                    note += strength * np.sin(2 * np.pi * hertz * times * time)
            begin = number * step + round(place * _STRIKE_SECONDS * SAMPLE_RATE)
            np.add.at(sound, (begin + np.arange(len(time))) % len(sound), note * rise * fade)
    return bytes((sound * (_LEVEL / np.abs(sound).max())).astype("<i2"))
