"""``hotline doctor``: what is wrong, and how to mend it."""

from __future__ import annotations

import asyncio
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from gateway.cli import Whereabouts, app
from gateway.cli.printing import print_json
from gateway.doctor import examine

if TYPE_CHECKING:
    from gateway.doctor.finding import Finding

out = Console(highlight=False, soft_wrap=True)
_SIGNS = {"ok": ("✓", "green"), "warning": ("!", "yellow"), "failure": ("✗", "red")}


@app.command()
def doctor(
    context: typer.Context,
    as_json: Annotated[bool, typer.Option("--json", help="输出 JSON / print JSON")] = False,
) -> None:
    """检查安装,指出问题和改法 / Say what is wrong and how to mend it. Exit 0: nothing fails, 1: something does."""
    findings = asyncio.run(_examine(context.obj))
    if as_json:
        print_json([asdict(f) for f in findings])
    else:
        for finding in findings:
            _show(finding)
    if any(f.level == "failure" for f in findings):
        raise typer.Exit(1)


async def _examine(place: Whereabouts) -> list[Finding]:
    return [finding async for finding in examine(place.config, place.data)]


def _show(finding: Finding) -> None:
    sign, style = _SIGNS[finding.level]
    out.print(f"{sign} {finding.check}: {finding.what}", style=style)
    if finding.remedy:
        out.print(f"    → {finding.remedy}")
