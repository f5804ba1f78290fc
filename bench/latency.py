"""From the caller's BYE to the intake's acceptance of the ticket revision that holds the whole call."""

from __future__ import annotations

import asyncio
import json
import sys
import tempfile
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import aiohttp

from bench import speech
from bench.house import open_house
from bench.peer import Load, Quantiles, generate

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bench.peer import PlacedCall

_REST_SECONDS = 2.0  # before anybody asks the intake: asking must not slow what is measured
_PATIENCE_SECONDS = 20.0
_SPOKEN_SECONDS = 8.0
_CAP = 200


async def measure(program: Path, sizes: Sequence[tuple[int, int]]) -> dict[str, Any]:
    """For each (callers, rounds): all hang up at the same moment, wherever each is in what it says."""
    with tempfile.TemporaryDirectory(prefix="hotline-bench-") as scratch:
        audio = Path(scratch) / "caller.ulaw"
        length, spoken = await speech.write_speech(speech.LATENCY, audio)
        found = []
        async with open_house(_CAP) as house:
            await _hang_up_together(
                program, house.sip, house.intake, Load(1, 1.0, audio)
            )  # everything is warm now
            for calls, rounds in sizes:
                load = Load(calls, 1.0, audio, rate=50, settle=_SPOKEN_SECONDS, redial=False)
                delays = []
                for _ in range(rounds):
                    delays += await _hang_up_together(program, house.sip, house.intake, load)
                figures = _describe(calls, rounds, delays)
                found.append(figures)
                print(json.dumps(figures), file=sys.stderr)
    return {"caller": {"seconds": round(length, 1), "speaking": round(spoken, 3)}, "hang_ups": found}


async def _hang_up_together(program: Path, sip: str, intake: str, load: Load) -> list[float | None]:
    """Milliseconds for each call; None for a call without a ticket 20 s later."""
    report = await generate(program, sip, load, lambda _event: None)
    await asyncio.sleep(_REST_SECONDS)
    async with aiohttp.ClientSession() as session:
        return [await _delay(session, intake, call) for call in report.calls]


async def _delay(session: aiohttp.ClientSession, intake: str, call: PlacedCall) -> float | None:
    deadline = asyncio.get_running_loop().time() + _PATIENCE_SECONDS
    while call.ended_at is not None and asyncio.get_running_loop().time() < deadline:
        params = {"sip_call_id": call.sip_call_id}
        async with session.get(f"{intake}/v1/tickets", params=params) as answer:
            whole = [_whole(ticket) for ticket in (await answer.json())["tickets"]]
        accepted = [at for at in whole if at is not None]
        if accepted and len(accepted) == len(whole):
            return 1000 * (max(accepted) - call.ended_at)
        await asyncio.sleep(0.2)
    return None


def _whole(ticket: dict[str, Any]) -> float | None:
    """When the first revision that holds the whole call was accepted, seconds since 1970; None: not yet."""
    for revision in ticket["revisions"]:
        if revision["ticket"]["call"]["ended_at"] is not None:
            return datetime.fromisoformat(revision["accepted_at"]).timestamp()
    return None


def _describe(calls: int, rounds: int, delays: Sequence[float | None]) -> dict[str, Any]:
    known = sorted(delay for delay in delays if delay is not None)
    return {
        "calls": calls,
        "rounds": rounds,
        "accepted": len(known),
        "without_ticket": len(delays) - len(known),
        "hangup_to_accepted_ms": asdict(quantiles(known)) if known else None,
    }


def quantiles(ordered: Sequence[float]) -> Quantiles:
    """Median, 99th percentile (nearest rank) and largest of values in ascending order."""
    count = len(ordered)
    p50, p99 = ordered[(count - 1) // 2], ordered[-(-count * 99 // 100) - 1]
    return Quantiles(round(p50, 1), round(p99, 1), round(ordered[-1], 1))
