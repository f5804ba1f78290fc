"""``hotline nuisance list | add | remove``: callers who are not put through for a while."""

from __future__ import annotations

import getpass
from datetime import UTC, datetime, timedelta
from typing import Annotated

import typer
from rich.console import Console

from gateway.calls.access import Nuisance
from gateway.calls.nuisances import NuisanceError, add_nuisance, read_entries, remove_nuisance
from gateway.cli import Site, app
from gateway.sip.calling import read_number
from tickets.number import CITY_TIME

_MOST_DAYS = 365

out = Console(highlight=False, soft_wrap=True)
nuisances = typer.Typer(help="骚扰名单 / Nuisance callers.", no_args_is_help=True)
app.add_typer(nuisances, name="nuisance")

Number = Annotated[str, typer.Argument(help="主叫号码 / calling number")]
Who = Annotated[str, typer.Option(help="经办人 / who decides", show_default="login name")]


@nuisances.command("add")
def add(
    context: typer.Context,
    number: Number,
    reason: Annotated[str, typer.Option(help="原因 / why")],
    days: Annotated[float, typer.Option(help="天数 / for so many days", min=0.01, max=_MOST_DAYS)] = 7,
    who: Who = "",
) -> None:
    """暂不接通某号码;按 9 报险仍接通 / Do not put a number through for a while; key 9 (danger) still passes."""
    site: Site = context.obj
    now = datetime.now(UTC).replace(microsecond=0)
    if not reason.strip():
        raise NuisanceError("须写明原因 / say why: --reason")
    until = now + timedelta(days=days)
    add_nuisance(
        site.paths.data, Nuisance(_read(number), reason.strip(), until, who or getpass.getuser(), now)
    )
    out.print(
        f"已列入,数秒内生效 / listed, in force within seconds: {_read(number)}, 至 / until {_tell(until)}"
    )


@nuisances.command("remove")
def remove(context: typer.Context, number: Number, who: Who = "") -> None:
    """移出名单 / Put a number through again."""
    site: Site = context.obj
    remove_nuisance(site.paths.data, _read(number), who or getpass.getuser(), datetime.now(UTC))
    out.print(f"已移出,数秒内生效 / removed, in force within seconds: {_read(number)}")


@nuisances.command("list")
def list_all(
    context: typer.Context,
    everything: Annotated[
        bool, typer.Option("--all", help="含已到期和已移出的 / those that are over as well")
    ] = False,
) -> None:
    """列出名单 / Who is on it, why, until when, by whom."""
    site: Site = context.obj
    now = datetime.now(UTC)
    entries = [one for one in read_entries(site.paths.data) if everything or one.is_in_force(now)]
    for one in entries:
        line = f"{one.number}  {_tell(one.since)} – {_tell(one.until)}  {one.who}  {one.reason}"
        if one.removed is not None:
            line += f"  移出 / removed: {_tell(one.removed.at)} {one.removed.who}"
        out.print(line, markup=False)
    if not entries:
        out.print("名单为空 / the list is empty")


def _read(number: str) -> str:
    read = read_number(number)
    if not read:
        raise NuisanceError(f"{number!r} 不是电话号码 / is no telephone number")
    return read


def _tell(moment: datetime) -> str:
    return f"{moment.astimezone(CITY_TIME):%Y-%m-%d %H:%M}"
