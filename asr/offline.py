"""Transcribing a recording: the same endpointing and the same messages as live, as fast as the server takes them."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from asr.client import AsrUnavailable
from asr.endpoint import RATE
from asr.hearing import Hearing
from asr.transcript import Utterance

if TYPE_CHECKING:
    from asr.client import AsrClient, AsrStream

_PAUSE_SECONDS = 1.0
_AHEAD = 16  # messages sent before the answer to the first is awaited: enough to keep the server busy
_PATIENCE_SECONDS = 120.0  # whoever speaks live comes first
_CHUNK = RATE * 2  # bytes; a second


async def transcribe(client: AsrClient, pcm: bytes, start_s: float = 0.0) -> tuple[Utterance, ...]:
    """Transcribe a whole channel (s16le, 8 kHz, mono) that begins START_S seconds into the recording.

    The same audio gives the same utterances every time. Raises AsrUnavailable, AsrBusy among it: then live speech
    needs the server, and the recording waits.
    """
    hearing = Hearing(_PAUSE_SECONDS, start_s)
    heard: list[Utterance] = []
    stream = await client.open(purpose="late")
    async with stream:
        for offset in range(0, len(pcm), _CHUNK):
            hearing.feed(pcm[offset : offset + _CHUNK])
            await _exchange(stream, hearing, heard, _AHEAD)
            await asyncio.sleep(0)  # silence sends nothing: others have their turn all the same
        hearing.finish()
        await _exchange(stream, hearing, heard, 0)
    return tuple(heard)


async def _exchange(stream: AsrStream, hearing: Hearing, heard: list[Utterance], ahead: int) -> None:
    """Send what there is and take answers, until at most AHEAD messages are unanswered."""
    while hearing.outgoing or hearing.unanswered > ahead:
        if hearing.outgoing and hearing.unanswered - len(hearing.outgoing) < _AHEAD:
            message = hearing.outgoing.popleft()
            await (stream.finish() if message is None else stream.send(message))
            continue
        try:
            reply = await asyncio.wait_for(stream.receive(), _PATIENCE_SECONDS)
        except TimeoutError as error:
            raise AsrUnavailable(
                f"the speech server has not answered for {_PATIENCE_SECONDS:.0f} s"
            ) from error
        event = hearing.take(reply)
        if isinstance(event, Utterance):
            heard.append(event)
