"""``hotline outbox list | show | retry | drop``: what is on its way to the intake, and what it has refused."""

from __future__ import annotations

import getpass
import json
from dataclasses import asdict
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Literal

import typer
from rich.markup import escape
from rich.table import Table

from gateway.cli import Site, app, errors
from gateway.cli.asking import ask
from gateway.cli.printing import print_json, tables, tell_moment
from recordings.progress import read_opinions, read_progress
from tickets import letters
from tickets.bell import wake

if TYPE_CHECKING:
    from recordings.database import Database
    from recordings.progress import Opinion, Progress
    from tickets.letters import Letter, OpenedLetter, State
    from tickets.outbox import Kind

commands = typer.Typer(help="投递 / What goes to the intake.", no_args_is_help=True)
app.add_typer(commands, name="outbox")

_WHY_CHARACTERS = 500
_STATES: dict[State, str] = {
    "pending": "[yellow]待投递 / pending[/]",
    "dead": "[red]被拒收 / refused[/]",
    "dropped": "[dim]已放弃 / dropped[/]",
    "accepted": "[green]已受理 / accepted[/]",
}

_KINDS: dict[Kind, str] = {"ticket": "工单 / ticket", "alert": "预警 / alert", "sms": "短信 / message"}

Json = Annotated[bool, typer.Option("--json", help="输出 JSON / print JSON")]
Number = Annotated[
    str, typer.Argument(metavar="NUMBER", help="工单或预警编号 / a ticket's number or an alert's id")
]


@commands.command("list")
def list_(
    context: typer.Context,
    state: Annotated[
        Literal["open", "pending", "dead", "dropped", "accepted"],
        typer.Option(help="状态;open 为待投递和被拒收 / state; open: pending and dead"),
    ] = "open",
    limit: Annotated[
        int, typer.Option(min=1, max=100_000, help="最多几件,取新的 / at most, the newest")
    ] = 50,
    messages: Annotated[
        bool, typer.Option("--sms", help="给来电人的短信 / messages to callers instead")
    ] = False,
    as_json: Json = False,
) -> None:
    """列出待投递和被拒收的 / List what waits and what was refused, the newest last."""
    states: list[State] = ["pending", "dead"] if state == "open" else [state]

    kinds: tuple[Kind, ...] = ("sms",) if messages else ("ticket", "alert")

    async def look(db: Database) -> list[Letter]:
        async with db.read() as connection:
            return await letters.list_letters(connection, states, limit, kinds)

    found = ask(context.obj, look)
    if as_json:
        print_json([asdict(letter) for letter in found])
    elif found:
        tables.print(_tabulate(found))
    else:
        tables.print("没有 / none")


@commands.command()
def show(context: typer.Context, number: Number, as_json: Json = False) -> None:
    """一件工单或预警的每一版:内容、回执、原因 / Each revision of one: what it says, what came back."""

    async def look(db: Database) -> tuple[list[OpenedLetter], list[Progress], list[Opinion]]:
        async with db.read() as connection:
            return (
                await letters.open_letters(connection, number),
                await read_progress(connection, [number]),
                await read_opinions(connection, [number]),
            )

    found, told, opinions = ask(context.obj, look)
    if not found:
        _refuse(number)
    if as_json:
        print_json([{**asdict(one), "document": json.loads(one.document)} for one in found])
        return
    tables.print(_tabulate([one.letter for one in found]))
    for one in found:
        tables.print_json(one.document)
        if one.receipt is not None:
            tables.print(f"回执 / receipt: {escape(json.dumps(one.receipt, ensure_ascii=False))}")
    for step in told:
        words = " ".join(filter(None, (step.status, step.unit, step.note)))
        tables.print(f"平台回传 / told by the intake: {tell_moment(step.at)} {escape(words)}")
    for opinion in opinions:
        tables.print(f"来电人评价 / the caller's opinion: {tell_moment(opinion.at)} {opinion.rating}")


@commands.command()
def retry(
    context: typer.Context,
    numbers: Annotated[
        list[str] | None,
        typer.Argument(metavar="[NUMBER]...", help="工单或预警编号 / tickets' numbers, alerts' ids"),
    ] = None,
    every: Annotated[bool, typer.Option("--all", help="所有被拒收的 / everything that was refused")] = False,
) -> None:
    """重新投递被拒收的 / Post again what was refused, after what was wrong has been mended."""
    if bool(numbers) == every:
        raise typer.BadParameter("请写编号,或 --all / give numbers, or --all")
    site: Site = context.obj

    async def post_again(db: Database) -> int:
        async with db.write() as connection:
            return await letters.revive(connection, datetime.now(UTC), None if every else numbers)

    count = ask(site, post_again)
    wake(site.paths.run)
    tables.print(f"重新投递 / to be posted again: {count}")
    if numbers and not count:
        _refuse(" ".join(numbers))


@commands.command()
def drop(
    context: typer.Context,
    number: Number,
    why: Annotated[str, typer.Option(help="原因,会留存 / why; it is kept")],
    who: Annotated[str, typer.Option(help="经办人 / who decides", show_default="login name")] = "",
) -> None:
    """不再投递某件 / Post one no more: it stays on file, with who gave it up and why; `retry NUMBER` undoes it."""
    if not why.strip() or len(why) > _WHY_CHARACTERS:
        raise typer.BadParameter(
            f"原因须有 1 至 {_WHY_CHARACTERS} 字 / say why, in 1 to {_WHY_CHARACTERS} characters"
        )

    async def give_up(db: Database) -> int:
        async with db.write() as connection:
            return await letters.drop(
                connection, number, who or getpass.getuser(), why.strip(), datetime.now(UTC)
            )

    count = ask(context.obj, give_up)
    if not count:
        _refuse(number)
    tables.print(f"不再投递 / posted no more: {number}, {count} 版 / revisions")


def _refuse(number: str) -> None:
    errors.print(
        f"错误 / Error: 没有可处理的 / nothing of this kind under: {escape(number)}; "
        "`hotline outbox list` 可查 / lists what there is",
        style="red",
    )
    raise typer.Exit(1)


def _tabulate(found: list[Letter]) -> Table:
    table = Table()
    for title in ("编号 / number", "版 / revision", "种类 / kind", "状态 / state"):
        table.add_column(title, no_wrap=True)
    table.add_column("次数 / attempts", justify="right", no_wrap=True)
    table.add_column("时间 / since", no_wrap=True)
    table.add_column("下次或了结 / next or settled", no_wrap=True)
    table.add_column("原因 / reason", overflow="fold")
    for letter in found:
        until = letter.next_at if letter.state == "pending" else letter.settled_at
        table.add_row(
            letter.number,
            str(letter.revision),
            _KINDS[letter.kind],
            _STATES[letter.state],
            str(letter.attempts),
            tell_moment(letter.created_at),
            "" if until is None else tell_moment(until),
            escape("; ".join(filter(None, (letter.dropped, letter.last_error)))),
        )
    return table
