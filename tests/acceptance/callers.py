"""Many scripted calls at once from one process of their own: scripts as JSON in, results as JSON out.

A process holds one SIP user agent in its life, so the tests start one for each round of calls. With ``record`` each
caller's own recording is kept as ``FOLDER/caller<its number>.wav``.
Usage: callers.py HOST:PORT FOLDER < scripts.json
"""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path
from typing import Any

from config.script import Script
from gateway.caller.call import run_call
from gateway.sip.pj import UserAgent


async def run(
    target: str, folder: Path, scripts: list[Script], stagger: float, *, record: bool
) -> list[dict[str, Any]]:
    agent = UserAgent(host="127.0.0.1", port=0, tcp=False)
    agent.start(max_calls=len(scripts) + 8)

    async def one(number: int, script: Script) -> dict[str, Any]:
        await asyncio.sleep(number * stagger)
        own = folder / f"caller{number}.wav" if record else None
        result = await run_call(agent, f"sip:{script.called}@{target}", script, folder=folder, record=own)
        return {**result.to_json(), "refused": result.refused}

    try:
        return await asyncio.gather(*(one(i, script) for i, script in enumerate(scripts)))
    finally:
        await agent.stop()


if __name__ == "__main__":
    given = json.load(sys.stdin)
    wanted = [Script.model_validate(s) for s in given["scripts"]]
    calls = run(sys.argv[1], Path(sys.argv[2]), wanted, given["stagger"], record=given["record"])
    print(json.dumps(asyncio.run(calls)))
