"""``hotline surges``, ``hotline words``: what is told of, and the words that are said, more than usual."""

from __future__ import annotations

from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.table import Table

from gateway.cli import app
from gateway.cli.asking import ask
from gateway.cli.printing import print_json
from tickets.hotwords import LONGEST_H, find_hot_words
from tickets.number import CITY_TIME
from tickets.surges.register import QUIET, find_common_words, read_members, read_surges

if TYPE_CHECKING:
    from recordings.database import Database
    from recordings.matters import MatterRow
    from tickets.hotwords import HotWord
    from tickets.surges.register import Surge

_MOST = 1000
out = Console(highlight=False, soft_wrap=True)


@app.command()
def surges(
    context: typer.Context,
    days: Annotated[int, typer.Option(min=1, max=3650, help="几天之内 / of so many days")] = 7,
    as_json: Annotated[bool, typer.Option("--json", help="输出 JSON / print JSON")] = False,
) -> None:
    """热点:同一地方、同一话题的来电比平时多 / A topic told of at one place more often than usual, and the tickets."""
    now = datetime.now(UTC)

    async def look(db: Database) -> tuple[list[Surge], dict[int, list[MatterRow]]]:
        async with db.read() as connection:
            found = await read_surges(connection, now - timedelta(days=days), _MOST)
            return found, await read_members(connection, found)

    found, behind = ask(context.obj, look)
    if as_json:
        print_json(
            [
                {
                    **asdict(surge),
                    "over": surge.last_at <= now - QUIET,
                    "words": find_common_words(behind[surge.id]),
                    "tickets": [matter.number for matter in behind[surge.id]],
                }
                for surge in found
            ]
        )
        return
    for surge in found:
        seen = f"{surge.seen_by} 知悉 / seen" if surge.seen_by else "[yellow]未知悉 / unseen[/]"
        out.print(
            f"[bold]{surge.title}[/]  {surge.count} 件 / matters  "
            f"{_show(surge.began_at)} – {_show(surge.last_at)}  {surge.reason}  {seen}"
        )
        out.print(f"    工单 / tickets: {', '.join(m.number for m in behind[surge.id])}")
    if not found:
        out.print("没有热点 / no surges")


@app.command()
def words(
    context: typer.Context,
    hours: Annotated[
        int, typer.Option(min=1, max=LONGEST_H, help="最近几小时 / of the last so many hours")
    ] = 24,
    limit: Annotated[int, typer.Option(min=1, max=1000, help="最多几个 / at most")] = 20,
    as_json: Annotated[bool, typer.Option("--json", help="输出 JSON / print JSON")] = False,
) -> None:
    """高频词:比往常同一时段多见的词 / Words said more often than at the same time on the days or weeks before."""

    async def look(db: Database) -> list[HotWord]:
        async with db.read() as connection:
            return await find_hot_words(connection, datetime.now(UTC), hours, limit)

    found = ask(context.obj, look)
    if as_json:
        print_json([asdict(word) for word in found])
        return
    if not found:
        out.print("没有比往常多见的词 / no words stand out")
        return
    table = Table("词 / word")
    for title in ("件数 / matters", "往常 / usual", "倍数 / ratio"):
        table.add_column(title, justify="right")
    for word in found:
        table.add_row(
            word.word, str(word.count), f"{word.usual:.1f}", f"{word.ratio:.1f}" if word.usual else "新 / new"
        )
    out.print(table)


def _show(moment: datetime) -> str:
    return f"{moment.astimezone(CITY_TIME):%m-%d %H:%M}"
