"""The caller's own recording of a call."""

from __future__ import annotations

import wave
from typing import TYPE_CHECKING

import numpy as np

from gateway.site.sound import SAMPLE_RATE

if TYPE_CHECKING:
    from pathlib import Path

    from gateway.site.sound import Sound


class Memory:
    """Both sides of one call, as the caller had them."""

    def __init__(self) -> None:
        self._heard = bytearray()
        self._said: list[tuple[float, Sound]] = []

    def hear(self, pcm: bytes) -> None:
        """Keep the next piece of what was heard (mono s16le, 8 kHz)."""
        self._heard += pcm

    def say(self, at: float, sound: Sound) -> None:
        """Keep that the sound was said from ``at`` (seconds of the call) on."""
        self._said.append((at, sound))

    def write(self, file: Path) -> None:
        """Write a stereo WAV, s16le at 8 kHz: left what was said, right what was heard."""
        heard = np.frombuffer(self._heard, "<i2")
        both = np.zeros((len(heard), 2), "<i2")
        both[:, 1] = heard
        for at, sound in self._said:
            start = round(at * SAMPLE_RATE)
            said = np.frombuffer(sound.pcm, "<i2")[: max(0, len(heard) - start)]
            both[start : start + len(said), 0] = said
        with wave.open(str(file), "wb") as target:
            target.setnchannels(2)
            target.setsampwidth(2)
            target.setframerate(SAMPLE_RATE)
            target.writeframes(both.tobytes())
