"""Our speech server and one as vosk-server's own is, behind the same client and endpointer, asked the same questions.

Each call asks one question after the other, a stream for each, at the pace of speech; at one level nobody says what
somebody has said before. What counts: CPU for a second of speech, and how long after a phrase's end its final comes.
Of ours, half the calls that it carries also beside two recordings and beside two clients with frames of 15 s, and twice
as many: how soon those are told whom it cannot serve, and whether their words follow.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import signal
import socket
import sys
import tempfile
from collections import defaultdict
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any

import psutil

from asr.catalogue import DEMO_MODEL, open_model
from asr.client import AsrClient, AsrUnavailable
from asr.server import serve
from bench.questions import BYTES_PER_SECOND, SHORTEST, Asked, ask, cut, speak_sentences, transcribe_patiently
from gateway.service.courtesy import FOLLOWING

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

_RECORDED, _RECORDINGS = 10, 2  # sentences of a recording, which is transcribed over and over
_FRAME_SECONDS, _FRAMES = 15, 2
_BOUND = 0.5  # seconds within which 95 % of finals come, of calls that are carried
_IN_A_ROW = 2
_LONGER = 2  # times a level's seconds, where two p95 are compared
_RULE = (
    f"carried: in each round, p95 of finals within {_BOUND} s and none lost; "
    f"a server that fails {_IN_A_ROW} levels in a row is asked no higher ones in that round"
)

_Runs = defaultdict[tuple[str, int], list[Asked]]


async def measure(model: Path | None, levels: Sequence[int], rounds: int, seconds: float) -> dict[str, Any]:
    """Both servers in turn, ROUNDS times, with so many calls at once as LEVELS say for so many SECONDS each."""
    folder = model or DEMO_MODEL
    said = await speak_sentences(2 * _count(max(2, levels[-1]), seconds))
    runs: _Runs = defaultdict(list)
    for _ in range(rounds):
        for kind in ("ours", "stock"):
            await _climb(kind, folder, said, levels, seconds, runs)
    carried = {kind: _find_carried(kind, rounds, runs) for kind in ("ours", "stock")}
    most = max(1, carried["ours"])
    for number in range(rounds):
        await _try_more(folder, said, most, seconds, runs, frames=number == 0)
    alone, beside = (runs[f"ours, {how}", max(1, most // 2)] for how in ("alone", "beside recordings"))
    costs = [cut(b.finals, 95) - cut(a.finals, 95) for a, b in zip(alone, beside, strict=True)]
    return {
        "model": "/".join(folder.parts[-2:]),
        "seconds": seconds,
        "rounds": rounds,
        "levels": list(levels),
        "rule": _RULE,
        "carried": carried,
        "recordings_cost_p95": {"median": round(median(costs), 3), "rounds": [round(c, 3) for c in costs]},
        "runs": [{"server": name, "calls": calls, **_describe(of)} for (name, calls), of in runs.items()],
    }


def _count(calls: int, seconds: float) -> int:
    """Sentences that so many calls need for so long."""
    return calls * (int(seconds / SHORTEST) + 1)


async def _climb(
    kind: str, model: Path, said: list[bytes], levels: Sequence[int], seconds: float, runs: _Runs
) -> None:
    failed = 0
    async with _running(kind, model) as (url, process), AsrClient(url) as client:
        for calls in levels:
            run = await ask(client, process, said, calls, seconds)
            runs[kind, calls].append(run)
            failed = 0 if _is_carried(run) else failed + 1
            if failed == _IN_A_ROW:
                return


async def _try_more(
    model: Path, said: list[bytes], carried: int, seconds: float, runs: _Runs, *, frames: bool
) -> None:
    half, long = max(1, carried // 2), _LONGER * seconds
    async with _running("ours", model) as (url, process), AsrClient(url) as client:
        runs["ours, alone", half].append(await ask(client, process, said, half, long))
        async with _recording(url, said[-_RECORDED:]):
            runs["ours, beside recordings", half].append(
                await ask(client, process, said[_count(half, long) :], half, long)
            )
        runs["ours, twice as many", 2 * carried].append(
            await ask(client, process, said, 2 * carried, seconds)
        )
        if frames:
            async with _framing(client, b"".join(said)[: _FRAME_SECONDS * BYTES_PER_SECOND]):
                runs["ours, beside long frames", half].append(await ask(client, process, said, half, seconds))


def _is_carried(run: Asked) -> bool:
    return not run.missed and bool(run.finals) and cut(run.finals, 95) <= _BOUND


def _find_carried(kind: str, rounds: int, runs: _Runs) -> int:
    return max(
        (
            calls
            for (name, calls), of in runs.items()
            if name == kind and len(of) == rounds and all(map(_is_carried, of))
        ),
        default=0,
    )


def _describe(rounds: Sequence[Asked]) -> dict[str, Any]:
    """Times over all rounds together, in seconds; ``final_p95_rounds`` of each."""
    all_ = {
        name: [t for run in rounds for t in getattr(run, name)] for name in ("finals", "partials", "told")
    }
    return {
        "questions": len(all_["finals"]),
        "missed": sum(len(run.missed) for run in rounds),
        "told_p95": cut(all_["told"], 95),
        "followed": sum(run.followed for run in rounds),
        "cpu_per_second": round(sum(run.cpu for run in rounds) / sum(run.spoken for run in rounds), 3),
        "memory_mb": round(max(run.memory for run in rounds) / 1e6),
        **{f"partial_p{p}": cut(all_["partials"], p) for p in (50, 95, 99)},
        **{f"final_p{p}": cut(all_["finals"], p) for p in (50, 95, 99)},
        "final_max": cut(all_["finals"], 100),
        "final_p95_rounds": [cut(run.finals, 95) for run in rounds],
    }


@asynccontextmanager
async def _running(kind: str, model: Path) -> AsyncIterator[tuple[str, psutil.Process]]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    program = (
        ("bench.recognition", "serve", f"tcp:127.0.0.1:{port}", str(model))
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


@asynccontextmanager
async def _recording(url: str, said: Sequence[bytes]) -> AsyncIterator[None]:
    """Recordings are transcribed meanwhile, over and over, as the worker does: in a process of its own."""
    with tempfile.NamedTemporaryFile(suffix=".pcm") as file:
        file.write(b"".join(said))
        file.flush()
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "bench.recognition", "record", url, file.name),
            stdout=asyncio.subprocess.PIPE,
        )
        try:
            if process.stdout is None or not await process.stdout.readline():
                raise AssertionError("recordings are being transcribed by now")
            yield
        finally:
            with suppress(ProcessLookupError):
                process.kill()
            await process.communicate()


@asynccontextmanager
async def _framing(client: AsrClient, frame: bytes) -> AsyncIterator[None]:
    """Clients that know of no purpose send one long FRAME after the other meanwhile."""

    async def send() -> None:
        while True:
            with suppress(AsrUnavailable):
                async with await client.open() as stream:
                    while True:
                        await stream.send(frame)
                        await stream.receive()
            await asyncio.sleep(0.5)

    sending = [asyncio.create_task(send()) for _ in range(_FRAMES)]
    try:
        yield
    finally:
        for one in sending:
            one.cancel()
        await asyncio.wait(sending)


async def _serve(listen: str, model: Path) -> None:
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    await serve(listen, open_model(model), 0, stop)


async def _record(url: str, pcm: bytes) -> None:
    os.nice(FOLLOWING)

    async def again_and_again() -> None:
        while True:
            await transcribe_patiently(client, pcm)

    async with AsrClient(url) as client:
        tasks = [asyncio.create_task(again_and_again()) for _ in range(_RECORDINGS)]
        print("recording", flush=True)
        await asyncio.gather(*tasks)


def main() -> None:
    """Serve until SIGTERM, or transcribe a recording (s16le, 8 kHz) until killed."""
    parser = argparse.ArgumentParser(prog="python -m bench.recognition")
    parser.add_argument("what", choices=("serve", "record"))
    parser.add_argument("address")
    parser.add_argument("file", type=Path, help="the model, or the recording")
    arguments = parser.parse_args()
    if arguments.what == "serve":
        asyncio.run(_serve(arguments.address, arguments.file))
    else:
        asyncio.run(_record(arguments.address, arguments.file.read_bytes()))


if __name__ == "__main__":
    main()
