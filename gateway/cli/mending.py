"""``hotline take-node``: the numbers of a data folder that is lost for good."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from gateway.cli import Site, app
from gateway.cli.asking import ask
from recordings.nodes import take_node
from tickets.number import CITY_TIME, NumberBook

if TYPE_CHECKING:
    from recordings.database import Database

out = Console(highlight=False, soft_wrap=True)


@app.command("take-node")
def take(
    context: typer.Context,
    node: Annotated[
        int | None, typer.Argument(help="编号节点 / node", show_default="node", min=0, max=99)
    ] = None,
) -> None:
    """接管编号节点(原数据目录已不复存在时) / Take a node over from a data folder that is lost for good.

    Today's numbers go on beyond a million, so that none is given out twice; revisions of the tickets of until today
    beyond all that may have left since a backup.
    """
    site: Site = context.obj
    chosen = site.settings.node if node is None else node

    async def take_over(db: Database) -> None:
        NumberBook(site.paths.data / "numbers", chosen).skip_ahead(datetime.now(CITY_TIME).date())
        await take_node(db, chosen, site.paths.data)
        out.print(f"已接管 / taken over: node {chosen} → {site.paths.data}")

    ask(site, take_over)
