"""``hotline install``: the services of a Debian machine."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from gateway.cli import app
from gateway.install import install as put_in_place
from gateway.install import uninstall as take_away
from gateway.install.step import InstallError, Machine

out = Console(highlight=False, soft_wrap=True)


@app.command()
def install(
    root: Annotated[
        Path, typer.Option(help="另一系统的根目录 / root folder of another system's image")
    ] = Path("/"),
    uninstall: Annotated[
        bool, typer.Option("--uninstall", help="卸载,保留设置和数据 / take away, keep settings and data")
    ] = False,
) -> None:
    """安装为 systemd 服务(Debian 12)/ Install as systemd services (Debian 12). Repeatable; starts nothing."""
    if os.geteuid() != 0:
        raise InstallError("需要 root 权限 / only root may install: sudo hotline install")
    machine = Machine(root.resolve(), out.print)
    if uninstall:
        take_away(machine)
        return
    put_in_place(machine)
    out.print(
        "已装好。启动 / Ready. Start with: systemctl start hotline.target\n"
        "检查 / then look at: hotline doctor(设置 / settings: /etc/hotline/gateway.yaml)"
    )
