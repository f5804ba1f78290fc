"""``hotline retry | take-node``: what an operator decides once the cause of a trouble is known."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from gateway.cli import Site, app
from recordings.database import open_database, require_current
from recordings.nodes import take_node
from tickets.courier import wake
from tickets.number import CITY_TIME, NumberBook
from tickets.outbox import revive

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from recordings.database import Database

out = Console(highlight=False, soft_wrap=True)


@app.command()
def retry(context: typer.Context) -> None:
    """重新投递被受理平台拒收的工单 / Post the dead letters again, after what was wrong has been mended."""
    site: Site = context.obj

    async def post_again(db: Database) -> None:
        async with db.write() as connection:
            count = await revive(connection, datetime.now(UTC))
        wake(site.paths.run)
        out.print(f"重新投递 / to be posted again: {count}")

    asyncio.run(_with_database(site, post_again))


@app.command("take-node")
def take(
    context: typer.Context,
    node: Annotated[
        int | None, typer.Argument(help="编号节点 / node", show_default="node", min=0, max=99)
    ] = None,
) -> None:
    """接管编号节点(原数据目录已不复存在时) / Take a node over from a data folder that is lost for good.

    Today's numbers go on beyond a million, so that none is given out twice.
    """
    site: Site = context.obj
    chosen = site.settings.node if node is None else node

    async def take_over(db: Database) -> None:
        NumberBook(site.paths.data / "numbers", chosen).skip_ahead(datetime.now(CITY_TIME).date())
        await take_node(db, chosen, site.paths.data)
        out.print(f"已接管 / taken over: node {chosen} → {site.paths.data}")

    asyncio.run(_with_database(site, take_over))


async def _with_database(site: Site, work: Callable[[Database], Awaitable[None]]) -> None:
    db = open_database(site.paths.database_url(site.settings))
    try:
        await require_current(db)
        await work(db)
    finally:
        await db.close()
