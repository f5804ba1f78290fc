"""The speech server with a real official model: memory, delay, recordings beside callers. Measures time: by itself."""

from __future__ import annotations

import asyncio
import statistics
import time

import psutil
import pytest
from officialmodel import KOREAN

from asr.catalogue import open_model
from asr.evaluation.load import ask
from asr.evaluation.own_server import serving
from asr.offline import transcribe

pytestmark = [pytest.mark.soak, pytest.mark.alone]

FRAME = 3200  # bytes, 0.2 s
SAID = (
    "我要投诉小区夜间施工噪音扰民",
    "我家停水三天了没人管",
    "颍州区清河街道路灯不亮",
    "医保怎么报销",
    "是的",
)


@pytest.fixture
async def said(spoken, silence) -> list[bytes]:
    return [silence(0.4) + await spoken(text) + silence(1.5) for text in SAID]


@pytest.fixture
async def client():
    async with serving(open_model(KOREAN)) as client:
        yield client


def resident() -> int:
    """Of the speech server, which is this process's only Python child."""
    return sum(
        child.memory_info().rss
        for child in psutil.Process().children(recursive=True)
        if "asr.evaluation.own_server" in child.cmdline()
    )


async def question(client, pcm: bytes) -> list[float]:
    """One stream; the seconds that each frame's answer took, the final's last."""
    took = []
    async with await client.open() as stream:
        for at in range(0, len(pcm), FRAME):
            began = time.monotonic()
            await stream.send(pcm[at : at + FRAME])
            await stream.receive()
            took.append(time.monotonic() - began)
        began = time.monotonic()
        await stream.finish()
        await stream.receive()
        took.append(time.monotonic() - began)
    return took


async def test_fifty_more_questions_cost_no_memory_and_no_frame_waits(client, said):
    for number in range(20):
        await question(client, said[number % len(said)])
    before = resident()
    took = [t for number in range(50) for t in await question(client, said[number % len(said)])]
    grown = (resident() - before) / 1e6
    p95 = statistics.quantiles(took, n=100)[94]
    print(f"memory of 50 more questions {grown:+.1f} MB, frames p95 {p95 * 1000:.0f} ms of {len(took)}")
    assert before > 1e8
    assert grown <= 30
    assert p95 <= 0.1


async def test_recordings_beside_callers_cost_these_little(client, said):
    alone = await ask(client, said, 2, 30.0)
    recording = b"".join(said) * 6
    jobs = [asyncio.create_task(transcribe(client, recording)) for _ in range(2)]
    beside = await ask(client, said, 2, 30.0)
    busy = not all(job.done() for job in jobs)
    for job in jobs:
        job.cancel()
    await asyncio.gather(*jobs, return_exceptions=True)
    assert alone.p95 is not None
    assert beside.p95 is not None
    print(f"final p95 alone {alone.p95 * 1000:.0f} ms, beside recordings {beside.p95 * 1000:.0f} ms")
    assert busy, "the recordings were over too soon to cost anybody anything"
    assert not beside.lost
    assert beside.p95 - alone.p95 <= 0.05
