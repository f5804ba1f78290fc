from __future__ import annotations

import os
import tempfile
from pathlib import Path

import numpy as np
import pytest

from asr.catalogue import open_model
from asr.client import AsrClient
from asr.demo_model.g711 import ALAW, pass_through
from asr.engine import Engine
from asr.server import SpeechServer
from gateway.prompts.voice import speak

MATTERS = (
    "我要投诉小区夜间施工噪音扰民",
    "我家停水三天了没人管",
    "颍州区清河街道路灯不亮",
    "老板拖欠工资三个月",
    "下水道堵塞污水臭味很大",
    "医保怎么报销",
)


def over_the_line(pcm: bytes) -> bytes:
    """What a telephone leaves of it."""
    return pass_through(np.frombuffer(pcm, "<i2").astype(float), ALAW).astype("<i2").tobytes()


@pytest.fixture(scope="session")
def silence():
    return lambda seconds: over_the_line(bytes(2 * round(8000 * seconds)))


@pytest.fixture(scope="session")
def spoken():
    """Say TEXT at LEVEL dBFS, as it arrives over the telephone."""
    kept: dict[tuple[str, float], bytes] = {}

    async def say(text: str, level: float = -20.0) -> bytes:
        if (text, level) not in kept:
            kept[text, level] = over_the_line(await speak(text, level=level))
        return kept[text, level]

    return say


@pytest.fixture(scope="session")
def matters():
    return MATTERS


@pytest.fixture(scope="session")
def engine():
    return Engine(open_model(None))


@pytest.fixture
def folder():
    """A folder with a short path: those of Unix sockets are limited."""
    with tempfile.TemporaryDirectory(prefix="asr") as name:
        yield Path(name)


@pytest.fixture
async def server(engine, folder):
    server = SpeechServer(engine)
    await server.start(f"unix:{folder / 'asr.sock'}")
    server.url = f"unix:{folder / 'asr.sock'}"
    yield server
    await server.stop()


@pytest.fixture
async def client(server):
    async with AsrClient(server.url) as client:
        yield client


@pytest.fixture
def free_port(unused_tcp_port):
    return unused_tcp_port


@pytest.fixture
def environment():
    """For processes that the tests start: the modules under test, and nothing of the caller's."""
    return {"PATH": os.environ["PATH"], "PYTHONPATH": str(Path(__file__).parents[3])}
