"""Made-up callers who answer questions: what they say, and how soon it is understood."""

from __future__ import annotations

import asyncio
import random
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from asr.client import AsrUnavailable
from asr.demo_model.grammar import load_grammar
from asr.demo_model.vocabulary import load_vocabulary
from asr.ear import Deaf, Ear, PartialText, SpeechStarted, Utterance
from asr.offline import transcribe
from gateway.prompts.voice import speak

if TYPE_CHECKING:
    from collections.abc import Sequence

    import psutil

    from asr.client import AsrClient

SHORTEST = 2.7
"""Seconds: no sentence is shorter, with the silence around it."""
BYTES_PER_SECOND = 16000

_PIECE_SECONDS = 0.2
_PIECE = round(_PIECE_SECONDS * BYTES_PER_SECOND)
_BEFORE, _AFTER = bytes(6400), bytes(24000)
_PAUSE = 0.6
_FEWEST_WORDS = 4
_SEED = 10


@dataclass
class Asked:
    """What came of questions: seconds until each of the ``finals`` and ``partials``, of ``spoken`` seconds of audio.

    ``told``: how long after somebody began to speak it was known that he is not served; ``missed``: what he said, of
    which ``followed`` so many were transcribed afterwards. ``cpu`` and ``memory``, in seconds and bytes, the server's.
    """

    finals: list[float] = field(default_factory=list)
    partials: list[float] = field(default_factory=list)
    told: list[float] = field(default_factory=list)
    missed: list[bytes] = field(default_factory=list)
    spoken: float = 0.0
    followed: int = 0
    cpu: float = 0.0
    memory: int = 0


async def speak_sentences(count: int) -> list[bytes]:
    """So many sentences, no two alike, always the same (s16le, 8 kHz), with silence at both ends."""
    dice, grammar = random.Random(_SEED), load_grammar(load_vocabulary())
    texts: dict[str, None] = {}
    while len(texts) < count:
        words = grammar.draw(dice)
        if len(words) >= _FEWEST_WORDS:
            texts["".join(words)] = None
    at_once = asyncio.Semaphore(2)

    async def say(text: str) -> bytes:
        async with at_once:
            return _BEFORE + await speak(text) + _AFTER

    said = await asyncio.gather(*map(say, texts))
    if min(map(len, said)) < SHORTEST * BYTES_PER_SECOND:
        raise AssertionError("a sentence is shorter than they are said to be")
    return said


async def ask(
    client: AsrClient, process: psutil.Process, said: Sequence[bytes], calls: int, seconds: float
) -> Asked:
    """So many CALLS for so long, each of which says something else each time, then what was missed once more."""
    asked, began = Asked(), sum(process.cpu_times()[:2])
    left, until = iter(said), time.monotonic() + seconds

    async def call(number: int) -> None:
        await asyncio.sleep(number * 0.37 % 2.0)
        while time.monotonic() < until:
            await _question(client, next(left), asked)

    await asyncio.gather(*(call(number) for number in range(calls)))
    asked.cpu = sum(process.cpu_times()[:2]) - began
    asked.memory = process.memory_info().rss
    asked.followed = sum([bool(await transcribe_patiently(client, pcm)) for pcm in asked.missed])
    return asked


async def _question(client: AsrClient, pcm: bytes, asked: Asked) -> None:
    """Say it at the pace of speech, and wait for what comes of it."""
    asked.spoken += len(pcm) / BYTES_PER_SECOND
    heard: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
    ended = began_to_speak = at = 0.0
    began = time.monotonic()

    def tell(event: object) -> None:
        nonlocal at, began_to_speak
        now = time.monotonic()
        if isinstance(event, SpeechStarted):
            began_to_speak = now
        elif isinstance(event, PartialText):
            asked.partials.append(now - began - event.at)
        elif isinstance(event, Utterance | Deaf | BaseException) and not heard.done():
            at = now
            heard.set_result(isinstance(event, Utterance))

    ear, spoke = Ear(client, None, _PAUSE, 0.0, tell, tell), False
    for number, place in enumerate(range(0, len(pcm), _PIECE), 1):
        await asyncio.sleep(max(0.0, began + number * _PIECE_SECONDS - time.monotonic()))
        ear.feed(pcm[place : place + _PIECE])
        if spoke and not ear.speaking and not ended:
            ended = time.monotonic()
        spoke = ear.speaking
    if not ended and not heard.done():
        raise AssertionError("what is said here has an end")
    if await heard:
        asked.finals.append(at - ended)
    else:
        asked.told.append(at - began_to_speak)
        asked.missed.append(pcm)
    ear.close()


async def transcribe_patiently(client: AsrClient, pcm: bytes) -> tuple[Utterance, ...]:
    """As a job does it: later, where live speech needs the server."""
    while True:
        try:
            return await transcribe(client, pcm)
        except AsrUnavailable:
            await asyncio.sleep(0.5)


def cut(times: Sequence[float], percent: int) -> float:
    """So many percent of TIMES are no longer; 0 of none."""
    return round(float(np.quantile(times, percent / 100)), 3) if times else 0.0
