"""Our speech server and one as vosk-server's own is, behind the same client and endpointer, asked the same questions.

Each call asks one question after the other, a stream for each, at the pace of speech. What counts: CPU for a second of
speech, and how long after the end of a phrase its final comes.
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
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psutil

from asr.catalogue import DEMO_MODEL, open_model
from asr.client import AsrClient
from asr.ear import Deaf, Ear, Utterance
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
    return {"model": folder.name, "runs": runs, "carried": _carried(runs)}


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


async def _ask(
    url: str, process: psutil.Process, said: list[bytes], calls: int, seconds: float
) -> dict[str, Any]:
    finals: list[float] = []
    deaf: list[Deaf] = []
    spoken = 0.0
    until = time.monotonic() + seconds

    async def call(number: int) -> None:
        nonlocal spoken
        await asyncio.sleep(number * 0.37 % 2.0)
        turn = number
        while time.monotonic() < until:
            pcm = said[turn % len(said)]
            turn += 1
            spoken += len(pcm) / 16000
            heard: asyncio.Future[float] = asyncio.get_running_loop().create_future()

            def tell(event: object, heard: asyncio.Future[float] = heard) -> None:
                if isinstance(event, Deaf):
                    deaf.append(event)
                if isinstance(event, Utterance | Deaf | BaseException) and not heard.done():
                    heard.set_result(time.monotonic())

            ear, ended, spoke = Ear(client, None, _PAUSE, 0.0, tell, tell), 0.0, False
            began = time.monotonic()
            for number_, at in enumerate(range(0, len(pcm), _PIECE), 1):
                ear.feed(pcm[at : at + _PIECE])
                speaking = ear._hearing.speaking  # noqa: SLF001 - when the phrase ended is told by nobody
                if spoke and not speaking and not ended:
                    ended = time.monotonic()
                spoke = speaking
                await asyncio.sleep(max(0.0, began + number_ * 0.2 - time.monotonic()))
            if ended:
                finals.append(await heard - ended)
            ear.close()

    before = sum(process.cpu_times()[:2])
    async with AsrClient(url) as client:
        await asyncio.gather(*(call(number) for number in range(calls)))
    used = sum(process.cpu_times()[:2]) - before
    cuts = statistics.quantiles(finals, n=100) if len(finals) > 1 else [0.0] * 99
    return {
        "questions": len(finals),
        "deaf": len(deaf),
        "cpu_per_second": used / spoken,
        "memory_mb": process.memory_info().rss / 1e6,
        "final_p50": cuts[49],
        "final_p95": cuts[94],
        "final_p99": cuts[98],
    }


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
