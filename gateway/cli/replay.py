"""``hotline replay``: calls on file by a changed flow."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Final

import typer

from gateway.cli import Site, app
from gateway.cli.calls import read_since
from gateway.cli.printing import print_json, tables
from gateway.service.flows import read_dialogue
from gateway.service.rules import choose_rules
from recordings import journal
from tickets.replay import Difference, compare, find_calls

_SKIPPED: Final = {
    "anonymous": "匿名热线 / of an anonymous line",
    "unanswered": "没有接通 / never answered",
    "other flow": "当时的流程不是现用的 / led by another flow than the one in use",
    "unreadable": "读不出 / cannot be read",
}
_SHOWN: Final = 6


@app.command()
def replay(
    context: typer.Context,
    flow: Annotated[Path, typer.Option(help="改动后的流程文件 / the changed flow file")],
    since: Annotated[
        str,
        typer.Option(help="从何时起 / from when on: yesterday, 2026-07-01, 2026-07-01T08:30, 90m, 12h, 7d"),
    ] = "yesterday",
    as_json: Annotated[bool, typer.Option("--json", help="输出 JSON / print JSON")] = False,
) -> None:
    """用改动后的流程重放已存的通话,看哪些会不同 / Take calls on file by a changed flow, show what would differ."""
    site: Site = context.obj
    choose_rules(site.settings)  # what is looked up anew is looked up in the city's own files
    dialogue = site.settings.dialogue
    before, after = read_dialogue(dialogue), read_dialogue(dialogue.model_copy(update={"flow": flow}))
    differing: list[Difference] = []
    counted = Counter[str]()
    for folder in find_calls(site.paths.data, read_since(since, datetime.now(UTC))):
        try:
            found = compare(folder.name, journal.read(folder), before, after)
        except OSError:
            counted["unreadable"] += 1
            continue
        if isinstance(found, Difference):
            differing.append(found)
        else:
            counted[found or "alike"] += 1
    alike = counted.pop("alike", 0)
    if as_json:
        print_json({"differ": [asdict(one) for one in differing], "alike": alike, "skipped": dict(counted)})
        return
    for one in differing:
        _tell(one)
    tables.print(f"不同 / differ: {len(differing)}; 相同 / alike: {alike}")
    for why, count in counted.items():
        tables.print(f"跳过 / skipped: {count}, {_SKIPPED[why]}")


def _tell(one: Difference) -> None:
    guess = ", [yellow]以下有推测 / partly guessed[/]" if one.guessed else ""
    tables.print(f"[bold]{one.call_id}[/]{guess}")
    if one.question:
        tables.print(f"  问题 / question [cyan]{one.question}[/]:")
        for title, told in (("原 / was", one.before), ("改 / would be", one.after)):
            more = f" … ({len(told)})" if len(told) > _SHOWN else ""
            tables.print(f"    {title}: {', '.join(told[:_SHOWN]) or '—'}{more}")
    if one.ended_by is not None:
        tables.print(f"  挂断 / ended by: {one.ended_by[0]} → {one.ended_by[1]}")
    if one.tickets is not None:
        tables.print(f"  工单 / tickets: {one.tickets[0]} → {one.tickets[1]}")
    if one.fields:
        tables.print(f"  工单内容 / fields of tickets: {', '.join(one.fields)}")
