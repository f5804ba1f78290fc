"""The ``hotline`` command."""

from __future__ import annotations

import importlib
import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from config.fault import Fault
from gateway.site.heap import uncollected
from gateway.site.identity import become
from gateway.site.settings import Paths, Settings, read_settings
from gateway.site.telling import tell

_COMMANDS = {
    "up": "showing",
    "demo": "demonstrating",
    "gateway": "processes",
    "asr": "asr",
    "worker": "processes",
    "intake": "processes",
    "migrate": "processes",
    "console": "console",
    "call": "call",
    "phone": "phone",
    "listen": "listen",
    "calls": "calls",
    "callback": "callback",
    "jobs": "jobs",
    "outbox": "outbox",
    "intake-map": "intake_map",
    "sms": "sms",
    "probe": "probe",
    "reconcile": "reconcile",
    "model": "model",
    "classify": "classify",
    "prompts": "studio",
    "flow": "checks",
    "trunk": "trunk",
    "check": "checks",
    "take-node": "mending",
    "replay": "replay",
    "reload": "steering",
    "duty": "duty",
    "understand": "understand",
    "surges": "surges",
    "words": "surges",
    "nuisance": "nuisance",
    "doctor": "doctor",
    "install": "install",
}
"""Every command, and the module beside this one that registers it."""

if TYPE_CHECKING:
    from collections.abc import Sequence

errors = Console(stderr=True, highlight=False, soft_wrap=True)


_AS_THEMSELVES = {
    "call",
    "classify",
    "flow",
    "install",
    "listen",
    "phone",
    "prompts",
    "understand",
}  # work on files, or the sound card, of whoever runs them, or on the machine
_WITHOUT_HOUSE = {"doctor", "install"}  # what is wrong with settings and folders is theirs to find or to mend
_WITHOUT_SETTINGS = {"reload", "duty"}  # what runs is told, whatever the settings have become

ORIGIN = "HOTLINE_ORIGIN"
"""The environment's name for the operator's settings file, told by `hotline up` to processes that run with a copy."""


@dataclass(frozen=True, slots=True)
class Whereabouts:
    """Where settings and data are said to be, before anything was read."""

    config: Path | None
    data: Path


@dataclass(frozen=True, slots=True)
class Site:
    """What the options before the sub-command say.

    ``origin`` is the operator's own settings file; None: the embedded one.
    """

    settings: Settings
    paths: Paths
    origin: Path | None


app = typer.Typer(
    name="hotline",
    help="12345 热线电话网关:接听、转写、录音,并把工单送到受理平台。\n\n"
    "The gateway of a merged public hotline: answers, transcribes, records, and posts tickets.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


@app.callback()
def _options(
    context: typer.Context,
    config: Annotated[
        Path | None,
        typer.Option(
            help="配置文件 / settings file (YAML)", show_default="embedded", envvar="HOTLINE_CONFIG"
        ),
    ] = None,
    data: Annotated[Path, typer.Option(help="数据目录 / data folder", envvar="HOTLINE_DATA")] = Path("var"),
) -> None:
    command = context.invoked_subcommand
    if command in _WITHOUT_HOUSE:
        context.obj = Whereabouts(config, data)
        return
    if command in _WITHOUT_SETTINGS:
        become(os.environ.get("HOTLINE_USER", ""))
        context.obj = Whereabouts(config, data)
        return
    paths = Paths(data)
    settings = read_settings(config)
    if command not in _AS_THEMSELVES:
        become(os.environ.get("HOTLINE_USER", ""))
    paths.make()
    context.obj = Site(settings, paths, _find_origin(config))


def _find_origin(config: Path | None) -> Path | None:
    told = os.environ.get(ORIGIN)
    if told is not None:
        return Path(told) if told else None
    return config.absolute() if config else None


def main() -> None:
    """Run the command; what the user got wrong is one clear message, not a traceback."""
    with uncollected():
        _register(sys.argv[1:])
    try:
        app()
    except Fault as error:
        errors.print(
            f"错误 / Error: {tell(error)}" if error.exit_code == 1 else f"错误 / Error: {error}", style="red"
        )
        sys.exit(error.exit_code)
    except _list_outer_errors() as error:
        errors.print(f"错误 / Error: {tell(error)}", style="red")
        sys.exit(1)


def _list_outer_errors() -> tuple[type[Exception], ...]:
    """What the system raises, and a database's driver if one was loaded: loading it takes longer than most commands."""
    sqlalchemy = sys.modules.get("sqlalchemy.exc")
    return (OSError, sqlalchemy.DBAPIError) if sqlalchemy else (OSError,)


def _register(words: Sequence[str]) -> None:
    """Import the modules of the commands among ``words``, or all: each process loads what it needs and no more."""
    named = [_COMMANDS[word] for word in words if word in _COMMANDS]
    for module in named or _COMMANDS.values():
        importlib.import_module(f"gateway.cli.{module}")
