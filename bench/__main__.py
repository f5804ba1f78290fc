"""`python -m bench [SCENE…] [--quick] [--calls N]`: measure, write JSON, print tables.

The scenes, all of them when none is named:

- ``capacity``: calls that are heard, 100 and 300 of them;
- ``overload``: 300 calls while half of what they say can be decoded;
- ``keys``: 600 calls without a speech server;
- ``setups``: 200 calls a second, for 5 seconds;
- ``bridged``: 50 calls that are passed on, and talk;
- ``latency``: from the hang-up to the accepted ticket;
- ``console``: the work list, the overview and the way to the next call over many calls; the list's first paint in a
  browser while five callers are recognised;
- ``recognition``: our speech server beside a stock one, with the model in $MODEL (none: the demonstration model);
- ``surges``: what is found of what is planted in made-up months, and what a look for it costs.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console

from bench import bridged, capacity, console, latency, recognition, setups, surges
from bench.build import BuildError, build_rtpgen
from bench.house import HouseError
from bench.machine import describe
from bench.peer import PeerError
from bench.tables import show_capacity, show_console, show_latency, show_recognition, show_setups, show_surges

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from rich.table import Table

_WIDTH = 140
RESULTS = Path(__file__).with_name("results")
_SHOW: dict[str, Callable[[dict[str, Any]], Table]] = {
    "capacity": show_capacity,
    "overload": show_capacity,
    "keys": show_capacity,
    "setups": show_setups,
    "bridged": show_capacity,
    "latency": show_latency,
    "console": show_console,
    "recognition": show_recognition,
    "surges": show_surges,
}
_SEEDS = range(301, 305)  # of none of these months has anything been chosen by which surges are found


# Of the scenes of many calls: how many, in how many rounds, and how much of what is said can be decoded.
_CALLS: dict[str, tuple[tuple[int, ...], int, float | None]] = {
    "capacity": ((100, 300), 2, None),
    "overload": ((300,), 2, 0.5),
    "keys": ((600,), 2, 0.0),
}


def _measure_console(quick: bool) -> Awaitable[dict[str, Any]]:
    return console.measure(2000, 2, 2) if quick else console.measure(100_000, 20, 5)


def _measure_surges(quick: bool) -> Awaitable[dict[str, Any]]:
    if quick:
        return surges.measure([101], 15, [20_000], before=14, days=7, plants=5)
    return surges.measure(_SEEDS, 15, [100_000, 1_200_000])


def _measure_recognition(quick: bool) -> Awaitable[dict[str, Any]]:
    model = Path(os.environ["MODEL"]) if "MODEL" in os.environ else None
    if quick:
        return recognition.measure(model, (2,), 1, 3.0)
    return recognition.measure(model, (2, 4, 8, 12, 16, 20, 24, 32), 3, 10.0)


_WITHOUT_CALLS = {"recognition": _measure_recognition, "console": _measure_console, "surges": _measure_surges}


async def _measure(name: str, calls: int | None, *, quick: bool) -> dict[str, Any]:
    if name in _WITHOUT_CALLS:
        return await _WITHOUT_CALLS[name](quick)
    program = build_rtpgen()
    if name == "setups":
        return await (setups.measure(program, 20, 1, 1) if quick else setups.measure(program, 200, 5, 2))
    if name == "bridged":
        return await (bridged.measure(program, 5, 1, 8.0) if quick else bridged.measure(program, 50, 2, 35.0))
    if name in _CALLS:
        counts, rounds, decoding = _CALLS[name]
        if quick:
            return await capacity.measure(program, (calls or 20,), 1, 8.0, decoding)
        return await capacity.measure(program, (calls,) if calls else counts, rounds, 35.0, decoding)
    return await latency.measure(program, ((1, 2), (10, 1)) if quick else ((1, 20), (10, 6), (50, 4)))


def main() -> None:
    """Run what is named, or everything."""
    parser = argparse.ArgumentParser(prog="python -m bench", description="Benchmarks of the whole gateway.")
    parser.add_argument(
        "names", nargs="*", choices=[*_SHOW, []], metavar=" | ".join(_SHOW), help="default: all"
    )
    parser.add_argument(
        "--quick", action="store_true", help="small and short: shows that it runs, not how fast"
    )
    parser.add_argument("--calls", type=int, metavar="N", help="so many calls in capacity, overload and keys")
    arguments = parser.parse_args()
    names = arguments.names or list(_SHOW)
    try:
        for name in names:
            calls = arguments.calls if name in _CALLS else None
            told = f"{' --quick' if arguments.quick else ''}{f' --calls {calls}' if calls else ''}"
            command = f"python -m bench {name}{told}"
            before = describe()
            result = asyncio.run(_measure(name, calls, quick=arguments.quick))
            RESULTS.mkdir(exist_ok=True)
            file = RESULTS / f"{name}{f'-{calls}' if calls else ''}{'-quick' if arguments.quick else ''}.json"
            document = {"command": command, "machine": before, **result}
            file.write_text(json.dumps(document, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
            Console(width=_WIDTH).print(_SHOW[name](result))
            print(file)
    except (BuildError, HouseError, PeerError) as error:
        sys.exit(f"bench: {error}")


if __name__ == "__main__":
    main()
