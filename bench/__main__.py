"""`python -m bench [capacity] [latency] [console] [--quick]`: measure, write JSON, print tables."""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console

from bench import capacity, console, latency
from bench.build import BuildError, build_rtpgen
from bench.house import HouseError
from bench.machine import describe
from bench.peer import PeerError
from bench.tables import show_capacity, show_console, show_latency

if TYPE_CHECKING:
    from collections.abc import Callable

    from rich.table import Table

_WIDTH = 110
RESULTS = Path(__file__).with_name("results")
_SHOW: dict[str, Callable[[dict[str, Any]], Table]] = {
    "capacity": show_capacity,
    "latency": show_latency,
    "console": show_console,
}


async def _measure(name: str, *, quick: bool) -> dict[str, Any]:
    if name == "console":
        return await console.measure(2000, 2) if quick else await console.measure(50_000, 20)
    program = build_rtpgen()
    if name == "capacity":
        if quick:
            return await capacity.measure(program, (20,), 1, 8.0)
        return await capacity.measure(program, (100, 300), 2, 35.0)
    return await latency.measure(program, ((1, 2), (10, 1)) if quick else ((1, 20), (10, 6), (50, 4)))


def main() -> None:
    """Run what is named, or everything."""
    parser = argparse.ArgumentParser(prog="python -m bench", description="Benchmarks of the whole gateway.")
    parser.add_argument(
        "names", nargs="*", choices=[*_SHOW, []], metavar="capacity | latency | console", help="default: all"
    )
    parser.add_argument(
        "--quick", action="store_true", help="small and short: shows that it runs, not how fast"
    )
    arguments = parser.parse_args()
    names = arguments.names or list(_SHOW)
    try:
        for name in names:
            command = f"python -m bench {name}{' --quick' if arguments.quick else ''}"
            before = describe()
            result = asyncio.run(_measure(name, quick=arguments.quick))
            RESULTS.mkdir(exist_ok=True)
            file = RESULTS / f"{name}{'-quick' if arguments.quick else ''}.json"
            document = {"command": command, "machine": before, **result}
            file.write_text(json.dumps(document, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
            Console(width=_WIDTH).print(_SHOW[name](result))
            print(file)
    except (BuildError, HouseError, PeerError) as error:
        sys.exit(f"bench: {error}")


if __name__ == "__main__":
    main()
