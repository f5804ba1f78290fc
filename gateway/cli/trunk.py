"""``hotline trunk status``: how each trunk stands, as the gateways of this machine say."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from gateway.cli import Site, app
from gateway.cli.printing import print_json
from gateway.service.health import ask_health

if TYPE_CHECKING:
    from collections.abc import Sequence

out = Console(highlight=False, soft_wrap=True)
trunks = typer.Typer(help="中继 / Trunks.", no_args_is_help=True)
app.add_typer(trunks, name="trunk")

_SAID = {True: "是 / yes", False: "否 / NO", None: "-"}


@trunks.command()
def status(
    context: typer.Context,
    as_json: Annotated[bool, typer.Option("--json", help="输出 JSON / print JSON")] = False,
) -> None:
    """每条中继的注册、应答和通话数 / Registration, signs of life, calls. Exit 1: one is lost, or no gateway."""
    site: Site = context.obj
    answers = asyncio.run(_ask(site))
    found = [
        {"gateway": port, **trunk} for port, health in answers for trunk in (health or {}).get("trunks", ())
    ]
    if as_json:
        print_json(found)
    else:
        _show(found)
        for port, health in answers:
            if health is None:
                out.print(
                    f"网关没有应答 / the gateway at port {port} does not answer: "
                    f"systemctl start hotline-gateway@{port}",
                    style="red",
                )
    lost = any(trunk["registered"] is False or trunk["reachable"] is False for trunk in found)
    if lost or any(health is None for _, health in answers):
        raise typer.Exit(1)


async def _ask(site: Site) -> list[tuple[int, dict[str, Any] | None]]:
    ports = site.settings.ports
    healths = await asyncio.gather(
        *(ask_health(site.paths.socket_of_gateway(site.settings, port)) for port in ports)
    )
    return list(zip(ports, healths, strict=True))


def _show(found: Sequence[dict[str, Any]]) -> None:
    if not found:
        out.print("没有设置中继,任何来源都接听 / no trunks are set: whoever reaches the port is answered")
        return
    table = Table(
        "网关 / gateway", "中继 / trunk", "传输", "已注册 / registered", "应答 / answers", "通话 / calls", ""
    )
    for trunk in found:
        lost = trunk["registered"] is False or trunk["reachable"] is False
        table.add_row(
            str(trunk["gateway"]),
            trunk["name"],
            trunk["transport"],
            _SAID[trunk["registered"]],
            _SAID[trunk["reachable"]],
            f"{trunk['calls']}/{trunk['cap']}",
            escape(trunk["reason"]),
            style="red" if lost else None,
        )
    out.print(table)
