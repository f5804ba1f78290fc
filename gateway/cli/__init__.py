"""The ``hotline`` command."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from config.document import ConfigError
from gateway.settings import Paths, Settings, read_settings

errors = Console(stderr=True, highlight=False, soft_wrap=True)
EX_CONFIG = 78  # sysexits.h


@dataclass(frozen=True, slots=True)
class House:
    """What the options before the sub-command say."""

    settings: Settings
    paths: Paths


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
        Path | None, typer.Option(help="配置文件 / settings file (YAML)", show_default="embedded")
    ] = None,
    data: Annotated[Path, typer.Option(help="数据目录 / data folder", envvar="HOTLINE_DATA")] = Path("var"),
) -> None:
    paths = Paths(data)
    settings = read_settings(config)
    paths.make()
    context.obj = House(settings, paths)


def main() -> None:
    """Run the command; what the user got wrong is one clear message, not a traceback."""
    from sqlalchemy.exc import DBAPIError  # noqa: PLC0415

    from asr.catalogue import ModelError  # noqa: PLC0415 - heavy imports wait until the command is known
    from asr.engine import EngineError  # noqa: PLC0415
    from asr.server import ServerError  # noqa: PLC0415
    from gateway.attendance import BreakdownError  # noqa: PLC0415
    from gateway.cli import call, checks, mending, processes, showing  # noqa: F401, PLC0415 - they register themselves
    from gateway.demo import DemoError  # noqa: PLC0415
    from gateway.leg import SipError  # noqa: PLC0415
    from gateway.reach import tell  # noqa: PLC0415
    from gateway.services import AlreadyRunningError  # noqa: PLC0415
    from gateway.sounds import SoundError  # noqa: PLC0415
    from gateway.supervisor import UpError  # noqa: PLC0415
    from gateway.voice import VoiceError  # noqa: PLC0415
    from gateway.wording import PromptError  # noqa: PLC0415
    from recordings.database import WrongRevision  # noqa: PLC0415
    from recordings.nodes import NodeTaken  # noqa: PLC0415

    try:
        app()
    except (
        ConfigError,
        PromptError,
        SoundError,
        VoiceError,
        ModelError,
        EngineError,
        NodeTaken,
    ) as error:
        errors.print(f"错误 / Error: {error}", style="red")
        sys.exit(EX_CONFIG)
    except (
        SipError,
        UpError,
        DemoError,
        ServerError,
        AlreadyRunningError,
        BreakdownError,
        WrongRevision,
        OSError,
        DBAPIError,
    ) as error:
        errors.print(f"错误 / Error: {tell(error)}", style="red")
        sys.exit(1)
