"""``hotline prompts``; ``record | import | list | play | script``: people's voices in the place of the machine's."""

from __future__ import annotations

import asyncio
import os
import sys
from datetime import UTC, datetime
from pathlib import Path  # noqa: TC003 - typer reads it at run time
from typing import TYPE_CHECKING, Annotated, Final

import typer
from rich.console import Console
from rich.markup import escape
from rich.progress import Progress
from rich.table import Table

from config.prompts import Tone
from gateway.cli import Site, app, errors
from gateway.cli.drawing.chart import read_out
from gateway.cli.drawing.uses import find_uses
from gateway.cli.printing import print_json, tables
from gateway.prompts import sounds
from gateway.prompts.finishing import finish, of_pcm, read
from gateway.prompts.melody import make_melody
from gateway.prompts.takes import PREVIOUS, TakeError, keep, list_names, list_pieces
from gateway.prompts.voice import SPEECH_LEVEL, speak
from gateway.prompts.wording import SOUND_FILES, Fixed
from gateway.service.dialogues import open_prompts
from gateway.service.flows import read_dialogue, read_nuisance_flow, read_placed, read_texts
from gateway.site.identity import become
from gateway.sound.card import BackendName, open_card
from gateway.sound.playing import play
from gateway.sound.recording import RATE, record

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from gateway.prompts.finishing import Finished
    from gateway.prompts.takes import Piece, State
    from gateway.site.settings import DialogueSettings
    from gateway.sound.card import Card

_STATES: Final[Mapping[State, str]] = {
    "recorded": "[green]真人录音 / recorded[/]",
    "stale": "[red]文字已改,须重录 / stale[/]",
    "unnoted": "[yellow]录音,文字未记 / recorded, text unknown[/]",
    "made": "机器合成 / made",
}

out = Console(highlight=False, soft_wrap=True)
commands = typer.Typer()
app.add_typer(commands, name="prompts")

Backend = Annotated[BackendName, typer.Option(help="声卡程序库 / sound library")]
Name = Annotated[str, typer.Argument(help="名称,见 hotline prompts list / name, as listed")]


@commands.callback(invoke_without_command=True)
def prompts(
    context: typer.Context,
    to: Annotated[
        Path | None,
        typer.Option(
            help="另存一份供试听,文件名即替换用的名称 / copy them here, named as what would replace them"
        ),
    ] = None,
) -> None:
    """合成提示音;子命令用真人录音替换 / Make every prompt that is missing; below: people's voices in their place."""
    if context.invoked_subcommand is not None:
        return
    become(os.environ.get("HOTLINE_USER", ""))  # what is made is the services'
    site: Site = context.obj
    hotlines = read_dialogue(site.settings.dialogue)
    book = open_prompts(site.settings.dialogue, site.paths)
    with Progress(console=errors, transient=True) as bar:
        task = bar.add_task("提示音 / prompts", total=None)
        asyncio.run(
            book.prepare(
                hotlines.openings, lambda made, wanted: bar.update(task, completed=made, total=wanted)
            )
        )
    out.print(f"提示音已就绪 / prompts ready: {site.paths.prompts}")
    if to is not None:
        out.print(f"已另存 / copied: {asyncio.run(book.export(to))} → {to}")


@commands.command("list")
def list_(
    context: typer.Context,
    as_json: Annotated[bool, typer.Option("--json", help="输出 JSON / print JSON")] = False,
) -> None:
    """哪些是真人录音,哪些是合成,哪些须重录 / Which are recorded, which are made, which are stale."""
    site: Site = context.obj
    pieces = _list_pieces(site.settings.dialogue)
    if as_json:
        print_json([{"name": one.name, "state": one.state, "text": one.text} for one in pieces.values()])
        return
    table = Table()
    table.add_column("名称 / name", no_wrap=True)
    table.add_column("谁的声音 / voice", no_wrap=True)
    table.add_column("文字 / text", overflow="fold")
    for one in pieces.values():
        table.add_row(one.name, _STATES[one.state], escape(one.text) or "(提示音 / tone)")
    tables.print(table)
    counts = {state: sum(one.state == state for one in pieces.values()) for state in _STATES}
    tables.print(", ".join(f"{_STATES[state]} {count}" for state, count in counts.items()))


@commands.command("script")
def script(
    context: typer.Context,
    missing: Annotated[
        bool,
        typer.Option("--missing", help="只列还没有录的和须重录的 / only what is not recorded yet, or stale"),
    ] = False,
) -> None:
    """给播音员的稿子:编号、文字、用在哪里 / The list for a voice artist: id, text, where it is heard."""
    site: Site = context.obj
    dialogue = site.settings.dialogue
    texts = read_texts(dialogue)
    placed = read_placed(dialogue, site.settings.callback.flows)
    uses = find_uses(read_dialogue(dialogue), [read_nuisance_flow(dialogue), *placed.values()])
    pieces = [one for one in _list_pieces(dialogue).values() if one.text]
    wanted = [one for one in pieces if not missing or one.state in {"made", "stale"}]
    out.print(
        f"录音稿:{len(wanted)} 段。每段存成一个文件,文件名即编号,如 {wanted[0].name}.wav。"
        if wanted
        else "没有要录的。"
    )
    for number, one in enumerate(wanted, start=1):
        out.print(f"\n{number}. {one.name}", markup=False)
        out.print(f"   {one.text}", markup=False)
        if one.name != one.prompt:
            out.print(f"   全句:{read_out(texts, one.prompt)}", markup=False)
        out.print(f"   用在:{uses.get(one.prompt, '备用')}", markup=False)


@commands.command("import")
def import_(
    context: typer.Context,
    files: Annotated[
        list[Path], typer.Argument(help="声音文件,或装着它们的文件夹 / sound files, or folders of them")
    ],
    name: Annotated[
        str, typer.Option("--as", help="名称 / name", show_default="文件名 / the file's own")
    ] = "",
) -> None:
    """用录好的文件替换提示音 / Put recordings in the place of prompts: any format, levelled, silence cut off.

    先查看全部文件,有一个不能用就一个也不换;被替换的存入 previous / All are looked at before any is put in place.
    """
    site: Site = context.obj
    folder, names = _find_folder(site.settings.dialogue), list_names(read_texts(site.settings.dialogue))
    chosen = tuple(_gather(files))
    if name and len(chosen) != 1:
        raise TakeError(f"--as {name}: 只能指定一个文件 / give one file")
    by_name: dict[str, Path] = {}
    for file in chosen:
        own = name or file.stem
        _check(own, names, str(file))
        if by_name.setdefault(own, file) != file:
            raise TakeError(f"{file}, {by_name[own]}: 名称相同 / of one name: 请只给一个 / give one of them")
    finished = {own: finish(read(file), str(file)) for own, file in by_name.items()}
    for own, one in finished.items():
        _keep(folder, own, one, names[own], by_name[own].name)
    _tell_next()


@commands.command("record")
def record_(
    context: typer.Context,
    name: Name,
    seconds: Annotated[
        float | None,
        typer.Option(min=0.5, max=300, help="录这么久 / so long", show_default="按回车为止 / until Enter"),
    ] = None,
    backend: Backend = "sounddevice",
) -> None:
    """用本机麦克风录一段 / Record one by this machine's microphone, and put it in its place."""
    site: Site = context.obj
    folder, names = _find_folder(site.settings.dialogue), list_names(read_texts(site.settings.dialogue))
    _check(name, names, name)
    card = open_card(backend)
    out.print(f"请念 / read: {names[name]}", markup=False)
    if seconds is None:
        out.print("按回车开始 / press Enter to begin")
        sys.stdin.readline()
        out.print("正在录音,念完按回车 / recording; press Enter when done")
    pcm = asyncio.run(record(card, seconds))
    _keep(folder, name, finish(of_pcm(pcm, RATE), name), names[name], f"microphone, {backend}")
    _tell_next()


@commands.command("play")
def play_(context: typer.Context, name: Name, backend: Backend = "sounddevice") -> None:
    """在本机扬声器上听一段 / Hear one on this machine's loudspeaker, as it is now."""
    site: Site = context.obj
    pieces = _list_pieces(site.settings.dialogue)
    _check(name, dict.fromkeys(pieces, ""), name)
    card = open_card(backend)
    out.print(pieces[name].text or "(提示音 / tone)", markup=False)
    asyncio.run(_play(card, pieces[name]))


def _list_pieces(dialogue: DialogueSettings) -> dict[str, Piece]:
    return list_pieces(read_texts(dialogue), dialogue.replacements)


def _find_folder(dialogue: DialogueSettings) -> Path:
    """Where recordings belong; raises TakeError."""
    folder = dialogue.replacements
    if folder is None:
        raise TakeError(
            "还没有指定放录音的文件夹:请在配置中设 dialogue.replacements "
            "/ no folder for recordings is set: set dialogue.replacements to one"
        )
    if not folder.is_dir():
        raise TakeError(
            f"{folder}: 没有这个文件夹,请先建立 / no such folder: create it, or correct dialogue.replacements"
        )
    return folder


def _gather(files: Iterable[Path]) -> Iterable[Path]:
    """Those given, and the sound files in the folders given."""
    for file in files:
        if file.is_dir():
            yield from sorted(
                f for f in file.iterdir() if f.suffix.lower() in SOUND_FILES and f.name[0] != "."
            )
        else:
            yield file


def _check(name: str, names: Mapping[str, str], what: str) -> None:
    if name not in names:
        near = [one for one in names if one.partition(".")[0] == name.partition(".")[0]]
        raise TakeError(
            f"{what}: 没有名为 {name} 的提示音 / no prompt has the name {name}: "
            + (f"请用 / use one of {', '.join(near)}" if near else "见 / see `hotline prompts list`")
        )


def _keep(folder: Path, name: str, finished: Finished, text: str, source: str) -> None:
    replaced = keep(folder, name, finished.sound, (text, datetime.now(UTC).replace(microsecond=0), source))
    kept = f",原来的在 / the former is in {folder / PREVIOUS}" if replaced else ""
    out.print(f"{name}: {finished.sound.seconds:.1f} s, {finished.level:.1f} dBFS{kept}", markup=False)
    if finished.is_faint:
        out.print(
            f"警告 / Warning: {name}: 有个别峰值,整体比 {SPEECH_LEVEL:.0f} dBFS 轻,重录更好 "
            "/ single peaks keep it softer than the others; better recorded again",
            style="yellow",
        )


def _tell_next() -> None:
    out.print("随后 / then: hotline prompts && hotline reload")


async def _play(card: Card, piece: Piece) -> None:
    part = piece.part
    if not isinstance(part, Fixed):
        pcm = (
            sounds.make_tone(part.tone, part.seconds)
            if isinstance(part, Tone)
            else make_melody(part.melody, part.seconds)
        )
    elif part.recording is None:
        pcm = await speak(part.text)
    else:
        pcm = await sounds.convert(part.recording)
    await play(card, pcm)
