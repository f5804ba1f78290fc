"""``hotline probe``: the service called as a citizen calls it, and judged."""

from __future__ import annotations

import asyncio
import re
import time
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer
from prometheus_client import write_to_textfile
from rich.console import Console
from rich.markup import escape

from config.document import ConfigError, embedded, load
from config.script import Script
from gateway.caller.probe import Check, probe
from gateway.cli import Site, app
from gateway.cli.printing import print_json
from gateway.service.dialogues import open_prompts
from gateway.service.flows import read_dialogue
from gateway.service.logs import configure_logs
from gateway.sip.address import look_up
from gateway.sip.pj import UserAgent
from gateway.site import metrics
from ivr.actions import Prompt
from ivr.flow import Ask
from recordings.database import open_database, require_current

if TYPE_CHECKING:
    from ivr.hotline import Hotline

out = Console(highlight=False, soft_wrap=True)

_REMEDIES: Final = {
    "answer": "hotline doctor; access.allow 要含本机 / must name this machine: 127.0.0.1",
    "dialogue": "hotline calls list --since 10m, hotline calls show ID",
    "prompt": "hotline prompts list; dialogue.replacements",
    "ticket": "hotline calls list --since 10m",
    "speech": "hotline doctor (asr)",
    "keys": "中继要送 RFC 4733 按键 / the trunk has to send keys by RFC 4733; hotline calls show ID",
    "intake": "hotline doctor; hotline outbox list",
}
"""Where to look when a check fails."""


@app.command("probe")
def probe_(
    context: typer.Context,
    target: Annotated[
        str | None,
        typer.Argument(
            help="sip:12345@HOST[:PORT], 如运营商侧,绕中继一圈 / or the trunk's side, for the whole way",
            show_default="this gateway",
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="输出 JSON / print JSON")] = False,
    textfile: Annotated[
        Path | None, typer.Option(help="node_exporter 的指标文件 / metrics for node_exporter (*.prom)")
    ] = None,
) -> None:
    """像市民一样打一通电话并检查 / Call like a citizen, and judge it. Exit 0: all is well, 1: something is not."""
    site: Site = context.obj
    configure_logs("probe", site.settings.log)
    if not site.settings.probe.caller:
        what = "there is no calling number whose tickets are marked as tests"
        raise ConfigError("settings", 0, what, "set probe.caller, and restart the gateways")
    began = time.time()
    checks = asyncio.run(_probe(site, target))
    if textfile is not None:
        _write(textfile, checks, began)
    if as_json:
        print_json([asdict(check) for check in checks])
    else:
        for check in checks:
            style = "green" if check.ok else "red"
            out.print(f"{'✓' if check.ok else '✗'} {check.name}: {escape(check.what)}", style=style)
            if not check.ok:
                out.print(f"  → {escape(_REMEDIES[check.name])}")
    if not all(check.ok for check in checks):
        raise typer.Exit(1)


async def _probe(site: Site, target: str | None) -> tuple[Check, ...]:
    settings = site.settings
    file = settings.probe.script or embedded("probe.yaml")
    script = load(Script, file).model_copy(update={"caller": settings.probe.caller})
    host = "127.0.0.1" if settings.sip.host == "0.0.0.0" else settings.sip.host  # noqa: S104 - where it listens
    found = await look_up(target or f"sip:{script.called}@{host}:{settings.sip.port}")
    book = open_prompts(settings.dialogue, site.paths)
    openings = [
        (await book.render(prompt)).sound.pcm
        for prompt in _list_openings(read_dialogue(settings.dialogue).front)
    ]
    db = open_database(site.paths.database_url(settings))
    near = re.search(r"[:@]127\.", found)
    agent = UserAgent(host="127.0.0.1" if near else "0.0.0.0", port=0, tcp=False)  # noqa: S104
    try:
        await require_current(db)
        agent.start(max_calls=4)
        return await probe(agent, found, script, settings.probe, db, openings, file.parent)
    finally:
        await agent.stop()
        await db.close()


def _list_openings(front: Hotline) -> tuple[Prompt, ...]:
    """What a caller of the front door is greeted with, heard or by keys."""
    if front.openings:
        return tuple(front.openings.values())
    first = front.flow.nodes[front.flow.start]
    nodes = [first, front.flow.nodes.get(getattr(first, "deaf", None) or "")]
    return tuple(Prompt(name) for node in nodes if isinstance(node, Ask) for name in node.prompts)


def _write(file: Path, checks: tuple[Check, ...], began: float) -> None:
    """Whole or not at all, as node_exporter's textfile collector wants it."""
    for check in checks:
        metrics.PROBE_OK.labels(check.name).set(check.ok)
    metrics.PROBE_AT.set(began)
    write_to_textfile(str(file), metrics.PROBES)
