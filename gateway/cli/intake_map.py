"""``hotline intake-map check``: the fields of another city's intake, proved before a ticket goes there."""

from __future__ import annotations

import json
from pathlib import Path  # noqa: TC003 - typer reads it at run time
from typing import TYPE_CHECKING, Annotated

import sqlalchemy as sa
import typer

from gateway.cli import app, errors
from gateway.cli.asking import ask
from gateway.cli.printing import tables
from recordings.schema import tickets
from tickets.mapping import read_mapping
from tickets.ticket import Ticket

if TYPE_CHECKING:
    from recordings.database import Database

maps = typer.Typer(help="另一城市的字段 / Another city's fields.", no_args_is_help=True)
app.add_typer(maps, name="intake-map")


@maps.command("check")
def check(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(help="映射文件 / the mapping file")],
    number: Annotated[str, typer.Option(help="用这件工单试一试 / show this ticket in their fields")] = "",
) -> None:
    """检查映射文件 / Prove a mapping: every field there is, every word coded; what of a ticket goes nowhere."""
    mapping = read_mapping(file)
    used = {part.source.split(".")[0] for part in mapping.file.fields.values() if part.source}
    unused = ", ".join(name for name in Ticket.model_fields if name not in used)
    tables.print(f"映射可用 / the mapping is good: {file}, {len(mapping.file.fields)} 个字段 / fields")
    tables.print(f"不投递的部分 / parts of a ticket that go nowhere: {unused or '-'}")
    if not number:
        return

    async def look(db: Database) -> str | None:
        query = sa.select(tickets.c.document).where(tickets.c.number == number)
        async with db.read() as connection:
            found: str | None = await connection.scalar(query.order_by(tickets.c.revision.desc()).limit(1))
            return found

    document = ask(context.obj, look)
    if document is None:
        errors.print(f"错误 / Error: 没有这件工单 / no such ticket: {number}", style="red", markup=False)
        raise typer.Exit(1)
    tables.print_json(json.dumps(mapping.translate(json.loads(document)), ensure_ascii=False))
