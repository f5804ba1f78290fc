"""``hotline calls list | show``: what became of each call."""

from __future__ import annotations

import re
from dataclasses import asdict
from datetime import UTC, datetime, time, timedelta
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.markup import escape
from rich.table import Table

from gateway.cli import Site, app, errors
from gateway.cli.asking import ask
from gateway.cli.printing import print_json, tables, tell_moment
from gateway.cli.screen import describe
from tickets.calls import CallFilter, list_calls
from tickets.number import CITY_TIME

if TYPE_CHECKING:
    from recordings.database import Database
    from tickets.calls import CallLine
    from tickets.story import CallStory, Delivery, StoryEvent, TicketStory

calls = typer.Typer(help="通话 / Calls on file.", no_args_is_help=True)
app.add_typer(calls, name="calls")

_ENDED_BY = {"caller": "来电人 / caller", "gateway": "网关 / gateway", "lost": "中断 / lost", None: ""}
_STATES = {
    "accepted": "[green]已受理 / accepted[/]",
    "pending": "[yellow]待投递 / pending[/]",
    "dead": "[red]被拒收 / refused[/]",
}
_AGO = re.compile(r"(\d{1,4})([mhd])")
_DAYS_AGO = {"today": 0, "yesterday": 1}
_UNITS = {"m": "minutes", "h": "hours", "d": "days"}


def read_since(text: str, now: datetime) -> datetime:
    """A moment: ``2026-07-01``, ``2026-07-01T08:30`` (the city's time), or so long ago: ``90m``, ``12h``, ``7d``.

    ``today`` and ``yesterday`` are from midnight on. Raises typer.BadParameter.
    """
    if text in _DAYS_AGO:
        day = now.astimezone(CITY_TIME).date() - timedelta(days=_DAYS_AGO[text])
        return datetime.combine(day, time(), CITY_TIME)
    if ago := _AGO.fullmatch(text):
        return now - timedelta(**{_UNITS[ago[2]]: int(ago[1])})
    try:
        moment = datetime.fromisoformat(text)
        return (moment if moment.tzinfo else moment.replace(tzinfo=CITY_TIME)).astimezone(UTC)
    except (ValueError, OverflowError):
        raise typer.BadParameter(
            f"{text!r}: 请写 2026-07-01、2026-07-01T08:30 或 90m、12h、7d、yesterday"
            " / write a date, a time, or how long ago"
        ) from None


@calls.command("list")
def list_(
    context: typer.Context,
    since: Annotated[
        str,
        typer.Option(help="从何时起 / from when on: yesterday, 2026-07-01, 2026-07-01T08:30, 90m, 12h, 7d"),
    ] = "",
    hotline: Annotated[str, typer.Option(help="热线号码 / hotline")] = "",
    without_ticket: Annotated[
        bool, typer.Option("--without-ticket", help="只看没有工单的 / only calls that made no ticket")
    ] = False,
    interrupted: Annotated[
        bool, typer.Option("--interrupted", help="只看被中断的 / only calls that a crash cut off")
    ] = False,
    limit: Annotated[int, typer.Option(min=1, max=10000, help="最多几通 / at most")] = 50,
    as_json: Annotated[bool, typer.Option("--json", help="输出 JSON / print JSON")] = False,
) -> None:
    """列出通话,新的在前 / List the calls on file, newest first."""
    site: Site = context.obj
    wanted = CallFilter(
        since=read_since(since, datetime.now(UTC)) if since else None,
        hotline=hotline,
        without_ticket=without_ticket,
        interrupted=interrupted,
    )

    async def look(db: Database) -> list[CallLine]:
        async with db.read() as connection:
            return await list_calls(connection, wanted, limit)

    found = ask(site, look)
    if as_json:
        print_json([asdict(line) for line in found])
    elif found:
        tables.print(_tabulate(found))
    else:
        tables.print("没有这样的通话 / no such calls")


@calls.command()
def show(
    context: typer.Context,
    call_id: Annotated[str, typer.Argument(metavar="ID", help="通话编号 / the call's id")],
    as_json: Annotated[bool, typer.Option("--json", help="输出 JSON / print JSON")] = False,
) -> None:
    """一通电话的全过程 / A call's whole story: prompts, keys, words, tickets, deliveries."""
    site: Site = context.obj
    from tickets.story import tell_story  # noqa: PLC0415 - takes a third of a second, which `list` does without

    story = ask(site, lambda db: tell_story(db, site.paths.data, call_id))
    if story is None:
        errors.print(
            f"错误 / Error: 没有这通电话 / no such call: {escape(call_id)}; `hotline calls list` 可查 / lists them",
            style="red",
        )
        raise typer.Exit(1)
    if as_json:
        print_json({**asdict(story), "events": [_lay_out(event) for event in story.events]})
    else:
        _tell(story)


def _lay_out(event: StoryEvent) -> dict[str, Any]:
    return {"wall": event.wall, "at": event.at, "kind": event.entry.kind, "fields": asdict(event.entry)}


def _tabulate(found: list[CallLine]) -> Table:
    table = Table()
    for title in ("时间 / time", "编号 / id", "热线 / line", "主叫 / caller"):
        table.add_column(title, no_wrap=True)
    table.add_column("时长 / length", justify="right", no_wrap=True)
    for title in ("挂断 / ended by", "工单 / tickets"):
        table.add_column(title, overflow="fold")
    for line in found:
        call = line.call
        ended = "通话中 / going on" if call.ended_at is None else _ENDED_BY[call.hung_up_by]
        made = [f"{t.number} 第{t.revision}版 {_STATES[t.delivery]}" for t in line.tickets]
        table.add_row(
            tell_moment(call.started_at),
            call.call_id,
            call.hotline,
            (escape(call.caller) or "未显示 / withheld") + (" 拨测 / probe" if call.test else ""),
            "" if call.duration_s is None else f"{call.duration_s:.0f} s",
            "[red]系统中断 / crash[/]" if call.interrupted else ended,
            "\n".join(made) or escape(call.reason or ""),
        )
    return table


def _tell(story: CallStory) -> None:
    call = story.call
    tables.print(
        f"[bold]{call.call_id}[/]  {tell_moment(call.started_at)}  SIP Call-ID {escape(call.sip_call_id)}"
    )
    for event in story.events:
        told = describe(event.entry)
        if told is not None:
            title, style, text = told
            at = "" if event.at is None else f"{event.at:.1f} s"
            tables.print(f"{at:>9}  [{style}]{title}[/]  {escape(text)}")
    if not story.events:
        tables.print("通话目录不在本机 / the call's folder is not on this machine", style="dim")
    if late := story.transcripts.get("late"):
        tables.print(f"[bold]录音补转写 / from the recording[/]  {escape(late.text)}")
    for ticket in story.tickets:
        _tell_ticket(ticket)
    if call.reason:
        tables.print(f"没有工单 / no ticket: {escape(call.reason)}")
    if story.recording:
        tables.print(f"录音 / recording: {escape(story.recording.path)}, {story.recording.seconds:.1f} s")
    if not story.filed:
        tables.print("尚未入库 / not filed yet", style="yellow")


def _tell_ticket(ticket: TicketStory) -> None:
    tables.print(f"[bold yellow]工单 / ticket {ticket.number}[/]")
    for revision in ticket.revisions:
        title = revision.document["appeal"]["title"]
        tables.print(
            f"  第{revision.revision}版 / revision  {tell_moment(revision.created_at)}  {escape(title)}"
        )
        for delivery in revision.deliveries:
            tables.print(f"    {_describe_delivery(delivery)}")


def _describe_delivery(delivery: Delivery) -> str:
    parts = [_STATES[delivery.state], f"{delivery.attempts} 次 / attempts"]
    if delivery.settled_at is not None:
        parts.append(tell_moment(delivery.settled_at))
    elif delivery.attempts:
        parts.append(f"下次 / next {tell_moment(delivery.next_at)}")
    if delivery.receipt:
        parts.append(f"受理编号 / intake's number {escape(str(delivery.receipt['number']))}")
    if delivery.dropped:
        parts.append(f"已放弃 / dropped by {escape(delivery.dropped)}")
    if delivery.last_error:
        parts.append(escape(delivery.last_error))
    return "  ".join(parts)
