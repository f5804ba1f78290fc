"""Recognisers made ahead: with an official model a new one takes most of a second for its first word.

They hear a made-up voice (`asr.babble`), by which they compose of the graph what every caller needs.
"""

from __future__ import annotations

import asyncio
import logging
import math
import os
import time
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final

from asr.babble import babble
from asr.decoding import SAMPLE_BYTES, STEP_SECONDS
from asr.engine import EngineError

if TYPE_CHECKING:
    from asr.admission import Admission
    from asr.engine import Engine, Recognizer
    from asr.protocol import Purpose
    from asr.turns import Turns

_log = logging.getLogger(__name__)

_RATE: Final = 8000  # samples a second: whatever is said on the telephone
_MOST: Final = 32
_SLOW_SECONDS: Final = 0.25  # of CPU for a new recogniser's first second of audio; else nothing is made ahead
_LOOK_SECONDS: Final = 1.0
_BEGIN_SECONDS: Final = 10.0  # in which nobody is let in; it takes half of them
_SOUND_SECONDS: Final = 4.0  # after which a caller's words take little more than after many callers
_LEFT_FREE: Final = 512 << 20  # bytes of memory
_MEMORY: Final = Path("/proc/meminfo")
_STEP: Final = round(_RATE * STEP_SECONDS) * SAMPLE_BYTES


@dataclass(frozen=True, slots=True)
class Tried:
    """What a first recogniser shows: seconds of audio that it decodes in a second, and whether it began slowly."""

    speed: float
    slow_at_first: bool


def try_out(engine: Engine) -> Tried:
    """Decode a second of silence, and a voice: it is speech that costs. The first caller has this recogniser.

    Where a beginning is slow, it counts in the speed: whoever calls after a start says what no recogniser has heard.
    """
    recognizer = engine.recognizer(_RATE, words=False)
    began, worked = time.monotonic(), time.thread_time()
    recognizer.accept(bytes(_RATE * SAMPLE_BYTES))
    slow_at_first = time.thread_time() - worked > _SLOW_SECONDS
    seconds = _SOUND_SECONDS if slow_at_first else 1.0
    if not slow_at_first:
        began = time.monotonic()
    recognizer.accept(babble(_RATE, seconds))
    took = time.monotonic() - began
    recognizer.final()
    recognizer.release()
    return Tried(seconds / took, slow_at_first)


class Ahead:
    """Keeps as many recognisers ready as ever might speak at once by LOAD."""

    def __init__(self, engine: Engine, turns: Turns, load: Admission) -> None:
        self._engine, self._turns, self._load = engine, turns, load
        self._most = turns.threads
        self._sound = babble(_RATE, _SOUND_SECONDS)

    async def begin(self) -> None:
        """Make them on all threads, before anybody is let in, as far as the time goes. Raises EngineError."""
        until = time.monotonic() + _BEGIN_SECONDS
        await asyncio.gather(*(self._fill("dictation", until) for _ in range(self._turns.threads)))

    async def run(self) -> None:
        """Make what is left, new ones for those that are worn or lost, and more when it gets faster; until cancelled.

        In recordings' turns: nobody waits for it.
        """
        try:
            while True:
                await self._fill("late", math.inf)
                await asyncio.sleep(_LOOK_SECONDS)
        except EngineError as error:
            _log.error("no more recognisers are made ahead: %s", error)

    async def _fill(self, purpose: Purpose, until: float) -> None:
        self._most = min(_MOST, max(self._most, math.ceil(self._load.capacity)))
        while time.monotonic() < until and _memory_left() > _LEFT_FREE:
            began = time.monotonic()
            spare = await self._turns.take(purpose, partial(self._engine.spare, _RATE, self._most))
            if spare is None:
                return
            worked = 0.0
            for at in range(0, len(self._sound), _STEP):
                worked += await self._turns.take(purpose, partial(_hear, spare, self._sound[at : at + _STEP]))
            await self._turns.take(purpose, spare.final)
            spare.release()
            if (
                purpose != "late"
            ):  # so fast is a thread while all are at work; the silence of a beginning is not
                # It weighs what it has worked: what it waited for others on the machine may be over.
                self._load.decoded(_SOUND_SECONDS * worked / (time.monotonic() - began), worked)


def _hear(spare: Recognizer, pcm: bytes) -> float:
    """Thread: decode PCM; how many seconds of a processor that took."""
    began = time.thread_time()
    spare.accept(pcm)
    return time.thread_time() - began


def _memory_left() -> int:
    """Bytes that the machine has left without swapping; where that is hidden, those that nothing has taken at all."""
    try:
        lines = _MEMORY.read_text(encoding="ascii").splitlines()
        return next(int(line.split()[1]) << 10 for line in lines if line.startswith("MemAvailable:"))
    except OSError:
        return os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
