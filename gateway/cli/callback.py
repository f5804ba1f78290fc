"""``hotline callback add | run | pause | drop | report``: calls that we place (回访, 关爱, 未接回电)."""

from __future__ import annotations

import csv
import getpass
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path  # noqa: TC003 - typer reads it at run time
from typing import TYPE_CHECKING, Annotated, Final

import sqlalchemy as sa
import typer
from rich.markup import escape
from rich.table import Table

from config.fault import LastingFault
from console.masking import mask
from gateway.cli import Site, app, errors
from gateway.cli.asking import ask
from gateway.cli.printing import print_json, tables, tell_moment
from gateway.sip.calling import read_number
from recordings import calloutreport, callouts
from recordings.callouts import Wanted
from recordings.calloutwords import Kind
from recordings.schema import tickets
from tickets.number import CITY_TIME
from tickets.placed import find_missed

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sqlalchemy.ext.asyncio import AsyncConnection

    from gateway.site.callback import CallbackSettings
    from recordings.calloutreport import Line, Standing, Switch
    from recordings.database import Database

commands = typer.Typer(help="外呼 / Calls that we place.", no_args_is_help=True)
app.add_typer(commands, name="callback")

_COLUMNS: Final = {"number": "号码", "kind": "类型", "ticket": "工单"}
_KINDS: Final = {"follow_up": Kind.FOLLOW_UP, "care": Kind.CARE, "missed": Kind.MISSED}
_SHOWN: Final = 20
_STATES: Final = {"waiting": "等待 / waiting", "done": "完成 / done", "given_up": "放弃 / given up"}
_UNKNOWN: Final = "结果不明 / unknown"

Json = Annotated[bool, typer.Option("--json", help="输出 JSON / print JSON")]


class ListError(LastingFault):
    """A list of numbers that cannot be taken; the message says which lines, and why. Nothing of it was taken."""


@commands.command()
def add(
    context: typer.Context,
    file: Annotated[
        Path | None,
        typer.Argument(
            help="CSV: number,kind,ticket(号码,类型,工单)/ a list", metavar="[CSV]", show_default=False
        ),
    ] = None,
    missed: Annotated[
        bool, typer.Option("--missed", help="待回电里未接到的 / those who called and were missed")
    ] = False,
    campaign: Annotated[
        str, typer.Option(help="批次名称 / the campaign's name", show_default="the file's name and the day")
    ] = "",
) -> None:
    """登记要外呼的号码,重复的不再登记 / Take a list of numbers, or who was missed; none twice in a campaign."""
    if (file is None) == (not missed):
        raise typer.BadParameter("请写 CSV 文件,或 --missed / give a CSV file, or --missed")
    site: Site = context.obj
    now, rules = datetime.now(UTC), site.settings.callback
    listed = _read_list(file, rules) if file is not None else []
    name = campaign.strip() or f"{file.stem if file else '待回电'} {now.astimezone(CITY_TIME):%Y-%m-%d}"

    async def take(db: Database) -> tuple[int, int, int]:
        wanted, left = listed, 0
        async with db.read() as connection:
            if file is None:
                wanted, left = await find_missed(connection, rules.allows, now)
            else:
                await _know(connection, file, wanted)
        async with db.write() as connection:
            added = await callouts.add(connection, name, wanted, rules.tries, getpass.getuser(), now)
            return added, len(wanted) - added, left

    added, there, left = ask(site, take)
    tables.print(f"{name}: 登记 / taken: {added}, 已有 / there already: {there}", markup=False)
    if left:
        tables.print(f"留给人工回电 / left to people: {left}")
    if not site.settings.callback.trunk:
        errors.print("未设置 callback.trunk,不会外呼 / is not set: nobody will be called", style="yellow")


@commands.command()
def run(context: typer.Context) -> None:
    """开始外呼 / Let calls go out, within the hours and at the rate that are set."""
    site: Site = context.obj
    if not site.settings.callback.trunk:
        raise ListError("先设置 callback.trunk / set callback.trunk first, and restart the gateways")
    _turn(site, on=True)


@commands.command()
def pause(context: typer.Context) -> None:
    """暂停外呼,进行中的打完为止 / Let no more calls go out; those under way go on."""
    _turn(context.obj, on=False)


@commands.command()
def drop(
    context: typer.Context, campaign: Annotated[str, typer.Argument(help="批次名称 / its name")]
) -> None:
    """放弃一个批次里还没打的 / Give up what still waits of a campaign."""
    site: Site = context.obj

    async def give_up(db: Database) -> int:
        async with db.write() as connection:
            return await callouts.drop(connection, campaign, datetime.now(UTC))

    count = ask(site, give_up)
    tables.print(f"放弃 / given up: {count}")
    if not count:
        errors.print(
            "没有这样的批次,或已全部打完 / no such campaign, or nothing of it waits: `hotline callback report`",
            style="red",
        )
        raise typer.Exit(1)


@commands.command()
def report(
    context: typer.Context,
    campaign: Annotated[
        str, typer.Option(help="逐个列出该批次 / list this campaign row by row", show_default="all, counted")
    ] = "",
    limit: Annotated[int, typer.Option(min=1, max=100_000, help="最多几行 / at most")] = 1000,
    as_json: Json = False,
) -> None:
    """外呼进展和结果 / How the calls stand, and what came of them; numbers are masked."""
    site: Site = context.obj
    now = datetime.now(UTC)

    async def look(db: Database) -> tuple[Switch, list[Standing], list[Line]]:
        async with db.read() as connection:
            rows = await calloutreport.list_rows(connection, campaign, now, limit) if campaign else []
            return await calloutreport.read_switch(connection), await calloutreport.count(connection), rows

    switch, standings, rows = ask(site, look)
    if as_json:
        print_json(
            {
                "switch": asdict(switch),
                "campaigns": [asdict(one) for one in standings],
                "rows": [asdict(row) | {"number": mask(row.number)} for row in rows],
            }
        )
        return
    said = "外呼开启 / calls go out" if switch.on else "外呼暂停 / paused: `hotline callback run`"
    tables.print(f"{said}{f' ({switch.by}, {tell_moment(switch.at)})' if switch.at else ''}", markup=False)
    tables.print(_tabulate_rows(rows) if campaign else _tabulate(standings))


def _turn(site: Site, *, on: bool) -> None:
    async def turn(db: Database) -> None:
        async with db.write() as connection:
            await callouts.turn(connection, on=on, by=getpass.getuser(), now=datetime.now(UTC))

    ask(site, turn)
    tables.print("外呼开启 / calls go out" if on else "外呼暂停 / paused")


def _read_list(file: Path, callback: CallbackSettings) -> list[Wanted]:
    """The numbers of a CSV file, all of which may be called; raises ListError, OSError."""
    try:
        with file.open(encoding="utf-8-sig", newline="") as opened:
            reader = csv.DictReader(opened)
            names = {
                key: next((name for name in (key, title) if name in (reader.fieldnames or ())), "")
                for key, title in _COLUMNS.items()
            }
            if not names["number"] or not names["kind"]:
                raise ListError(
                    f"{file}:1: 首行须有 号码,类型(,工单) / the first line must name number,kind(,ticket)"
                )
            rows = [(reader.line_num, row) for row in reader]
    except (UnicodeDecodeError, csv.Error) as error:
        raise ListError(f"{file}: 须为 UTF-8 的 CSV / write it as CSV in UTF-8: {error}") from None
    wanted, faults = [], []
    for line, row in rows:
        one = _read_row({key: (row.get(name) or "").strip() for key, name in names.items()}, callback)
        if isinstance(one, str):
            faults.append(f"{file}:{line}: {one}")
        else:
            wanted.append(one)
    _raise(faults)
    return wanted


def _read_row(row: Mapping[str, str], callback: CallbackSettings) -> Wanted | str:
    """The row, or what is wrong with it."""
    number = read_number(row["number"])
    if not number or not callback.allows(number):
        return f"{mask(row['number'])}: 不可外呼的号码 / may not be called: see callback.numbers"
    kind = _KINDS.get(row["kind"]) or next((kind for kind in Kind if kind == row["kind"]), None)
    if kind is None:
        return f"{row['kind']!r}: 类型须为 {'、'.join(Kind)} / the kind is one of {', '.join(_KINDS)}"
    if kind is Kind.FOLLOW_UP and not row["ticket"]:
        return "回访须写工单编号 / a follow-up needs its ticket"
    return Wanted(kind, number, row["ticket"])


async def _know(connection: AsyncConnection, file: Path, wanted: Sequence[Wanted]) -> None:
    """Raise ListError unless each ticket that is named is one of ours."""
    missing = [
        ticket
        for ticket in sorted({one.ticket for one in wanted if one.ticket})
        if not await connection.scalar(sa.select(sa.exists().where(tickets.c.number == ticket)))
    ]
    _raise([f"{file}: {ticket}: 没有这个工单 / there is no such ticket" for ticket in missing])


def _raise(faults: Sequence[str]) -> None:
    if faults:
        more = len(faults) - _SHOWN
        rest = [f"还有 {more} 处 / and {more} more"] if more > 0 else []
        told = "\n".join([*faults[:_SHOWN], *rest])
        raise ListError(f"名单有误,一个都没有登记 / the list is wrong, nothing of it was taken:\n{told}")


def _tabulate(standings: Sequence[Standing]) -> Table:
    table = Table("批次 / campaign", "类型 / kind", *_STATES.values(), "结果 / results", "解决 / solved")
    for one in standings:
        results = ", ".join(f"{result or _UNKNOWN} {count}" for result, count in one.results.items())
        solved = f"{one.solved}/{one.solved + one.unsolved}" if one.solved + one.unsolved else ""
        states = [str(one.states.get(state, 0)) for state in _STATES]
        table.add_row(escape(one.campaign), one.kind, *states, results, solved)
    return table


def _tabulate_rows(rows: Sequence[Line]) -> Table:
    titles = ("编号 / row", "类型 / kind", "号码 / number", "工单 / ticket", "状态 / state")
    table = Table(*titles, "次数 / tries", "最近 / last", "解决 / solved", "下次 / next")
    for row in rows:
        state = "正在打 / being called" if row.held else _STATES[row.state]
        last = "" if row.result is None else _UNKNOWN if not row.result and not row.held else row.result
        solved = {None: "", True: "是 / yes", False: "否 / no"}[row.solved]
        due = tell_moment(row.next_at) if row.state == "waiting" and not row.held else ""
        number = (str(row.id), row.kind, mask(row.number), row.ticket, state)
        table.add_row(*number, str(row.tries), escape(f"{last} {row.cause}".strip()), solved, due)
    return table
