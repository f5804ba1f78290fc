"""Many calls that come at once: each is answered, by pjsua2 alone and by the gateway with the guard at its door."""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from bench import speech
from bench.capacity import PROMPT, describe_load, open_bare
from bench.house import open_house
from bench.peer import Load, generate
from gateway.prompts.sounds import write_wav
from gateway.prompts.voice import speak

if TYPE_CHECKING:
    from bench.peer import PeerReport

_TALK_SECONDS: Final = 1.0
_CAP: Final = 600
_ACCESS: Final = {"allow": ["127.0.0.0/8"], "peers": ["127.0.0.1"]}


async def measure(program: Path, rate: float, seconds: float, rounds: int) -> dict[str, Any]:
    """RATE calls a second for so many seconds, each of a second, on bare pjsua2 and on the gateway in turn.

    The gateway has no speech server: its own part of a call is measured.
    """
    with tempfile.TemporaryDirectory(prefix="hotline-bench-") as scratch:
        folder = Path(scratch)
        await speech.write_speech(speech.LATENCY, folder / "caller.ulaw")
        write_wav(folder / "prompt.wav", await speak(PROMPT))
        calls = round(rate * seconds)
        load = Load(
            calls, 0.1, folder / "caller.ulaw", rate=rate, settle=0.5, redial=False, talk=_TALK_SECONDS
        )
        runs = []
        for turn in range(rounds):
            for name, run in (("bare", _run_bare), ("gateway", _run_gateway)):
                report = await run(program, load, folder)
                figures = describe_load(load, report)
                kept = ("setup_ms", "placed", "answered", "failed", "generator_late_ms")
                runs.append({"what": name, "round": turn + 1, **{key: figures[key] for key in kept}})
                print(json.dumps(runs[-1]), file=sys.stderr)
    return {
        "rate": rate,
        "seconds": seconds,
        "talk_seconds": _TALK_SECONDS,
        "runs": runs,
        "without_failure": all(
            run["answered"] == run["placed"] == calls and not run["failed"]
            for run in runs
            if run["what"] == "gateway"
        ),
    }


async def _run_bare(program: Path, load: Load, folder: Path) -> PeerReport:
    async with open_bare(_CAP, folder) as bare:
        return await generate(program, bare.sip, load, lambda _event: None)


async def _run_gateway(program: Path, load: Load, folder: Path) -> PeerReport:
    nobody = f"unix:{folder / 'nobody.sock'}"
    async with open_house(_CAP, nobody, hears=False, access=_ACCESS) as house:
        return await generate(program, house.sip, load, lambda _event: None)
