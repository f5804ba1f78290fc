"""A prompt spoken into this machine's microphone."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

from gateway.sound.buffer import Buffer
from gateway.sound.card import SAMPLE_BYTES
from gateway.sound.keyboard import keys
from gateway.sound.playing import check

if TYPE_CHECKING:
    from gateway.sound.card import Card

RATE: Final = 48000
"""Hz: what every sound card can do."""

_LONGEST: Final = 300.0
_TICK: Final = 0.05
_KEY: Final = 0.2  # seconds at the end in which the key is heard that ended it


async def record(card: Card, seconds: float | None) -> bytes:
    """What the microphone hears, mono s16le at `RATE`: so many seconds of it, or until Enter, five minutes at most.

    Raises SoundCardError.
    """
    buffer = Buffer(ahead=0, room=int(_LONGEST * RATE) * SAMPLE_BYTES)
    done = asyncio.Event()
    wanted = int((seconds or _LONGEST) * RATE) * SAMPLE_BYTES
    stream = card.hear(RATE, buffer.put)
    try:
        with keys(lambda typed: done.set() if typed in "\r\n" and seconds is None else None):
            while len(buffer) < wanted and not done.is_set():
                check(stream)
                await asyncio.sleep(_TICK)
    finally:
        stream.close()
    pcm = buffer.take()[:wanted]
    return pcm[: -int(_KEY * RATE) * SAMPLE_BYTES] if done.is_set() else pcm
