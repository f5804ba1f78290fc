"""Telephone sound in memory."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

SAMPLE_RATE: Final = 8000
"""Hz. Every sound here is mono, 16 bit, little-endian (s16le)."""


@dataclass(frozen=True, slots=True, eq=False, weakref_slot=True)
class Sound:
    """What is played: s16le samples, mono, 8 kHz, at least one. One object serves all calls that play it."""

    pcm: bytes

    @property
    def seconds(self) -> float:
        """How long it plays."""
        return len(self.pcm) / 2 / SAMPLE_RATE
