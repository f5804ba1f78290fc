"""When the other side speaks, by the energy of what is heard. Sans-IO: time is the audio itself."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

_RATE: Final = 8000
_FRAME: Final = 160  # samples: 20 ms
_THRESHOLD: Final = 32768 * 10 ** (-42 / 20)  # prompts are at −20 dBFS, G.711's idle noise is below −65
QUIET: Final = 0.6
"""Seconds of silence that end a prompt."""


@dataclass(frozen=True, slots=True)
class Span:
    """A stretch of the call in seconds of its media clock."""

    start: float
    end: float


class Hearing:
    """Follows the received audio of one call, fed in pieces of any length (mono s16le, 8 kHz)."""

    def __init__(self) -> None:
        self._rest = b""
        self._frames = 0
        self._last_active = 0  # the frame after the last one with sound
        self._active_since_mark = 0
        self._spans: list[tuple[int, int]] = []

    def feed(self, pcm: bytes) -> None:
        """Listen to the next piece of audio."""
        pcm = self._rest + pcm
        whole = len(pcm) - len(pcm) % (2 * _FRAME)
        self._rest = pcm[whole:]
        frames = np.frombuffer(pcm[:whole], "<i2").reshape(-1, _FRAME).astype(np.float32)
        for active in np.sqrt((frames**2).mean(axis=1)) > _THRESHOLD:
            if active:
                self._hear()
            self._frames += 1

    def _hear(self) -> None:
        if self._spans and (self._frames - self._last_active) * _FRAME < QUIET * _RATE:
            self._spans[-1] = (self._spans[-1][0], self._frames + 1)
        else:
            self._spans.append((self._frames, self._frames + 1))
        self._last_active = self._frames + 1
        self._active_since_mark += 1

    def mark(self) -> None:
        """Count what is heard from here."""
        self._active_since_mark = 0

    @property
    def heard_since_mark(self) -> float:
        """Seconds with sound since the mark."""
        return self._active_since_mark * _FRAME / _RATE

    @property
    def quiet(self) -> float:
        """Seconds of silence up to now (since the beginning, if nothing was heard yet)."""
        return (self._frames - self._last_active) * _FRAME / _RATE

    @property
    def spans(self) -> tuple[Span, ...]:
        """What was heard, cut where it was quiet for ``QUIET`` seconds; times from the first audio on."""
        return tuple(Span(start * _FRAME / _RATE, end * _FRAME / _RATE) for start, end in self._spans)
