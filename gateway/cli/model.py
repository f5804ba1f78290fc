"""``hotline model list | install | check | use | remove``: the speech models on this machine."""

from __future__ import annotations

import asyncio
import json
import sys
import time
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, DownloadColumn, Progress, TimeRemainingColumn, TransferSpeedColumn
from rich.table import Table

from asr.catalogue import open_model
from asr.engine import Engine
from asr.models.fetching import fetch
from asr.models.installing import InstallError, Models, estimate_memory
from asr.models.official import BASE_URL, read_official
from gateway.cli import Site, app, errors

commands = typer.Typer(help="语音模型 / Speech models.", no_args_is_help=True)
app.add_typer(commands, name="model")
_PIPE_COLUMNS = 200
out = Console(highlight=False, width=None if sys.stdout.isatty() else _PIPE_COLUMNS)

_DEMO = "demo"
Name = Annotated[str, typer.Argument(metavar="NAME", help="模型名称 / the model's name")]


@commands.command("list")
def list_(
    context: typer.Context,
    as_json: Annotated[bool, typer.Option("--json", help="输出 JSON / print JSON")] = False,
) -> None:
    """官方模型和已安装的模型 / The official models, and those installed here."""
    site: Site = context.obj
    models = Models(site.paths.models)
    installed, used = models.names(), site.paths.model(site.settings)
    official = {one.name: one for one in read_official()}
    if as_json:
        told = [
            {
                "name": name,
                "installed": name in installed,
                "used": used is not None and used.name == name,
                "archive_mb": official[name].archive_mb if name in official else None,
                "cer": dict(official[name].cer) if name in official else None,
                "licence": official[name].licence if name in official else None,
            }
            for name in dict.fromkeys([*official, *installed])
        ]
        print(json.dumps(told, ensure_ascii=False))  # noqa: T201 - this is the command's output
        return
    table = Table()
    for title in (
        "名称 / name",
        "压缩包 / archive",
        "字错率 % / CER % (发布方 / publisher)",
        "许可 / licence",
        "",
    ):
        table.add_column(title, overflow="fold")
    for name in dict.fromkeys([*official, *installed]):
        one = official.get(name)
        state = "已安装 / installed" if name in installed else ""
        if used is not None and used.name == name:
            state = "[green]使用中 / in use[/]"
        size = f"{one.archive_mb} MB" if one else ""
        cer = ", ".join(f"{share} {where}" for where, share in one.cer.items()) if one else ""
        table.add_row(escape(name), size, cer, one.licence if one else "", state)
    out.print(table)
    if used is None:
        out.print("使用中 / in use: 演示模型 / the demonstration model")
    elif site.settings.asr.model is not None:
        out.print(f"使用中 / in use: {escape(str(used))} (asr.model)")


@commands.command()
def install(
    context: typer.Context,
    name: Name,
    archive: Annotated[
        Path | None, typer.Option("--zip", help="本地压缩包,不下载 / an archive that lies here already")
    ] = None,
    base: Annotated[
        str, typer.Option("--from", help="下载地址 / where archives are fetched from")
    ] = BASE_URL,
    sha256: Annotated[str, typer.Option(help="压缩包的 SHA-256 / the archive's checksum")] = "",
    use_it: Annotated[bool, typer.Option("--use", help="装好就用 / and use it")] = False,
) -> None:
    """安装 / Install a model: fetched, checked, and there as a whole or not at all."""
    site: Site = context.obj
    models = Models(site.paths.models)
    fetched = models.folder / f"{name}.zip"
    if archive is None and name not in models.names() and not fetched.exists():
        models.folder.mkdir(parents=True, exist_ok=True)
        _fetch(f"{base.rstrip('/')}/{name}.zip", fetched)
    try:
        model, checksum = models.install(archive or fetched, name, sha256)
    finally:
        if archive is None:  # also a damaged one: it would be found damaged again
            fetched.unlink(missing_ok=True)
    out.print(f"已安装 / installed: {escape(name)}  SHA-256 {checksum}")
    out.print(
        f"指纹 / fingerprint: {model.fingerprint.sha256[:12]}; 内存约 / memory about {_tell_mb(estimate_memory(model))}"
    )
    if use_it:
        use(context, name)


@commands.command()
def check(context: typer.Context, name: Name) -> None:
    """检查 / Check a model, installed or in a folder: every file, then loaded, and a second decoded."""
    site: Site = context.obj
    models = Models(site.paths.models)
    folder = Path(name)
    model = open_model(folder) if folder.is_dir() and "/" in name else models.open(name)
    needed = estimate_memory(model)
    _require_memory(name, needed)
    before, began = _resident(), time.monotonic()
    engine = Engine(model)
    for phrases in (None,) if model.static_graph else (None, ("是", "不是")):
        recognizer = engine.recognizer(8000, phrases)
        recognizer.accept(bytes(16000))
        recognizer.final()
    took, grown = time.monotonic() - began, _resident() - before
    out.print(f"可用 / usable: {escape(model.fingerprint.name)} {model.fingerprint.sha256[:12]}")
    out.print(
        f"加载 / loading {took:.1f} s, 内存 / memory {_tell_mb(grown)} (估计 / estimated {_tell_mb(needed)})"
    )
    if model.static_graph:
        out.print(
            "静态图:提问不能限定词语,宜作重听用(asr.second_model)/ a static graph: questions cannot be limited to "
            "phrases; good for the second pass (asr.second_model)",
            style="yellow",
        )


@commands.command()
def use(context: typer.Context, name: Name) -> None:
    """使用 / Use an installed model, or `demo`, from the speech server's next start on."""
    site: Site = context.obj
    models = Models(site.paths.models)
    if site.settings.asr.model is not None:
        raise InstallError(
            f"asr.model of the settings names {site.settings.asr.model}, which wins; set it to null first. "
            "设置中的 asr.model 优先,请先改为 null。"
        )
    if name == _DEMO:
        models.use_demo()
    else:
        _require_memory(name, estimate_memory(models.open(name)))
        models.use(name)
    out.print(
        f"下次启动起使用 / used from the next start on: {escape(name)}  (systemctl restart hotline-asr)"
    )


@commands.command()
def remove(context: typer.Context, name: Name) -> None:
    """删除 / Remove an installed model that is not in use."""
    site: Site = context.obj
    Models(site.paths.models).remove(name)
    out.print(f"已删除 / removed: {escape(name)}")


def _fetch(url: str, file: Path) -> None:
    columns = (BarColumn(), DownloadColumn(), TransferSpeedColumn(), TimeRemainingColumn())
    with Progress(*columns, console=errors, transient=True) as bar:
        task = bar.add_task("", total=None)
        asyncio.run(fetch(url, file, lambda have, whole: bar.update(task, completed=have, total=whole)))


def _require_memory(name: str, needed: int) -> None:
    """Refuse what this machine can never hold, warn of what it cannot hold now."""
    whole, free = _memory("MemTotal"), _memory("MemAvailable")
    told = f"{name} needs about {_tell_mb(needed)} of memory"
    if needed > whole:
        raise InstallError(
            f"{told}, this machine has {_tell_mb(whole)}; take a smaller model. 内存不够,请换小模型。"
        )
    if needed > free:
        errors.print(
            f"警告 / Warning: {escape(told)}, {_tell_mb(free)} are free now / 目前空闲内存不够",
            style="yellow",
        )


def _memory(what: str) -> int:
    for line in Path("/proc/meminfo").read_text(encoding="ascii").splitlines():
        if line.startswith(f"{what}:"):
            return int(line.split()[1]) * 1024
    return 0


def _resident() -> int:
    return int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1]) * 4096


def _tell_mb(size: int) -> str:
    return f"{size / 1e6:.0f} MB"
