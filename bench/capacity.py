"""Many calls in one gateway process, next to pjsua2 with the same ports and nothing else."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import sys
import tempfile
from collections import Counter
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any

from bench import speech
from bench.deafness import measure_deafness, wait_for_words
from bench.house import open_house
from bench.loop import read_loop
from bench.peer import Load, generate
from bench.processes import Busy, Usage
from bench.throttle import serve_slowly
from gateway.prompts.sounds import write_wav
from gateway.prompts.voice import speak
from recordings.entries import Heard
from recordings.folders import spool
from recordings.journal import read

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from bench.house import House
    from bench.peer import PeerReport

_FRAMES_PER_SECOND = 50
_FILING_LOOKS, _FILING_PAUSE_SECONDS = 120, 0.5
_DIALOGUE = ("played", "heard", "unconfirmed", "unconfirmed_at_end", "deaf", "number", "finished")
_EVEN_MS, _BESIDE_MS, _DEAREST = 30.0, 6.0, 1.3
_BOTH = ("bare", "gateway")
PROMPT = "您好，阜阳12345热线。请说您要反映的事，也可以按键。我是语音助手，通话会录音。"


class Meter:
    """CPU and memory of named processes during the measured time."""

    def __init__(self, processes: dict[str, int]) -> None:
        self._processes = processes
        self._before: dict[str, Usage] = {}
        self._busy: Busy | None = None
        self.figures: dict[str, Any] = {}

    def hear(self, event: str) -> None:
        """The load generator's announcements."""
        now, busy = {name: Usage.of(pid) for name, pid in self._processes.items()}, Busy.now()
        if event == "measuring":
            self._before, self._busy = now, busy
        elif self._busy is not None:
            self.figures = {
                "cpu_percent": {n: round(now[n].percent_since(u), 2) for n, u in self._before.items()},
                "resident_mb": {n: round(u.resident / 1e6, 1) for n, u in now.items()},
                "machine_cpu_percent": round(busy.percent_since(self._busy), 1),
            }


async def measure(
    program: Path, counts: Sequence[int], rounds: int, seconds: float, decoding: float | None = None
) -> dict[str, Any]:
    """Bare and gateway in turn, for each number of calls, ROUNDS times; every run is ended before the next begins.

    ``decoding`` is how much of what the callers say can be decoded: 0.5 is half of it, 0 is no speech server, None as
    much as the machine can.
    """
    with tempfile.TemporaryDirectory(prefix="hotline-bench-") as scratch:
        folder = Path(scratch)
        length, spoken = await speech.write_speech(speech.CAPACITY, folder / "caller.ulaw")
        write_wav(folder / "prompt.wav", await speak(PROMPT))
        runs = []
        for turn in range(rounds):
            for calls in counts:
                load = Load(calls, seconds, folder / "caller.ulaw")
                rate = None if decoding is None else decoding * calls * spoken
                for name, run in (("bare", run_bare), ("gateway", partial(_run_gateway, rate=rate))):
                    figures = {
                        "what": name,
                        "calls": calls,
                        "round": turn + 1,
                        **await run(program, load, folder),
                    }
                    runs.append(figures)
                    print(json.dumps(figures), file=sys.stderr)
    return {
        "caller": {"seconds": round(length, 1), "speaking": round(spoken, 3)},
        "seconds": seconds,
        "decoding": decoding,
        "runs": runs,
        "summary": [
            summarise(runs, calls) | ({"accepted": accept(runs, calls, _DEAREST)} if decoding == 0 else {})
            for calls in counts
        ],
    }


@dataclass(slots=True)
class Bare:
    """A running `bench.bare`: where it answers, its process, and, once it is over, the samples that it lost."""

    sip: str
    pid: int
    lost_samples: int = 0


@contextlib.asynccontextmanager
async def open_bare(calls: int, folder: Path, target: str = "") -> AsyncIterator[Bare]:
    """pjsua2 alone for so many calls, each of which is passed on to ``target``, if there is one."""
    with tempfile.TemporaryDirectory(dir=folder) as recordings:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "bench.bare", "--calls", str(calls + 64), "--target", target),
            *("--prompt", str(folder / "prompt.wav"), "--folder", recordings),
            stdout=asyncio.subprocess.PIPE,
        )
        assert process.stdout is not None  # noqa: S101 - asked for above
        bare = Bare("", process.pid)
        try:
            bare.sip = (await process.stdout.readline()).decode().strip()
            yield bare
        finally:
            with contextlib.suppress(ProcessLookupError):
                process.terminate()
            printed, _ = await process.communicate()
        bare.lost_samples = json.loads(printed)["lost_samples"]


async def run_bare(program: Path, load: Load, folder: Path, target: str = "") -> dict[str, Any]:
    """This load on pjsua2 alone."""
    async with open_bare(load.calls, folder, target) as bare:
        meter = Meter({"bare": bare.pid})
        report = await generate(program, bare.sip, load, meter.hear)
    return {
        **describe_load(load, report),
        **meter.figures,
        "recordings": {"lost_samples": bare.lost_samples},
    }


@contextlib.asynccontextmanager
async def _open_house(cap: int, folder: Path, rate: float | None) -> AsyncIterator[House]:
    """A house that decodes RATE seconds of audio a second; None: as much as it can, 0: without a speech server."""
    if rate is None:
        async with open_house(cap) as house:
            yield house
    elif rate == 0:
        async with open_house(cap, f"unix:{folder / 'nobody.sock'}", hears=False) as house:
            yield house
    else:
        async with serve_slowly(folder, rate) as (url, pid), open_house(cap, url) as house:
            house.processes["asr"] = pid
            yield house


async def _run_gateway(program: Path, load: Load, folder: Path, rate: float | None) -> dict[str, Any]:
    async with _open_house(load.calls + 64, folder, rate) as house:
        meter = Meter(house.processes)
        report = await generate(program, house.sip, load, meter.hear)
        loop = await read_loop(house.socket)
        await wait_until_filed(spool(house.data))
        kinds = await asyncio.to_thread(count_entries, house.data)
        deaf = await asyncio.to_thread(measure_deafness, house.data)
        words = None if rate == 0 else await wait_for_words(house.data)
    assert meter.figures["cpu_percent"].keys() == house.processes.keys()  # noqa: S101 - none of them died
    return {
        **describe_load(load, report),
        **meter.figures,
        "loop": loop,
        "decoded_a_second_at_most": None if rate is None else round(rate, 1),
        "recordings": {"incomplete": kinds["recording_trouble"]},
        "dialogue": {kind: kinds[kind] for kind in _DIALOGUE},
        "deaf": deaf.describe(),
        "words": words,
    }


async def wait_until_filed(folder: Path) -> None:
    """Until the calls have left the spool; what was not in time shows in the counts."""
    for _ in range(_FILING_LOOKS):
        if not await asyncio.to_thread(os.listdir, folder):
            return
        await asyncio.sleep(_FILING_PAUSE_SECONDS)


def count_entries(data: Path) -> Counter[str]:
    """Journal entries of all calls by kind, and phrases whose final came too late: in the call, and at its end."""
    counts: Counter[str] = Counter()
    for journal in data.rglob("events.jsonl"):
        kinds = Counter[str]()
        for written in read(journal.parent).entries:
            kinds[written.entry.kind] += 1
            if isinstance(written.entry, Heard) and not written.entry.confirmed:
                kinds["unconfirmed_at_end" if kinds["hungup"] else "unconfirmed"] += 1
        counts += kinds
    return counts


def describe_load(load: Load, report: PeerReport) -> dict[str, Any]:
    p99s = [stream.gap_ms.p99 for stream in report.streams if stream.gap_ms]
    return {
        "rtp": {
            "gap_ms": asdict(report.gap_ms) if report.gap_ms else None,
            "worst_stream_p99_ms": max(p99s, default=None),
            "received": report.received,
            "expected": round(load.calls * report.measured_seconds * _FRAMES_PER_SECOND),
            "missing": report.missing,
            "stray": report.stray,
            "pauses": report.pauses,
        },
        "setup_ms": asdict(report.setup_ms) if report.setup_ms else None,
        "placed": len(report.calls),
        "answered": report.answered,
        "failed": report.failed,
        "generator_late_ms": asdict(report.sent_late_ms) if report.sent_late_ms else None,
    }


def summarise(runs: list[dict[str, Any]], calls: int) -> dict[str, Any]:
    """Medians over the rounds, and the gateway's figures over the bare ones of the same round."""
    bare = [r for r in runs if r["what"] == "bare" and r["calls"] == calls]
    full = [r for r in runs if r["what"] == "gateway" and r["calls"] == calls]
    per_call_bare = [r["cpu_percent"]["bare"] / calls for r in bare]
    per_call = [r["cpu_percent"]["gateway"] / calls for r in full]
    return {
        "calls": calls,
        "cpu_percent_per_call": {
            "bare": round(median(per_call_bare), 4),
            "gateway": round(median(per_call), 4),
            "ratio": round(median(g / b for g, b in zip(per_call, per_call_bare, strict=True)), 2),
        },
        "asr_cpu_percent": round(median(r["cpu_percent"].get("asr", 0.0) for r in full), 1),
        "gap_p99_ms": {
            name: median(r["rtp"]["gap_ms"]["p99"] for r in of) for name, of in _named(bare, full)
        },
        "gap_max_ms": {name: max(r["rtp"]["gap_ms"]["max"] for r in of) for name, of in _named(bare, full)},
        "missing": {name: sum(r["rtp"]["missing"] for r in of) for name, of in _named(bare, full)},
    }


def accept(runs: list[dict[str, Any]], calls: int, dearest: float | None = None) -> dict[str, bool]:
    """Whether the gateway was good enough, in every round, next to the bare run of the same round.

    ``gap``: the 99th percentile between two packets within `_EVEN_MS`, or no more than `_BESIDE_MS` above the bare one.
    ``cpu``, where a factor is given: the median of what a call costs over what it costs bare.
    """
    pairs = [
        [
            next(r for r in runs if (r["what"], r["calls"], r["round"]) == (what, calls, number))
            for what in _BOTH
        ]
        for number in sorted({r["round"] for r in runs})
    ]
    gaps = [[run["rtp"]["gap_ms"]["p99"] for run in pair] for pair in pairs]
    accepted = {"gap": all(gap <= max(_EVEN_MS, bare + _BESIDE_MS) for bare, gap in gaps)}
    if dearest is not None:
        costs = [full["cpu_percent"]["gateway"] / bare["cpu_percent"]["bare"] for bare, full in pairs]
        accepted["cpu"] = median(costs) <= dearest
    return accepted


def _named(
    bare: list[dict[str, Any]], full: list[dict[str, Any]]
) -> tuple[tuple[str, list[dict[str, Any]]], ...]:
    return ("bare", bare), ("gateway", full)
