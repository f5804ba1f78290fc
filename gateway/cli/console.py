"""``hotline console`` and ``hotline console add-user``: the agents' page and its first user."""

from __future__ import annotations

import asyncio
import sys
from typing import Annotated

import typer

from console.policy import Role
from gateway.cli import Site, app
from gateway.cli.page_users import add_console_user
from gateway.service.logs import configure_logs
from gateway.service.process.console import run

console = typer.Typer(help="坐席页面 / The agents' page.", invoke_without_command=True)
app.add_typer(console, name="console")


@console.callback()
def serve(context: typer.Context) -> None:
    """坐席页面 / Serve the agents' page; the first user is made by `hotline console add-user`."""
    if context.invoked_subcommand is not None:
        return
    site: Site = context.obj
    configure_logs("console", site.settings.log)
    asyncio.run(run(site.settings, site.paths))


@console.command("add-user")
def add_user(
    context: typer.Context,
    name: Annotated[str, typer.Argument(help="用户名 / name")],
    role: Annotated[Role, typer.Option(help="身份 / role")] = Role.AGENT,
) -> None:
    """添加用户,密码从终端或标准输入读取 / Add a user; the password is asked for, or read from standard input."""
    site: Site = context.obj
    if sys.stdin.isatty():
        password = typer.prompt("密码 / password", hide_input=True, confirmation_prompt=True)
    else:
        password = sys.stdin.readline().rstrip("\r\n")
    asyncio.run(add_console_user(site.settings, site.paths, name, password, role))
    typer.echo(f"已添加 / added: {name}({role.value})")
