from __future__ import annotations

import asyncio
import os
import sys
import tempfile
from pathlib import Path
from typing import IO

import numpy as np
import pytest

from asr.address import UnixAddress, read_address
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


SERVE = """
import asyncio, resource, signal, sys
from asr.address import UnixAddress, read_address
from asr.catalogue import open_model
from asr.server import serve

async def main():
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    await serve(sys.argv[1], open_model(None), 0, stop)

if files := int(sys.argv[2]):
    resource.setrlimit(resource.RLIMIT_NOFILE, (files, files))
asyncio.run(main())
"""


@pytest.fixture
def is_open():
    """Whether somebody listens at an address."""

    async def look(listen: str) -> bool:
        address = read_address(listen)
        try:
            if isinstance(address, UnixAddress):
                _, writer = await asyncio.open_unix_connection(address.path)
            else:
                _, writer = await asyncio.open_connection(address.host, address.port)
        except OSError:
            return False
        writer.close()
        return True

    return look


@pytest.fixture
async def served(environment, is_open):
    """Start a server at an address in a process of its own, or, given a command, that; the process, once it listens."""
    started = []

    async def serve(listen: str, *command: str, files: int = 0, log: IO[bytes] | None = None):
        ours = (sys.executable, "-c", SERVE, listen, str(files))
        process = await asyncio.create_subprocess_exec(*(command or ours), env=environment, stderr=log)
        started.append(process)
        async with asyncio.timeout(60):
            while not await is_open(listen):
                assert process.returncode is None
                await asyncio.sleep(0.05)
        return process

    yield serve
    for process in started:
        if process.returncode is None:
            process.kill()
        await process.wait()


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
