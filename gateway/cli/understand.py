"""``hotline understand``: what a ticket would say of a text, and why."""

from __future__ import annotations

import json
import re
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console

from config.fault import Fault
from gateway.cli import Site, app
from gateway.cli.printing import print_json
from gateway.service.flows import read_dialogue
from gateway.service.rules import choose_rules
from tickets.meaning.topics import compare
from tickets.meaning.understanding import understand as make_sense
from tickets.number import CITY_TIME

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ivr.hotline import Hotline, Hotlines
    from tickets.meaning.understanding import Understanding

_LINES = ".jsonl"
_YEARS = range(1900, 2200)
"""In which calls may be: days before and after are reckoned from theirs."""
_HALF = re.compile("[\ud800-\udfff]")
out = Console(highlight=False, soft_wrap=True)


class TextError(Fault):
    """A line of the file cannot be understood; the message says which, and what it needs."""


@app.command()
def understand(
    context: typer.Context,
    text: Annotated[
        str,
        typer.Argument(
            metavar="TEXT|FILE.jsonl",
            help="一段话,或每行一个 {text, hotline?, at?} 的文件 / a text, or a file of objects",
        ),
    ],
    as_json: Annotated[bool, typer.Option("--json", help="输出 JSON / print JSON")] = False,
    pairs: Annotated[
        bool,
        typer.Option("--pairs", help="文件每行 {a, b}:是否同一件事 / are the two of the same matter"),
    ] = False,
) -> None:
    """看一段话会成为怎样的工单,依据是什么 / What a ticket would say of a text, and the words that led to it."""
    site: Site = context.obj
    choose_rules(site.settings)
    if not text.endswith(_LINES):
        if pairs:
            raise TextError("--pairs 需要 FILE.jsonl / --pairs takes a file of objects with a and b")
        _prove_characters(text, "TEXT")
        meant = make_sense(text, datetime.now(CITY_TIME))
        _show(text, meant, as_json=as_json)
        return
    file, lines = Path(text), None
    for number, told in _read(file):
        if pairs:
            likeness = compare(_text(file, number, told, "a"), _text(file, number, told, "b"))
            found = {"same": likeness.same, "score": likeness.score}
            if as_json:
                print_json({**found, "reasons": list(likeness.reasons)})
            else:
                out.print(
                    f"{'同一件事' if likeness.same else '不是一件事'} {likeness.score:.2f} {';'.join(likeness.reasons)}"
                )
            continue
        said = _text(file, number, told, "text")
        if told.get("hotline") and lines is None:
            lines = read_dialogue(site.settings.dialogue)
        _show(said, _understand(file, number, told, lines), as_json=as_json)


def _understand(file: Path, number: int, told: dict[str, Any], lines: Hotlines | None) -> Understanding:
    at = _read_moment(file, number, told.get("at"))
    line = _find_line(file, number, told, lines, at) if lines is not None and told.get("hotline") else None
    if line is None:
        return make_sense(told["text"], at)
    return make_sense(
        told["text"], at, preset=line.appeal, category=line.category, department=line.department
    )


def _find_line(file: Path, number: int, told: dict[str, Any], lines: Hotlines, at: datetime) -> Hotline:
    wanted = str(told["hotline"])
    named = [line for line in lines if line.number == wanted]
    for line in named:
        if line.is_in_force(at.date()):
            return line
    if named:
        return named[-1]
    raise TextError(
        f"{file}:{number}: hotline {wanted!r} 不在热线文件中 / is not in the hotlines file: write one of its numbers"
    )


def _read(file: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    """The objects of the file, each with the number of its line; empty lines are nothing."""
    try:
        lines = file.read_text("utf-8-sig").split("\n")  # JSON may hold what else ends a line
    except UnicodeDecodeError:
        raise TextError(
            f"{file}: 不是 UTF-8 文本,请另存为 UTF-8 / not UTF-8 text: save it in UTF-8"
        ) from None
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            told = json.loads(line)
        except (ValueError, RecursionError):
            told = None
        if not isinstance(told, dict):
            raise TextError(f"{file}:{number}: 不是 JSON 对象 / not a JSON object: write one object a line")
        yield number, told


def _text(file: Path, number: int, told: dict[str, Any], key: str) -> str:
    value = told.get(key)
    wanted = f'write {{"{key}": "…"}}'
    if value is None:
        raise TextError(f"{file}:{number}: 缺少文字 {key} / the text {key!r} is missing: {wanted}")
    if not isinstance(value, str):
        raise TextError(f"{file}:{number}: {key} {value!r} 不是文字 / is no text: {wanted}")
    _prove_characters(value, f"{file}:{number}: {key}")
    return value


def _prove_characters(text: str, where: str) -> None:
    """Half a pair of surrogates is no character, and cannot be written out."""
    if found := _HALF.search(text):
        half = f"U+{ord(found[0]):04X}"
        raise TextError(
            f"{where}: 第 {found.start() + 1} 个字不成字 / character {found.start() + 1} is none ({half}): take it out"
        )


def _read_moment(file: Path, number: int, at: object) -> datetime:
    """When it was said: ISO 8601, in the city's time unless it says otherwise; now when it is not told."""
    if at is None:
        return datetime.now(CITY_TIME)
    moment: datetime | None = None
    with suppress(ValueError, OverflowError):
        told = datetime.fromisoformat(str(at))
        moment = told.astimezone(CITY_TIME) if told.tzinfo else told.replace(tzinfo=CITY_TIME)
    if moment is None or moment.year not in _YEARS:
        raise TextError(
            f"{file}:{number}: at {at!r} 不是时间 / is no moment: write it as 2026-11-27T09:30:00+08:00"
        )
    return moment


def _tell(meant: Understanding) -> dict[str, Any]:
    place, guess = meant.place, meant.category
    return {
        "type": meant.appeal,
        "category_1": guess.category_1,
        "category_2": guess.category_2,
        "category_3": guess.category_3,
        "category_decided": guess.decided,
        "category_confidence": round(guess.confidence, 4),
        "county": place.county if place else "",
        "township": place.township if place else "",
        "village": place.village if place else "",
        "code": place.code if place else "",
        "division_code": (place.division or None) if place else None,
        "address": place.address if place else "",
        "rivals": list(place.rivals) if place else [],
        "phone": meant.personal.phone,
        "id_number": meant.personal.identity,
        "plate": meant.personal.plate,
        "occurred": meant.occasion.told,
        "urgency": meant.urgency,
        "risk": meant.risk.kind if meant.risk else None,
        "matters": list(meant.matters),
        "title": meant.title,
        "keywords": list(meant.keywords),
        "department": meant.department,
        "assisting": list(meant.assigned.assisting) if meant.assigned else [],
        "days": meant.assigned.days if meant.assigned else None,
        "longitude": meant.point.longitude if meant.point else None,
        "latitude": meant.point.latitude if meant.point else None,
        "reasons": {name: list(words) for name, words in meant.reasons.items()},
        "rules": meant.version,
    }


_NAMES = {
    "type": "类型 / type",
    "title": "标题 / title",
    "county": "区县 / county",
    "township": "乡镇街道 / township",
    "village": "村社区 / village",
    "address": "地址 / address",
    "rivals": "同名的 / of that name",
    "urgency": "紧急程度 / urgency",
    "occurred": "时间 / when",
    "phone": "电话 / phone",
    "id_number": "身份证 / ID",
    "plate": "车牌 / plate",
    "department": "部门 / department",
    "assisting": "协办 / assisting",
    "days": "工作日 / working days",
    "longitude": "经度 / longitude",
    "latitude": "纬度 / latitude",
}


def _show(text: str, meant: Understanding, *, as_json: bool) -> None:
    told = _tell(meant)
    if as_json:
        print_json(told)
        return
    out.print(text, style="bold", markup=False)
    guess = meant.category
    shown = "_".join(filter(None, guess.shown)) or "待分类"
    best = "_".join(filter(None, (guess.category_1, guess.category_2, guess.category_3)))
    for key, name in _NAMES.items():
        if told[key]:
            value = "、".join(told[key]) if isinstance(told[key], list) else told[key]
            out.print(f"  {name}: {value}", markup=False)
    out.print(f"  分类 / category: {shown} (最可能 / best: {best}, {guess.confidence:.2f})", markup=False)
    if meant.keywords:
        out.print(f"  关键词 / keywords: {'、'.join(meant.keywords)}", markup=False)
    out.print("  依据 / reasons:")
    for key, words in told["reasons"].items():
        out.print(f"    {key}: {';'.join(words)}", markup=False)
