"""Many scripted calls at once from one process of their own: scripts as JSON in, results as JSON out.

A process holds one SIP user agent in its life, so the tests start one for each round of calls. With ``record`` each
caller's own recording is kept as ``FOLDER/caller<its number>.wav``. A result also tells what came to its caller over
RTP: ``received`` packets, and ``missing`` ones.
Usage: callers.py HOST:PORT FOLDER < scripts.json
"""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from config.script import Script
from gateway.caller.call import run_call
from gateway.sip.pj import UserAgent

if TYPE_CHECKING:
    from gateway.sip.leg import Leg


class Counting(UserAgent):
    """Remembers its calls, whose packets can be counted once they are over."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.dialled: dict[str, Leg] = {}

    def dial(self, *arguments: Any, **options: Any) -> Leg:
        leg = super().dial(*arguments, **options)
        self.dialled[leg.sip_call_id] = leg
        return leg


async def run(
    target: str, folder: Path, scripts: list[Script], stagger: float, *, record: bool
) -> list[dict[str, Any]]:
    agent = Counting(host="127.0.0.1", port=0, tcp=False)
    agent.start(max_calls=len(scripts) + 8)

    async def one(number: int, script: Script) -> dict[str, Any]:
        await asyncio.sleep(number * stagger)
        own = folder / f"caller{number}.wav" if record else None
        result = await run_call(agent, f"sip:{script.called}@{target}", script, folder=folder, record=own)
        came = agent.dialled[result.sip_call_id].reception
        told = {"refused": result.refused, "received": came.packets, "missing": came.lost}
        return {**result.to_json(), **told}

    try:
        return await asyncio.gather(*(one(i, script) for i, script in enumerate(scripts)))
    finally:
        await agent.stop()


if __name__ == "__main__":
    given = json.load(sys.stdin)
    wanted = [Script.model_validate(s) for s in given["scripts"]]
    calls = run(sys.argv[1], Path(sys.argv[2]), wanted, given["stagger"], record=given["record"])
    print(json.dumps(asyncio.run(calls)))
