"""Transcribing a recording: the same endpointing and the same messages as live, as fast as the server takes them."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING

from asr.client import AsrUnavailable
from asr.endpoint import PIECE_SECONDS, RATE
from asr.hearing import Hearing
from asr.protocol import Final
from asr.transcript import Utterance

if TYPE_CHECKING:
    from collections.abc import Sequence

    from asr.client import AsrClient, AsrStream
    from asr.protocol import Partial
    from asr.transcript import Word

_PAUSE_SECONDS = 1.0
_AHEAD = 16  # messages sent before the answer to the first is awaited: enough to keep the server busy
_PATIENCE_SECONDS = 120.0  # whoever speaks live comes first
_CHUNK = RATE * 2  # bytes; a second
_PIECE = round(PIECE_SECONDS * RATE) * 2  # bytes


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
        event = hearing.take(await _receive(stream))
        if isinstance(event, Utterance):
            heard.append(event)


async def transcribe_phrases(
    client: AsrClient, phrases: Sequence[tuple[bytes, float]]
) -> list[tuple[str, tuple[Word, ...]]]:
    """Hear phrases, each cut out already: its audio, and where in the recording that begins, in seconds.

    For each its text and its words, with their times in the recording. The audio goes out in the pieces of a live
    phrase. Raises AsrUnavailable, AsrBusy among it.
    """
    heard: list[tuple[str, tuple[Word, ...]]] = []
    sent = 0.0
    stream = await client.open(purpose="late")
    async with stream:
        for pcm, start in phrases:
            pieces = [pcm[offset : offset + _PIECE] for offset in range(0, len(pcm), _PIECE)]
            finals: list[Final] = []
            for number, piece in enumerate(pieces):
                await stream.send(piece)
                if number >= _AHEAD:
                    _keep_final(await _receive(stream), finals)
            await stream.finish()
            for _ in range(min(len(pieces), _AHEAD) + 1):
                _keep_final(await _receive(stream), finals)
            words = tuple(
                replace(w, start=round(w.start + start - sent, 3), end=round(w.end + start - sent, 3))
                for final in finals
                for w in final.words
                if w.text
            )
            heard.append(("".join(final.text for final in finals), words))
            sent += len(pcm) / (RATE * 2)
    return heard


def _keep_final(reply: Partial | Final, finals: list[Final]) -> None:
    if isinstance(reply, Final):
        finals.append(reply)


async def _receive(stream: AsrStream) -> Partial | Final:
    try:
        return await asyncio.wait_for(stream.receive(), _PATIENCE_SECONDS)
    except TimeoutError as error:
        raise AsrUnavailable(f"the speech server has not answered for {_PATIENCE_SECONDS:.0f} s") from error
