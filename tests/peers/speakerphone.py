"""Callers on one clock, each of whom hears us and gives part of it back: the echo of a line with a bad hybrid."""

from __future__ import annotations

import audioop  # in Python until 3.12, which is as far as the project goes
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
from peers.trunk import FRAME, FRAME_SECONDS, PCMA, Trunk

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

_NOISE = 10  # RMS: -70 dBFS, the line's own


@dataclass
class Speakerphone:
    """A call whose caller makes ``sound`` (s16le, 8 kHz) ``at`` so many seconds after its beginning.

    ``echo`` is the gain of what comes back, after ``delay`` seconds.
    """

    trunk: Trunk
    sound: bytes = b""
    at: float = 0.0
    echo: float = 0.1
    delay: float = 0.15
    began: float = 0.0
    _heard: list[NDArray[np.int16]] = field(default_factory=list)
    _taken: int = 0

    def frame(self, number: int) -> bytes:
        """The 20 ms of this number, in A-law."""
        self._listen()
        own = self.sound[2 * FRAME * (number - self._first) :][: 2 * FRAME] if number >= self._first else b""
        mixed = np.random.default_rng(number).normal(0, _NOISE, FRAME)
        mixed[: len(own) // 2] += np.frombuffer(own, "<i2")
        mixed += self.echo * self._recall(number * FRAME - round(self.delay * 8000))
        return audioop.lin2alaw(np.clip(mixed, -32768, 32767).astype("<i2").tobytes(), 2)

    @property
    def _first(self) -> int:
        return round(self.at / FRAME_SECONDS)

    @property
    def spoke_at(self) -> float:
        """When the sound began (monotonic)."""
        return self.began + self._first * FRAME_SECONDS

    def _listen(self) -> None:
        came = self.trunk.rtp.came
        while self._taken < len(came):
            packet = came[self._taken]
            self._taken += 1
            if packet.kind == PCMA:
                self._heard.append(np.frombuffer(audioop.alaw2lin(packet.payload, 2), "<i2"))

    def _recall(self, sample: int) -> NDArray[np.int16]:
        """20 ms of what was heard, counted from its first sample."""
        first, offset = divmod(sample, FRAME)
        if first < 0 or first + 1 >= len(self._heard):
            return np.zeros(FRAME, np.int16)
        return np.concatenate((self._heard[first][offset:], self._heard[first + 1][:offset]))


def talk(phones: Sequence[Speakerphone], seconds: float) -> None:
    """Let all of them send for so long, in real time; who has been hung up on sends no more."""
    began = time.monotonic()
    for phone in phones:
        phone.began = began
    for number in range(round(seconds / FRAME_SECONDS)):
        for phone in phones:
            phone.trunk.rtp.frame(phone.frame(number))
        time.sleep(max(0.0, began + (number + 1) * FRAME_SECONDS - time.monotonic()))
