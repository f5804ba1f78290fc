"""Sounds in memory played on this machine's loudspeaker, to their end."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

from gateway.site.sound import SAMPLE_RATE
from gateway.sound.buffer import Buffer
from gateway.sound.card import SoundCardError

if TYPE_CHECKING:
    from gateway.sound.card import Card, Stream

_TICK: Final = 0.02


async def play(card: Card, pcm: bytes) -> None:
    """Play mono s16le at 8 kHz; done when all of it was heard. Raises SoundCardError."""
    buffer = Buffer(ahead=0, room=len(pcm))
    buffer.put(pcm)
    stream = card.play(SAMPLE_RATE, 1, buffer.give)
    try:
        await drain(buffer, stream)
    finally:
        stream.close()


async def drain(buffer: Buffer, stream: Stream) -> None:
    """Wait until the loudspeaker has taken what there is. Raises SoundCardError when it has stopped."""
    buffer.ahead = 0
    while len(buffer):
        check(stream)
        await asyncio.sleep(_TICK)


def check(stream: Stream) -> None:
    """Raise SoundCardError unless the sound still flows."""
    if not stream.flows:
        raise SoundCardError(
            "声卡停了,请检查是否接好 / the sound card has stopped: see whether it is still connected"
        )
