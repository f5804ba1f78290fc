"""Our speech server and one as vosk-server's own is, behind the same client and endpointer, asked the same questions.

Each call asks one question after the other, a stream for each, at the pace of speech. What counts: CPU for a second of
speech, and how long after the end of a phrase its final comes. Of ours, half the calls that it carries also beside two
recordings, and twice as many: how soon those are told whom it cannot serve, and whether their words follow.
"""

from __future__ import annotations

import argparse
import asyncio
import signal
import socket
import statistics
import sys
import tempfile
import time
from collections import defaultdict
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psutil

from asr.catalogue import DEMO_MODEL, open_model
from asr.client import AsrClient, AsrUnavailable
from asr.ear import Deaf, Ear, SpeechStarted, Utterance
from asr.offline import transcribe
from asr.server import serve
from gateway.prompts.voice import speak

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

_SAID = (
    *("我要投诉小区夜间施工噪音扰民", "我家停水三天了没人管", "颍州区清河街道路灯不亮", "老板拖欠工资三个月"),
    *("下水道堵塞污水臭味很大", "医保怎么报销", "是的", "不对", "转人工"),
)
_PIECE = 3200  # bytes, 0.2 s
_PAUSE = 0.6
_RECORDINGS = 2
_BOUND = 0.5  # seconds within which 95 % of finals come, of calls that are carried


async def measure(model: Path | None, calls: Sequence[int], rounds: int, seconds: float) -> dict[str, Any]:
    """Both servers in turn, ROUNDS times, with so many CALLS at once for so many SECONDS each."""
    folder = model or DEMO_MODEL
    said = [bytes(6400) + await speak(text) + bytes(24000) for text in _SAID]
    runs = []
    for number in range(rounds):
        for kind in ("ours", "stock"):
            async with _running(kind, folder) as (url, process):
                for count in calls:
                    run = await _ask(url, process, said, count, seconds)
                    runs.append({"server": kind, "round": number, "calls": count, **run})
    carried = _carried(runs)
    half, double = max(1, carried["ours"] // 2), 2 * max(1, carried["ours"])
    for number in range(rounds):
        async with _running("ours", folder) as (url, process):
            for recordings in (0, _RECORDINGS):
                run = await _ask(url, process, said, half, seconds, recordings)
                runs.append({"server": f"ours+{recordings}", "round": number, "calls": half, **run})
            run = await _ask(url, process, said, double, seconds)
            runs.append({"server": "ours*2", "round": number, "calls": double, **run})
    return {"model": folder.name, "runs": runs, "carried": carried}


def _carried(runs: list[dict[str, Any]]) -> dict[str, int]:
    """The most calls of which, over all rounds, 95 % of finals came in time and none was lost."""
    by: dict[tuple[str, int], list[bool]] = defaultdict(list)
    for run in runs:
        by[run["server"], run["calls"]].append(run["final_p95"] <= _BOUND and not run["deaf"])
    return {
        kind: max((calls for (name, calls), good in by.items() if name == kind and all(good)), default=0)
        for kind in ("ours", "stock")
    }


@asynccontextmanager
async def _running(kind: str, model: Path) -> AsyncIterator[tuple[str, psutil.Process]]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    program = (
        ("bench.recognition", f"tcp:127.0.0.1:{port}", str(model))
        if kind == "ours"
        else ("bench.stockserver", str(port), str(model))
    )
    with tempfile.TemporaryFile() as log:
        process = await asyncio.create_subprocess_exec(sys.executable, "-m", *program, stdout=log, stderr=log)
        try:
            while process.returncode is None:
                with suppress(OSError):
                    _, writer = await asyncio.open_connection("127.0.0.1", port)
                    writer.close()
                    break
                await asyncio.sleep(0.1)
            yield f"ws://127.0.0.1:{port}", psutil.Process(process.pid)
        finally:
            with suppress(ProcessLookupError):
                process.kill()
            await process.wait()


@dataclass
class _Asked:
    """What came of questions: seconds until each ``finals``, of ``spoken`` seconds of audio.

    ``told``: how long after somebody began to speak it was known that he is not served; ``missed``: what he said.
    """

    finals: list[float] = field(default_factory=list)
    told: list[float] = field(default_factory=list)
    missed: list[bytes] = field(default_factory=list)
    spoken: float = 0.0


async def _ask(
    url: str, process: psutil.Process, said: list[bytes], calls: int, seconds: float, recordings: int = 0
) -> dict[str, Any]:
    """So many CALLS for so long, beside so many RECORDINGS; then what could not be heard is transcribed."""
    asked = _Asked()
    until = time.monotonic() + seconds

    async def call(number: int) -> None:
        await asyncio.sleep(number * 0.37 % 2.0)
        turn = number
        while time.monotonic() < until:
            await _question(client, said[turn % len(said)], asked)
            turn += 1

    before = sum(process.cpu_times()[:2])
    async with AsrClient(url) as client:
        beside = [asyncio.create_task(_record(client, b"".join(said))) for _ in range(recordings)]
        await asyncio.gather(*(call(number) for number in range(calls)))
        for recording in beside:
            recording.cancel()
        await asyncio.gather(*beside, return_exceptions=True)
        used = sum(process.cpu_times()[:2]) - before
        followed = sum([bool(await _transcribe(client, pcm)) for pcm in asked.missed])
    cuts = statistics.quantiles(asked.finals, n=100) if len(asked.finals) > 1 else [0.0] * 99
    return {
        "questions": len(asked.finals),
        "deaf": len(asked.missed),
        "told_p95": statistics.quantiles(asked.told, n=20)[-1] if len(asked.told) > 1 else 0.0,
        "followed": followed,
        "cpu_per_second": used / asked.spoken,
        "memory_mb": process.memory_info().rss / 1e6,
        "final_p50": cuts[49],
        "final_p95": cuts[94],
        "final_p99": cuts[98],
    }


async def _question(client: AsrClient, pcm: bytes, asked: _Asked) -> None:
    """Say it at the pace of speech, and wait for what comes of it."""
    asked.spoken += len(pcm) / 16000
    heard: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
    ended = began_to_speak = at = 0.0

    def tell(event: object) -> None:
        nonlocal at, began_to_speak
        if isinstance(event, SpeechStarted):
            began_to_speak = time.monotonic()
        elif isinstance(event, Utterance | Deaf | BaseException) and not heard.done():
            at = time.monotonic()
            heard.set_result(isinstance(event, Utterance))

    ear, spoke = Ear(client, None, _PAUSE, 0.0, tell, tell), False
    began = time.monotonic()
    for number, place in enumerate(range(0, len(pcm), _PIECE), 1):
        ear.feed(pcm[place : place + _PIECE])
        if spoke and not ear.speaking and not ended:
            ended = time.monotonic()
        spoke = ear.speaking
        await asyncio.sleep(max(0.0, began + number * 0.2 - time.monotonic()))
    if not ended and not heard.done():
        raise AssertionError("what is said here has an end")
    if await heard:
        asked.finals.append(at - ended)
    else:
        asked.told.append(at - began_to_speak)
        asked.missed.append(pcm)
    ear.close()


async def _record(client: AsrClient, pcm: bytes) -> None:
    while True:
        await _transcribe(client, pcm)


async def _transcribe(client: AsrClient, pcm: bytes) -> tuple[Utterance, ...]:
    """As a job does it: later, where live speech needs the server."""
    while True:
        try:
            return await transcribe(client, pcm)
        except AsrUnavailable:
            await asyncio.sleep(0.5)


async def _serve(listen: str, model: Path) -> None:
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    await serve(listen, open_model(model), 0, stop)


def main() -> None:
    """Serve until SIGTERM."""
    parser = argparse.ArgumentParser(prog="python -m bench.recognition")
    parser.add_argument("listen")
    parser.add_argument("model", type=Path)
    arguments = parser.parse_args()
    asyncio.run(_serve(arguments.listen, arguments.model))


if __name__ == "__main__":
    main()
