"""``hotline reload``: what is told to the gateways that run."""

from __future__ import annotations

import asyncio
from http import HTTPStatus
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape

from config.fault import Fault
from gateway.cli import Whereabouts, app, errors
from gateway.service.asking import ask_gateways, find_gateways
from gateway.site.settings import Paths

if TYPE_CHECKING:
    from pathlib import Path

out = Console(highlight=False, soft_wrap=True)

_SECONDS = 600.0  # a new voice of every prompt, one at a time, on a slow machine


class NoGatewayError(Fault):
    """No gateway runs that could be told."""


@app.command()
def reload(
    context: typer.Context,
    process: Annotated[
        int | None,
        typer.Option(
            help="只通知这个进程号的网关 / only the gateway with this process number", show_default="all"
        ),
    ] = None,
) -> None:
    """重新读入热线、流程、提示音、上限和呼入名单 / Take hotlines, flows, prompts, caps and who may call anew.

    进行中的通话照旧。文件有错则一切照旧,并说明原因 / Calls in progress keep what they have.
    With a fault in a file nothing changes, and the fault is told.
    """
    where: Whereabouts = context.obj
    run = Paths(where.data).run
    try:
        answers = asyncio.run(ask_gateways(find_gateways(run), "/reload", _SECONDS, process))
    except TimeoutError:
        raise Fault(f"a gateway has not answered within {_SECONDS:.0f} s: its log says why") from None
    if not answers:
        raise NoGatewayError(
            f"没有正在运行的网关 / no gateway runs: none answers in {run}. Start it, or give --data"
        )
    code = 0
    for answer in answers:
        if answer.status == HTTPStatus.OK:
            _tell_done(answer.socket, answer.document)
        else:
            code = max(code, int(answer.document["exit_code"]))
            _tell_refused(answer.socket, answer.document)
    if code:
        raise typer.Exit(code)


def _tell_done(gateway: Path, told: dict[str, Any]) -> None:
    flows = ", ".join(told["flows"])
    out.print(
        f"{gateway.stem}: 已重新读入 / reloaded: 热线 / hotlines: {told['hotlines']}; 流程 / flows: {flows}; "
        f"自己的录音 / your own recordings: {told['recordings']}; 上限 / cap: {told['cap']}; "
        f"理解规则 / rules of understanding: {told['rules']}"
    )
    if told["late"]:
        names = ", ".join(told["late"])
        out.print(f"{gateway.stem}: 重启后才生效 / a restart is needed for: {names}", style="yellow")


def _tell_refused(gateway: Path, told: dict[str, Any]) -> None:
    errors.print(f"{gateway.stem}: 未改动,照旧运行 / nothing changed, what was in force stays:", style="red")
    errors.print(escape(told["reason"]), style="red")
