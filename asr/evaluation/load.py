"""How many live calls a model carries on this machine: more and more of them ask questions, until finals come late."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from asr.ear import Deaf, Ear, Utterance
from asr.endpoint import RATE
from asr.evaluation.report import tell_delays

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from asr.client import AsrClient
    from asr.ear import EarEvent

BOUND_SECONDS: Final = 0.5
"""The 95 % of finals that come soonest come within so long, of calls that are carried."""

_PIECE: Final = RATE // 5 * 2  # bytes, 0.2 s
_PIECE_SECONDS: Final = 0.2
_PAUSE: Final = 0.6
_APART_SECONDS: Final = 0.37
_MOST: Final = 1024
_PATIENCE_SECONDS: Final = 10.0


@dataclass(slots=True)
class Run:
    """So many ``calls`` at once: how late their ``finals`` came, in seconds; ``lost`` answers that never came."""

    calls: int
    finals: list[float] = field(default_factory=list)
    lost: int = 0

    @property
    def p95(self) -> float | None:
        """The delay that 95 % of finals stay within; None where there were too few to say."""
        delays = tell_delays(self.finals)
        return delays["p95"] if delays else None

    @property
    def carried(self) -> bool:
        """Whether all were answered in time."""
        return not self.lost and self.p95 is not None and self.p95 <= BOUND_SECONDS


async def find_most(client: AsrClient, said: Sequence[bytes], seconds: float) -> AsyncIterator[Run]:
    """Give each run as it ends: twice as many calls as before until they are too many, then between.

    SAID are questions' answers (s16le, 8 kHz) with silence at both ends; a run takes SECONDS.
    """
    good, bad = 0, _MOST + 1
    calls = 1
    while bad - good > max(1, good // 10):
        run = await ask(client, said, calls, seconds)
        yield run
        good, bad = (calls, bad) if run.carried else (good, calls)
        calls = min(calls * 2, _MOST) if bad > _MOST else (good + bad) // 2
        if good >= _MOST:
            return


async def ask(client: AsrClient, said: Sequence[bytes], calls: int, seconds: float) -> Run:
    """So many calls, each with one answer after the other at the pace of speech, a stream for each."""
    run = Run(calls)
    until = time.monotonic() + seconds
    await asyncio.gather(*(_call(client, said, number, until, run) for number in range(calls)))
    return run


async def _call(client: AsrClient, said: Sequence[bytes], number: int, until: float, run: Run) -> None:
    await asyncio.sleep(number * _APART_SECONDS % 2.0)
    turn = number
    while time.monotonic() < until:
        delay = await _answer(client, said[turn % len(said)])
        turn += 1
        if delay is None:
            run.lost += 1
        else:
            run.finals.append(delay)


async def _answer(client: AsrClient, pcm: bytes) -> float | None:
    """Say it; how long after the end of the phrase its final came, None when none did."""
    heard: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
    at = 0.0

    def tell(event: EarEvent | BaseException) -> None:
        nonlocal at
        if isinstance(event, Utterance | Deaf | BaseException) and not heard.done():
            at = time.monotonic()
            heard.set_result(isinstance(event, Utterance))

    ear = Ear(client, None, _PAUSE, 0.0, tell, tell)
    ended, spoke = 0.0, False
    began = time.monotonic()
    try:
        for place, offset in enumerate(range(0, len(pcm), _PIECE), 1):
            ear.feed(pcm[offset : offset + _PIECE])
            if spoke and not ear.speaking and not ended:
                ended = time.monotonic()
            spoke = ear.speaking
            await asyncio.sleep(max(0.0, began + place * _PIECE_SECONDS - time.monotonic()))
        if not ended:
            return None
        understood = await asyncio.wait_for(heard, _PATIENCE_SECONDS)
    except TimeoutError:
        return None
    finally:
        ear.close()
    return at - ended if understood else None
