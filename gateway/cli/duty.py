"""``hotline duty on | off | show``: the duty switch (全部转人工)."""

from __future__ import annotations

import asyncio
import getpass
import os
import re
from datetime import UTC, datetime, time, timedelta
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.markup import escape

from config.duty import LONGEST_WHY, DutyError, Order, read_duty, turn_off, turn_on
from gateway.cli import Whereabouts, app, errors
from gateway.service.asking import ask_gateways, find_gateways
from gateway.site.settings import Paths
from tickets.number import CITY_TIME

if TYPE_CHECKING:
    from collections.abc import Sequence

    from config.duty import Duty

duty = typer.Typer(help="全部转人工 / Pass callers to people at once.", no_args_is_help=True)
app.add_typer(duty, name="duty")
out = Console(highlight=False, soft_wrap=True)

_SECONDS = 10.0
_LINE = re.compile(r"[0-9]{3,8}")
_CLOCK = re.compile(r"([01]?[0-9]|2[0-3])[::]([0-5][0-9])")

Line = Annotated[
    str | None,
    typer.Option("--line", help="只这条热线 / this line alone, as in hotlines.yaml", show_default="all"),
]


@duty.command("on")
def switch_on(
    context: typer.Context,
    line: Line = None,
    until: Annotated[
        str | None,
        typer.Option(
            help="到何时为止:08:30(下一个 8 点半)或 2026-07-01T08:30 / until when", show_default="`duty off`"
        ),
    ] = None,
    why: Annotated[str, typer.Option(help="原因 / why")] = "",
) -> None:
    """下一通来电起直接转人工 / From the next call on, pass callers to a person at once."""
    now = datetime.now(UTC)
    if len(why) > LONGEST_WHY:
        raise typer.BadParameter(f"--why: 最多 {LONGEST_WHY} 个字 / at most {LONGEST_WHY} characters")
    end = read_until(until, now) if until else None
    order = Order(line=_read_line(line), since=now, until=end, by=_who(), why=why)
    paths = _paths(context)
    _show(turn_on(paths.data, order), now)
    _tell(paths)


@duty.command("off")
def switch_off(context: typer.Context, line: Line = None) -> None:
    """恢复语音接听 / Lead callers by the dialogue again: those of one line, or all."""
    now, paths = datetime.now(UTC), _paths(context)
    _show(turn_off(paths.data, None if line is None else _read_line(line), now), now)
    _tell(paths)


@duty.command("show")
def show(context: typer.Context) -> None:
    """现在是否转人工 / What is ordered now, until when, by whom and why."""
    _show(read_duty(_paths(context).data), datetime.now(UTC))


def read_until(text: str, now: datetime) -> datetime:
    """The end that an operator means, in the city's time: the next such time of day, or a date with a time.

    Raises typer.BadParameter, for one in the past too.
    """
    here = now.astimezone(CITY_TIME)
    if clock := _CLOCK.fullmatch(text):
        end = datetime.combine(here.date(), time(int(clock[1]), int(clock[2])), CITY_TIME)
        return end if end > here else end + timedelta(days=1)
    try:
        end = datetime.fromisoformat(text)
    except ValueError:
        raise typer.BadParameter(
            f"--until {text!r}: 请写 08:30 或 2026-07-01T08:30 / write a time of day, or a date with a time"
        ) from None
    end = end if end.tzinfo else end.replace(tzinfo=CITY_TIME)
    if end <= here:
        raise typer.BadParameter(f"--until {text!r}: 已经过去 / is over already")
    return end


def _read_line(line: str | None) -> str:
    if line is not None and not _LINE.fullmatch(line):
        raise typer.BadParameter(
            f"--line {line!r}: 请写热线号码 / write the line's number, as in hotlines.yaml"
        )
    return line or ""


def _paths(context: typer.Context) -> Paths:
    where: Whereabouts = context.obj
    paths = Paths(where.data)
    if not paths.data.is_dir():
        raise DutyError(f"{paths.data}: 没有这个数据目录 / no such data folder: give the gateways' --data")
    return paths


def _who() -> str:
    return f"{os.environ.get('SUDO_USER') or getpass.getuser()} (hotline duty)"


def _show(duty: Duty, now: datetime) -> None:
    orders = duty.in_force(now)
    if not orders:
        out.print("正常接听,没有转人工 / callers are led by the dialogue, none is passed on at once")
    for order in orders:
        whose = f"热线 / line {order.line}" if order.line else "全部热线 / all lines"
        until = f"{order.until.astimezone(CITY_TIME):%Y-%m-%d %H:%M}" if order.until else "`hotline duty off`"
        since = f"{order.since.astimezone(CITY_TIME):%Y-%m-%d %H:%M}"
        out.print(f"直接转人工 / passed to a person at once: {whose}, 到 / until {until}", style="yellow")
        out.print(f"  {since}, {escape(order.by)}: {escape(order.why) or '—'}")


def _tell(paths: Paths) -> None:
    """Tell the gateways; whom it does not reach looks by itself within two seconds."""
    try:
        answers = asyncio.run(ask_gateways(find_gateways(paths.run), "/duty", _SECONDS))
    except TimeoutError:
        errors.print("有网关没有应答 / a gateway has not answered: look at `hotline doctor`", style="yellow")
        return
    out.print(f"已告知网关 / gateways told: {_names([a.socket.stem for a in answers])}")
    for answer in answers:
        if answer.document["trouble"]:
            errors.print(f"{answer.socket.stem}: {escape(answer.document['trouble'])}", style="red")


def _names(names: Sequence[str]) -> str:
    return ", ".join(names) or "没有在运行的 / none runs, it holds from their start on"
