"""Many callers who talk with people at once: through the gateway, and through pjsua2 that does nothing but bridge."""

from __future__ import annotations

import asyncio
import json
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from bench import speech
from bench.capacity import (
    PROMPT,
    Meter,
    accept,
    count_entries,
    describe_load,
    open_bare,
    run_bare,
    summarise,
    wait_until_filed,
)
from bench.house import open_house
from bench.peer import Load, generate
from config.document import embedded
from gateway.prompts.sounds import write_wav
from gateway.prompts.voice import speak
from recordings.folders import spool

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

_SETTLE_SECONDS = 12.0  # for whom the last caller is passed on to, to answer and be told what it is about
_LEGS = ("leg.dialled", "leg.answered", "leg.ended", "finished")


async def measure(program: Path, calls: int, rounds: int, seconds: float) -> dict[str, Any]:
    """Bare and gateway in turn, ROUNDS times: what callers hear of those with whom they talk.

    Who is called stands beside both, in a process of its own, and answers at once.
    """
    with tempfile.TemporaryDirectory(prefix="hotline-bench-") as scratch:
        folder = Path(scratch)
        length, spoken = await speech.write_speech(speech.CAPACITY, folder / "caller.ulaw")
        write_wav(folder / "prompt.wav", await speak(PROMPT))
        load = Load(calls, seconds, folder / "caller.ulaw", settle=_SETTLE_SECONDS, redial=False)
        runs: list[dict[str, Any]] = []
        ways: dict[str, Callable[..., Coroutine[Any, Any, dict[str, Any]]]]
        ways = {"bare": run_bare, "gateway": _run_gateway}
        for turn in range(rounds):
            for name, run in ways.items():
                async with open_bare(calls, folder) as people:
                    figures = await run(program, load, folder, f"sip:agent@{people.sip}")
                runs.append({"what": name, "calls": calls, "round": turn + 1, **figures})
                print(json.dumps(runs[-1]), file=sys.stderr)
    return {
        "caller": {"seconds": round(length, 1), "speaking": round(spoken, 3)},
        "seconds": seconds,
        "decoding": None,
        "runs": runs,
        "summary": [summarise(runs, calls) | {"accepted": accept(runs, calls)}],
    }


async def _run_gateway(program: Path, load: Load, folder: Path, target: str) -> dict[str, Any]:
    lines = yaml.safe_load(embedded("hotlines.yaml").read_text(encoding="utf-8"))
    front = next(line for line in lines["hotlines"] if line["number"] == lines["front"])
    front["targets"] = {"centre": [{"name": "坐席", "uri": target}]}
    hotlines = folder / "hotlines.yaml"
    hotlines.write_text(yaml.safe_dump(lines, allow_unicode=True), encoding="utf-8")
    async with open_house(load.calls + 64, hotlines=hotlines) as house:
        meter = Meter(house.processes)
        report = await generate(program, house.sip, load, meter.hear)
        await wait_until_filed(spool(house.data))
        kinds = await asyncio.to_thread(count_entries, house.data)
    return {
        **describe_load(load, report),
        **meter.figures,
        "recordings": {"incomplete": kinds["recording_trouble"]},
        "legs": {kind: kinds[kind] for kind in _LEGS},
    }
