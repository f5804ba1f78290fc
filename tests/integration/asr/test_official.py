"""The speech server with a real official model: memory and delay. Measures time: by itself."""

from __future__ import annotations

import statistics
import time

import psutil
import pytest
from officialmodel import KOREAN

from asr.catalogue import open_model
from asr.evaluation.own_server import serving

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
