"""``hotline jobs list | retry``: what follows the calls, and what of it has failed."""

from __future__ import annotations

from dataclasses import asdict
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Literal

import typer
from rich.markup import escape
from rich.table import Table

from gateway.cli import Site, app, errors
from gateway.cli.asking import ask
from gateway.cli.printing import print_json, tables, tell_moment
from recordings import jobs

if TYPE_CHECKING:
    from recordings.database import Database
    from recordings.jobs import JobLine

commands = typer.Typer(help="通话之后的任务 / What follows the calls.", no_args_is_help=True)
app.add_typer(commands, name="jobs")

_KINDS = {"late": "补转写 / transcribe late", "second": "大模型重听 / second pass"}
_STATES = {
    "waiting": "[yellow]等待 / waiting[/]",
    "done": "[green]完成 / done[/]",
    "failed": "[red]失败 / failed[/]",
}


@commands.command("list")
def list_(
    context: typer.Context,
    state: Annotated[
        Literal["open", "waiting", "failed", "done"],
        typer.Option(help="状态;open 为等待和失败 / state; open: waiting and failed"),
    ] = "open",
    limit: Annotated[int, typer.Option(min=1, max=10000, help="最多几个 / at most")] = 50,
    as_json: Annotated[bool, typer.Option("--json", help="输出 JSON / print JSON")] = False,
) -> None:
    """列出任务,失败的在前 / List the jobs, the failed ones first."""
    site: Site = context.obj
    now = datetime.now(UTC)

    async def look(db: Database) -> list[JobLine]:
        states: list[jobs.State] = ["waiting", "failed"] if state == "open" else [state]
        async with db.read() as connection:
            return await jobs.list_jobs(connection, states, now, limit)

    found = ask(site, look)
    if as_json:
        print_json([asdict(line) for line in found])
    elif found:
        tables.print(_tabulate(found, now))
    else:
        tables.print("没有这样的任务 / no such jobs")


@commands.command()
def retry(
    context: typer.Context,
    numbers: Annotated[
        list[int] | None, typer.Argument(metavar="[JOB]...", help="任务编号 / the jobs' numbers")
    ] = None,
    every: Annotated[bool, typer.Option("--all", help="所有失败的 / every failed one")] = False,
) -> None:
    """重试失败的任务 / Have failed jobs tried again, once what was wrong has been mended."""
    if bool(numbers) == every:
        raise typer.BadParameter("请写任务编号,或 --all / give the jobs' numbers, or --all")
    site: Site = context.obj

    async def revive(db: Database) -> int:
        async with db.write() as connection:
            return await jobs.retry(connection, datetime.now(UTC), None if every else numbers)

    count = ask(site, revive)
    tables.print(f"重试 / to be tried again: {count}")
    if numbers and count < len(numbers):
        errors.print(
            f"{len(numbers) - count} 个没有失败,或没有这个编号 / have not failed, or are no job's number; "
            "`hotline jobs list --state failed` 可查 / lists those that have",
            style="red",
        )
        raise typer.Exit(1)


def _tabulate(found: list[JobLine], now: datetime) -> Table:
    table = Table()
    for title in ("编号 / job", "任务 / kind", "通话 / call", "状态 / state"):
        table.add_column(title, no_wrap=True)
    table.add_column("次数 / tries", justify="right", no_wrap=True)
    for title in ("下次 / next", "原因 / reason"):
        table.add_column(title, overflow="fold")
    for line in found:
        due = "" if line.state != "waiting" else "正在做 / being done" if line.held else _tell_wait(line, now)
        table.add_row(
            str(line.id),
            _KINDS.get(line.kind, escape(line.kind)),
            line.call_id,
            _STATES[line.state],
            str(line.tries),
            due,
            escape(line.last_error or ""),
        )
    return table


def _tell_wait(line: JobLine, now: datetime) -> str:
    return "就绪 / due" if line.next_at <= now else tell_moment(line.next_at)
