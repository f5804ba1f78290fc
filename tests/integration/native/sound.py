"""WAV files for the native tests: make them, read them, ask what tone is in them."""

from __future__ import annotations

import math
import wave
from array import array
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

RATE = 8000


def read_stereo(path: Path) -> tuple[array[int], array[int]]:
    """Left and right samples of what the header promises; an error if the file does not keep it."""
    with wave.open(str(path), "rb") as source:
        assert (source.getnchannels(), source.getsampwidth(), source.getframerate()) == (2, 2, RATE)
        promised = source.getnframes()
        samples = array("h", source.readframes(promised))
    assert len(samples) == 2 * promised
    return samples[0::2], samples[1::2]


def tone_level(samples: array[int], hertz: int) -> float:
    """The tone's amplitude in samples (Goertzel's filter)."""
    turn = 2 * math.cos(2 * math.pi * hertz / RATE)
    before = last = 0.0
    for sample in samples:
        before, last = last, sample + turn * last - before
    return 2 * math.sqrt(max(0.0, before**2 + last**2 - turn * before * last)) / len(samples)
