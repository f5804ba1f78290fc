"""Recognisers made ahead: with an official model a new one takes most of a second for its first word.

They hear a made-up voice (`asr.babble`), by which they compose of the graph what every caller needs.
"""

from __future__ import annotations

import asyncio
import logging
import math
import time
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final

from asr.babble import babble
from asr.decoding import SAMPLE_BYTES, STEP_SECONDS
from asr.engine import EngineError

if TYPE_CHECKING:
    from asr.engine import Engine
    from asr.protocol import Purpose
    from asr.turns import Turns

_log = logging.getLogger(__name__)

_RATE: Final = 8000  # samples a second: whatever is said on the telephone
_MOST: Final = 32
_SLOW_SECONDS: Final = 0.25  # of CPU for a new recogniser's first second of audio; else nothing is made ahead
_AT_FIRST_SECONDS: Final = 2.0  # within which a server that starts begins another
_LOOK_SECONDS: Final = 1.0
_SOUND_SECONDS: Final = 4.0  # after which a caller's words take no more than after many callers
_LEFT_FREE: Final = 512 << 20  # bytes of memory
_STEP: Final = round(_RATE * STEP_SECONDS) * SAMPLE_BYTES


@dataclass(frozen=True, slots=True)
class Tried:
    """What a first recogniser shows: seconds of audio that it decodes in a second, and whether it began slowly."""

    speed: float
    slow_at_first: bool


def try_out(engine: Engine) -> Tried:
    """Decode a second of silence and one of a voice: it is speech that costs. The first caller has this recogniser."""
    recognizer, voice = engine.recognizer(_RATE, words=False), babble(_RATE, 1.0)
    worked = time.thread_time()
    recognizer.accept(bytes(_RATE * SAMPLE_BYTES))
    slow_at_first = time.thread_time() - worked > _SLOW_SECONDS
    began = time.monotonic()
    recognizer.accept(voice)
    took = time.monotonic() - began
    recognizer.final()
    recognizer.release()
    return Tried(1.0 / took, slow_at_first)


class Ahead:
    """Keeps as many recognisers ready as may SPEAK at once. They are made in recordings' turns: nobody waits for it."""

    def __init__(self, engine: Engine, turns: Turns, speak: float) -> None:
        self._engine, self._turns = engine, turns
        self._most = min(_MOST, max(turns.threads, math.ceil(speak)))
        self._sound = babble(_RATE, _SOUND_SECONDS)

    async def begin(self) -> None:
        """Make the first ones, on all threads, before anybody is let in. Raises EngineError."""
        until = time.monotonic() + _AT_FIRST_SECONDS
        await asyncio.gather(*(self._fill("dictation", until) for _ in range(self._turns.threads)))

    async def run(self) -> None:
        """Make the others, and new ones for those that are worn or lost; until cancelled."""
        try:
            while True:
                await self._fill("late", math.inf)
                await asyncio.sleep(_LOOK_SECONDS)
        except EngineError as error:
            _log.error("no more recognisers are made ahead: %s", error)

    async def _fill(self, purpose: Purpose, until: float) -> None:
        while time.monotonic() < until and _memory_left() > _LEFT_FREE:
            spare = await self._turns.take(purpose, partial(self._engine.spare, _RATE, self._most))
            if spare is None:
                return
            for at in range(0, len(self._sound), _STEP):
                await self._turns.take(purpose, partial(spare.accept, self._sound[at : at + _STEP]))
            await self._turns.take(purpose, spare.final)
            spare.release()


def _memory_left() -> int:
    """Bytes that the machine has left without swapping."""
    lines = Path("/proc/meminfo").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) << 10 for line in lines if line.startswith("MemAvailable:"))
