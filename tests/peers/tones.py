"""Tones, and whether one is heard."""

from __future__ import annotations

import array
import math

RATE = 8000


def make(hertz: float, seconds: float) -> bytes:
    """A sine, 16-bit mono at 8 kHz."""
    samples = (round(9000 * math.sin(2 * math.pi * hertz * n / RATE)) for n in range(round(seconds * RATE)))
    return array.array("h", samples).tobytes()


def loudness(pcm: bytes, hertz: float) -> float:
    """How strong one frequency is, as a share of full scale (Goertzel)."""
    samples = array.array("h", pcm)
    turn = 2 * math.pi * hertz / RATE
    real = sum(sample * math.cos(turn * n) for n, sample in enumerate(samples))
    imaginary = sum(sample * math.sin(turn * n) for n, sample in enumerate(samples))
    return 2 * math.hypot(real, imaginary) / len(samples) / 32768 if samples else 0.0
