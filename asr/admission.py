"""Who is let in, and who has to go, by what waits to be decoded. Pure: no clock, no thread.

Everything is counted in seconds of audio. Decoding is shared in the order of `PURPOSES`, so that a stream waits only
for what is at least as urgent as itself: its *wait* is that audio, divided by what all threads decode in a second.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from asr.protocol import PURPOSES

if TYPE_CHECKING:
    from collections.abc import Iterable

    from asr.protocol import Purpose

LONGEST_WAIT = 1.5
"""Seconds: a live stream is let in while its first word would be understood within so long."""
LATE_WAIT = 0.5
"""Seconds of live audio's wait from which no recording is begun: that can be done later."""
OVERDUE_WAIT = 4.0
"""Seconds from which the newest streams are let go, so that the others' words come in time for their callers."""
LONGEST_DELAY = 1.5
"""Seconds that a piece of live audio may take, from its turn's begin, before nobody is let in: the machine is taken by
others, whatever its speed was."""

_SOME_WAIT = 0.15  # seconds; less is nothing
_FEWEST = (
    2  # a thread, when nothing waits: a speed that was measured on a machine taken by others may have passed
)
_GUESSED_SECONDS = 0.5  # decoding time that the speed tried at the start weighs as much as
_MEMORY_SECONDS = 10.0  # decoding time after which a measurement counts half


@dataclass(slots=True)
class _Speed:
    """Seconds of audio that one thread decodes in a second, as measured lately."""

    audio: float
    took: float

    def learn(self, audio: float, took: float) -> None:
        keep = 0.5 ** (took / _MEMORY_SECONDS)
        self.audio, self.took = self.audio * keep + audio, self.took * keep + took

    @property
    def value(self) -> float:
        return self.audio / self.took


class Admission:
    """The server's measured load, and what follows from it.

    ``threads`` decode; ``speed`` is how many seconds of audio one does in a second, as far as is known yet.
    """

    def __init__(self, threads: int, speed: float) -> None:
        self._threads = threads
        self._speed = _Speed(speed * _GUESSED_SECONDS, _GUESSED_SECONDS)
        self._waiting = dict.fromkeys(PURPOSES, 0.0)

    @property
    def capacity(self) -> float:
        """Seconds of audio that all threads together decode in a second; so many may speak at once."""
        return self._threads * self._speed.value

    def backlog(self, purpose: Purpose) -> float:
        """Seconds of audio that has come for streams of PURPOSE and is not decoded yet."""
        return self._waiting[purpose]

    def wait(self, purpose: Purpose) -> float:
        """Seconds until audio that comes now would be decoded."""
        urgent = PURPOSES[: PURPOSES.index(purpose) + 1]
        return sum(self._waiting[p] for p in urgent) / self.capacity

    def arrived(self, purpose: Purpose, seconds: float) -> None:
        """So much audio came; negative: it has been decoded, or nobody waits for it any more."""
        self._waiting[purpose] = max(0.0, self._waiting[purpose] + seconds)

    def decoded(self, audio: float, took: float) -> None:
        """A thread decoded AUDIO seconds in TOOK seconds."""
        self._speed.learn(audio, took)

    def refuse(self, purpose: Purpose, speaking: Iterable[Purpose], delay: float = 0.0) -> str:
        """Why a stream of PURPOSE is not let in; "" if it is. SPEAKING: what for, of each stream that speaks now.

        DELAY: for how many seconds the oldest piece of work for live speech has not been done.
        """
        if purpose == "late":
            live = max(self.wait("dictation"), delay)
            return f"live speech waits {live:.1f} s, try again later" if live > LATE_WAIT else ""
        if delay > LONGEST_DELAY:
            return f"speech has waited {delay:.1f} s for a piece to be decoded"
        wait = self.wait(purpose)
        if wait > LONGEST_WAIT:
            return f"speech waits {wait:.1f} s to be decoded"
        rivals = PURPOSES[: PURPOSES.index(purpose) + 1]
        speakers = sum(p in rivals for p in speaking) + 1
        most = max(self.capacity, 1.0 if wait > _SOME_WAIT else _FEWEST * self._threads)
        if speakers > most:
            return f"{speakers} speak at once, decoding keeps up with {self.capacity:.0f}"
        return ""

    def is_overdue(self, purpose: Purpose, delay: float = 0.0) -> bool:
        """Whether a live stream of PURPOSE waits so long that somebody has to go; DELAY as for `refuse`."""
        return purpose != "late" and max(self.wait(purpose), delay) > OVERDUE_WAIT
