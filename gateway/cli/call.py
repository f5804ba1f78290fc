"""``hotline call``: a scripted caller over real SIP."""

from __future__ import annotations

import asyncio
import re
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from config.document import embedded, load
from config.script import Script
from gateway.caller.call import run_call
from gateway.cli import app
from gateway.cli.printing import print_json
from gateway.service.logs import configure_logs
from gateway.sip.address import look_up
from gateway.sip.pj import UserAgent

if TYPE_CHECKING:
    from gateway.caller.result import CallResult

out = Console(highlight=False, soft_wrap=True)


@app.command()
def call(
    target: Annotated[str, typer.Argument(help="sip:12345@HOST[:PORT]")],
    script: Annotated[
        Path | None,
        typer.Option(
            help="剧本 / script (YAML), see tests/golden/",
            show_default="听完开场白就挂机 / listens to the opening and hangs up",
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="输出 JSON / print JSON")] = False,
    caller: Annotated[
        str | None, typer.Option(help="主叫号码 / calling number instead of the script's")
    ] = None,
    tcp: Annotated[bool, typer.Option("--tcp", help="SIP over TCP")] = False,
    record: Annotated[
        Path | None, typer.Option(help="把听到的存为 WAV / write what is heard to a WAV")
    ] = None,
) -> None:
    """按剧本打一通电话 / Place a scripted call. Exit 0: as scripted, 1: refused, 2: the script failed."""
    configure_logs("call")
    chosen = script or embedded("listen.yaml")
    result = asyncio.run(_call(target, load(Script, chosen), chosen.parent, caller, record, tcp=tcp))
    if as_json:
        print_json(result.to_json())
    else:
        out.print(result.summary)
    sys.exit(result.exit_code)


async def _call(
    target: str, script: Script, base: Path, caller: str | None, record: Path | None, *, tcp: bool
) -> CallResult:
    wanted = script if caller is None else script.model_copy(update={"caller": caller})
    found = await look_up(target)
    near = re.search(r"[:@]127\.", found)
    agent = UserAgent(host="127.0.0.1" if near else "0.0.0.0", port=0, tcp=tcp)  # noqa: S104
    agent.start(max_calls=4)
    try:
        with tempfile.TemporaryDirectory(prefix="hotline-call-") as folder:
            return await run_call(
                agent, found, wanted, folder=Path(folder), base=base, record=record, tcp=tcp
            )
    finally:
        await agent.stop()
