"""``hotline reconcile``: whether the intake's books are ours (对账)."""

from __future__ import annotations

import csv
import sys
from dataclasses import astuple, fields
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Annotated

import typer

from gateway.cli import Site, app, errors
from gateway.cli.asking import ask
from gateway.service.intakes import open_intake
from tickets.mapped import MappedClient
from tickets.number import CITY_TIME
from tickets.reconciling import Line, compare, read_day

if TYPE_CHECKING:
    from collections.abc import Sequence

    from recordings.database import Database


@app.command()
def reconcile(
    context: typer.Context,
    day: Annotated[
        str, typer.Option(help="日期,YYYY-MM-DD / the day, in Shanghai", show_default="yesterday")
    ] = "",
    ask_intake: Annotated[
        bool, typer.Option("--ask", help="逐件向平台查询 / ask the intake for each, by the mapping's lookup")
    ] = False,
) -> None:
    """对账(CSV)/ A day's tickets as CSV: accepted, refused, waiting; exit code 1 when something is owed or differs."""
    site: Site = context.obj
    try:
        chosen = date.fromisoformat(day) if day else datetime.now(CITY_TIME).date() - timedelta(days=1)
    except ValueError:
        raise typer.BadParameter(f"日期应为 YYYY-MM-DD / write the day as YYYY-MM-DD: {day}") from None

    async def look(db: Database) -> tuple[list[Line], dict[str, str]]:
        async with db.read() as connection:
            lines = await read_day(connection, chosen)
        return lines, await _ask(site, lines) if ask_intake else {}

    lines, theirs = ask(site, look)
    writer = csv.writer(sys.stdout)
    writer.writerow([*(field.name for field in fields(Line)), *(["theirs"] if ask_intake else [])])
    for line in lines:
        writer.writerow([*astuple(line), *([theirs[line.number]] if ask_intake else [])])
    owed = [line.number for line in lines if line.waiting or line.refused]
    differing = [number for number, told in theirs.items() if told != "same"]
    errors.print(
        f"{chosen}: {len(lines)} 件 / tickets, 未了 / owed {len(owed)}, 不符 / differing {len(differing)}"
    )
    if owed or differing:
        raise typer.Exit(1)


async def _ask(site: Site, lines: Sequence[Line]) -> dict[str, str]:
    client = open_intake(site.settings)
    try:
        if not isinstance(client, MappedClient) or client.lookup is None:
            raise typer.BadParameter("没有映射文件的 lookup / --ask needs intake.mapping with a lookup")
        return await compare(client, lines)
    finally:
        await client.close()
