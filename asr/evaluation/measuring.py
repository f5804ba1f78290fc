"""Recordings heard as a call is: the same endpointing, the same pieces, one after the other, each answer waited for."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from asr.endpoint import RATE
from asr.hearing import Hearing
from asr.transcript import Utterance

if TYPE_CHECKING:
    from asr.client import AsrClient

_PAUSE_SECONDS = 1.0
_CHUNK = RATE // 5 * 2  # bytes; 0.2 s


@dataclass(frozen=True, slots=True)
class Measured:
    """A recording as it was heard: ``seconds`` long, decoded in ``took`` seconds.

    ``partials`` and ``finals`` are the seconds that each answer took, with nothing else to decode.
    """

    utterances: tuple[Utterance, ...]
    seconds: float
    took: float
    partials: tuple[float, ...]
    finals: tuple[float, ...]

    @property
    def text(self) -> str:
        """All that was understood."""
        return "".join(u.text for u in self.utterances)


async def hear(client: AsrClient, pcm: bytes) -> Measured:
    """Hear a recording (s16le, 8 kHz, mono); raises AsrUnavailable."""
    hearing = Hearing(_PAUSE_SECONDS, 0.0)
    heard: list[Utterance] = []
    took: dict[bool, list[float]] = {False: [], True: []}  # by whether it was a final
    async with await client.open() as stream:
        for offset in range(0, len(pcm) + _CHUNK, _CHUNK):
            if offset < len(pcm):
                hearing.feed(pcm[offset : offset + _CHUNK])
            else:
                hearing.finish()
            while hearing.outgoing:
                message = hearing.outgoing.popleft()
                began = time.monotonic()
                await (stream.finish() if message is None else stream.send(message))
                event = hearing.take(await stream.receive())
                took[message is None].append(time.monotonic() - began)
                if isinstance(event, Utterance):
                    heard.append(event)
    partials, finals = took[False], took[True]
    whole = sum(partials) + sum(finals)
    return Measured(tuple(heard), len(pcm) / (RATE * 2), whole, tuple(partials), tuple(finals))
