"""``hotline flow check | flow show | check``: what can be proved before a call comes."""

from __future__ import annotations

import asyncio
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path  # noqa: TC003 - typer reads it at run time
from typing import TYPE_CHECKING, Annotated, get_args

import typer
from rich.console import Console
from rich.markup import escape

from asr.catalogue import open_model
from asr.vocabulary import read_vocabulary
from config.citymap import read_map
from config.document import embedded
from gateway.calls.nuisances import read_entries
from gateway.cli import Site, app, errors
from gateway.cli.drawing.chart import chart
from gateway.cli.drawing.layout import lay_out
from gateway.cli.drawing.svg import draw
from gateway.doctor.parts import check_calendar
from gateway.doctor.services import check_page_settings
from gateway.doctor.trunks import check_certificates, check_targets, check_transfers
from gateway.prompts.takes import list_pieces
from gateway.service.dialogues import open_prompts
from gateway.service.flows import read_dialogue, read_nuisance_flow, read_placed, read_texts
from gateway.service.grammars import find_unknown
from gateway.service.guarding import OPEN, is_open
from gateway.service.rules import choose_rules
from gateway.service.texting import prove_texting
from gateway.site.demo_model import DEMO_WARNING
from ivr.compile import compile_flow
from recordings.database import open_database, require_current
from tickets.letters import read_dead_letters, read_overdue
from tickets.mapping import read_mapping
from tickets.meaning.understanding import version
from tickets.number import CITY_TIME
from tickets.proposal import count_points
from tickets.sms.wording import What

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gateway.site.intake import IntakeSettings
    from gateway.site.sms import SmsSettings
    from ivr.hotline import Hotlines
    from tickets.letters import DeadLetter, Overdue

_OVERDUE_SHOWN = 20
out = Console(highlight=False, soft_wrap=True)
flows = typer.Typer(help="对话流程 / Dialogue flows.", no_args_is_help=True)
app.add_typer(flows, name="flow")


@flows.command("check")
def check_flow(
    context: typer.Context,
    file: Annotated[
        Path | None, typer.Argument(help="流程文件 / flow file", show_default="the one in use")
    ] = None,
) -> None:
    """证明流程可用 / Prove a flow: every node reachable, every wait ends, 0 reaches a person."""
    site: Site = context.obj
    dialogue = site.settings.dialogue
    chosen = file or dialogue.flow or embedded("flows/default.yaml")
    flow = compile_flow(chosen, read_texts(dialogue))
    out.print(f"流程可用 / flow proved: {chosen}: {flow.name}")
    for line in flow.proof:
        out.print(f"  {line}")


@flows.command("show")
def show_flow(
    context: typer.Context,
    file: Annotated[
        Path | None, typer.Argument(help="流程文件 / flow file", show_default="the one in use")
    ] = None,
    to: Annotated[
        Path | None, typer.Option(help="SVG 文件 / write the picture here", show_default="the terminal")
    ] = None,
) -> None:
    """把流程画成图(SVG),不懂流程文件也能看懂 / Draw a flow for those who read no flow files."""
    site: Site = context.obj
    chosen = file or site.settings.dialogue.flow or embedded("flows/default.yaml")
    texts = read_texts(site.settings.dialogue)
    flow = compile_flow(chosen, texts)
    picture = draw(lay_out(chart(flow, texts)), f"来电流程 {flow.name}")
    if to is None:
        print(picture)  # noqa: T201 - this is the command's output
    else:
        to.write_text(picture, encoding="utf-8")
        out.print(f"已画出 / drawn: {to}")


@app.command()
def check(context: typer.Context) -> None:
    """检查配置、热线、流程、模型、数据库和未投递的工单 / Check settings, lines, flows, model, database and tickets."""
    site: Site = context.obj
    hotlines = read_dialogue(site.settings.dialogue)
    for flow in hotlines.flows:
        out.print(f"流程 / flow: {flow.name}, {len(flow.nodes)} nodes")
    read_nuisance_flow(site.settings.dialogue)
    if site.settings.callback.trunk:
        placed = read_placed(site.settings.dialogue, site.settings.callback.flows)
        out.print(
            f"外呼 / calls placed by us: {', '.join(f'{kind}: {flow.name}' for kind, flow in placed.items())}"
        )
    read_entries(site.paths.data)
    _tell_hotlines(hotlines)
    choose_rules(site.settings)
    read_map(site.settings.console.map)
    out.print(f"理解规则 / rules of understanding: {version()}; 坐标点 / points: {count_points()}")
    _tell_intake(site.settings.intake)
    _tell_sms(site.settings.sms)
    _tell_trunks(site, hotlines)
    if is_open(site.settings):
        out.print(f"警告 / Warning: {': '.join(OPEN)}", style="yellow")
    book = open_prompts(site.settings.dialogue, site.paths)
    out.print(f"自己的录音 / your own recordings: {book.recordings}")
    pieces = list_pieces(read_texts(site.settings.dialogue), site.settings.dialogue.replacements)
    for piece in (one for one in pieces.values() if one.state == "stale"):
        out.print(
            f"警告 / Warning: {piece.name}: 文字已改,录音还是原来的话 / recorded with another text than that in use",
            style="yellow",
        )
    _tell_models(site, hotlines)
    overdue, dead = asyncio.run(_look_into_outbox(site))
    for ticket in overdue[:_OVERDUE_SHOWN]:
        out.print(
            f"警告 / Warning: 超过一小时未投递 / on its way for more than an hour: {ticket.number} "
            f"第{ticket.revision}版, {ticket.created_at.astimezone(CITY_TIME):%Y-%m-%d %H:%M} 起 / since, "
            f"{ticket.attempts} 次 / attempts: {ticket.reason or '尚未投递 / not tried yet'}",
            style="yellow",
        )
    if len(overdue) > _OVERDUE_SHOWN:
        out.print(f"警告 / Warning: …共 {len(overdue)} 件 / in all", style="yellow")
    for letter in dead:
        out.print(
            f"未能投递 / dead letter: {letter.number} 第{letter.revision}版: {letter.reason}", style="red"
        )
    if dead:
        out.print(
            "改正原因后运行 hotline outbox retry --all / mend the cause, then run `hotline outbox retry --all`"
        )
        raise typer.Exit(1)
    out.print("没有未能投递的工单 / no dead letters")


def _tell_models(site: Site, hotlines: Hotlines) -> None:
    """Which models hear, and what of the flows' words the live one does not know."""
    model = open_model(site.paths.model(site.settings))
    out.print(f"模型 / model: {model.fingerprint.name} {model.fingerprint.sha256[:12]}")
    if model.fingerprint.demo:
        out.print(f"警告 / Warning: {DEMO_WARNING}", style="yellow")
    elif not model.static_graph:
        for unknown in find_unknown(hotlines.flows, read_vocabulary(model)):
            out.print(f"警告 / Warning: {escape(str(unknown))}", style="yellow")
    if site.settings.asr.runs_second:
        large = open_model(site.settings.asr.second_model)
        out.print(
            f"重听的模型 / model of the second pass: {large.fingerprint.name} {large.fingerprint.sha256[:12]}"
        )


def _tell_hotlines(hotlines: Hotlines) -> None:
    """What stands in the proved hotlines file, and what of it counts today."""
    today = datetime.now(CITY_TIME).date()
    modes = Counter(line.mode for line in hotlines if line.is_in_force(today))
    told = ", ".join(f"{mode} {count}" for mode, count in modes.items())
    out.print(f"热线 / hotlines: {len(hotlines)}; {today} 有效 / in force: {told}")
    asleep = [line for line in hotlines if not line.is_in_force(today)]
    for line in asleep:
        times = f"{line.since or ''}–{line.until or ''}"
        out.print(f"  {line.number} {line.name}: {times}, 今天无效 / not in force today")
    for finding in check_calendar(hotlines, today):
        out.print(f"警告 / Warning: {finding.what} → {finding.remedy}", style="yellow")


def _tell_intake(intake: IntakeSettings) -> None:
    """What it is not sent, and in whose fields the rest goes there."""
    if not intake.alerts:
        out.print(
            "警告 / Warning: 不发预警,工单照发 / no alerts are posted, tickets are: intake.alerts: false",
            style="yellow",
        )
    if intake.mapping is not None:
        count = len(read_mapping(intake.mapping).file.fields)
        out.print(f"平台字段映射 / mapping to the intake's fields: {intake.mapping}, {count}")


def _tell_sms(sms: SmsSettings) -> None:
    """Which messages callers are sent, and in how many parts each is paid for."""
    if prove_texting(sms) is None:
        out.print("不发短信 / no messages are sent: sms.provider")
        return
    out.print(f"短信网关 / SMS gateway: {sms.provider}")
    kinds: tuple[What, ...] = get_args(What)
    for what in kinds:
        parts = sms.templates.measure(what, sms.signature)
        told = f"{parts} 条 / parts" if parts else "不发 / not sent"
        out.print(f"  短信 / message {what}: {told}", style="yellow" if parts > 1 else None)


def _tell_trunks(site: Site, hotlines: Hotlines) -> None:
    """Who may call, and what of the page and of the certificates is to be mended."""
    for trunk in site.settings.trunks:
        registers = f", {r.user}@{r.domain}" if (r := trunk.registration) is not None else ""
        out.print(f"中继 / trunk: {trunk.name}, {trunk.transport}, {', '.join(trunk.peers)}{registers}")
    if not site.settings.trunks:
        out.print("没有设置中继 / no trunks are set")
    for finding in (
        *check_page_settings(site.settings),
        *check_certificates(site.settings),
        *check_targets(site.settings, hotlines),
    ):
        if finding.level != "ok":
            out.print(f"警告 / Warning: {finding.what} → {finding.remedy}", style="yellow")
    refused = tuple(check_transfers(site.settings, hotlines))
    for finding in refused:
        errors.print(f"错误 / Error: {finding.what} → {finding.remedy}", style="red", soft_wrap=True)
    if refused:
        raise typer.Exit(1)


async def _look_into_outbox(site: Site) -> tuple[Sequence[Overdue], Sequence[DeadLetter]]:
    db = open_database(site.paths.database_url(site.settings))
    try:
        await require_current(db)
        async with db.read() as connection:
            return await read_overdue(connection, datetime.now(UTC)), await read_dead_letters(connection)
    finally:
        await db.close()
