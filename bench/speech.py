"""What the callers say, over and over: a complaint, a pause, an answer, a pause."""

from __future__ import annotations

import asyncio
import warnings
from typing import TYPE_CHECKING

from gateway.prompts.voice import speak
from gateway.site.sound import SAMPLE_RATE

with warnings.catch_warnings():
    warnings.simplefilter("ignore", DeprecationWarning)  # gone in Python 3.13; this runs on 3.11 and 3.12
    import audioop

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

Lines = tuple[tuple[str, float], ...]
"""What is said, and how many seconds of silence follow."""

CAPACITY: Lines = (
    ("我要投诉颍州区清河街道小区夜间施工噪音扰民", 12.0),
    ("对", 9.0),
    ("我家停水三天了没人管", 12.0),
    ("是的", 9.0),
)
LATENCY: Lines = (("下水道堵塞污水臭味很大", 2.0), ("老板拖欠工资三个月", 2.0))


async def write_speech(lines: Sequence[tuple[str, float]], file: Path) -> tuple[float, float]:
    """Write LINES to FILE as µ-law at 8 kHz; returns its seconds, and the part of them in which somebody speaks."""
    pcm, spoken = bytearray(), 0
    for text, pause in lines:
        said = await speak(text)
        spoken += len(said)
        pcm += said + bytes(2 * round(pause * SAMPLE_RATE))
    await asyncio.to_thread(file.write_bytes, audioop.lin2ulaw(bytes(pcm), 2))
    return len(pcm) / (2 * SAMPLE_RATE), spoken / len(pcm)
