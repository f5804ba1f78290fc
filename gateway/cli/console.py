"""``hotline console`` and ``hotline console add-user``: the agents' page and its first user."""

from __future__ import annotations

import asyncio
import sys
from typing import Annotated

import typer

from gateway.cli import Site, app
from gateway.service.logs import configure_logs
from gateway.site.heap import uncollected

console = typer.Typer(help="坐席页面 / The agents' page.", invoke_without_command=True)
app.add_typer(console, name="console")


@console.callback()
def serve(context: typer.Context) -> None:
    """坐席页面 / Serve the agents' page; the first user is made by `hotline console add-user`."""
    if context.invoked_subcommand is not None:
        return
    with uncollected():
        from gateway.service.process.console import run

    site: Site = context.obj
    configure_logs("console", site.settings.log)
    asyncio.run(run(site.settings, site.paths))


@console.command("add-user")
def add_user(
    context: typer.Context,
    name: Annotated[str, typer.Argument(help="用户名 / name")],
    role: Annotated[
        list[str] | None,
        typer.Option(
            help="身份,可以给多次:坐席、班长、质检、系统管理员、安全管理员、审计员 / roles, given once each"
        ),
    ] = None,
) -> None:
    """添加用户,密码从终端或标准输入读取 / Add a user; the password is asked for, or read from standard input."""
    from gateway.cli.page_users import add_console_user, read_roles

    site: Site = context.obj
    roles = read_roles(role or ["坐席"])
    password = _read_password()
    first = asyncio.run(add_console_user(site.settings, site.paths, name, password, roles))
    typer.echo(f"已添加 / added: {name}({'、'.join(roles)})")
    if first:
        typer.echo(
            "第一位管理员:在有第二位安全管理员之前有全部权限 / "
            "the first administrator: may do all until there is a second 安全管理员"
        )


@console.command("reset-password")
def give_password(
    context: typer.Context, name: Annotated[str, typer.Argument(help="用户名 / user's name")]
) -> None:
    """新密码,从终端或标准输入读取;本人下次登录时须改 / Give a new password, to be changed at the next login.

    It is asked for, or read from standard input. The only way for 安全管理员, 审计员 and the first administrator.
    """
    from gateway.cli.page_users import reset_password

    site: Site = context.obj
    asyncio.run(reset_password(site.settings, site.paths, name, _read_password()))
    typer.echo(f"密码已重置,请当面告知本人 / reset, tell the person face to face: {name}")


def _read_password() -> str:
    if sys.stdin.isatty():
        return str(typer.prompt("密码 / password", hide_input=True, confirmation_prompt=True))
    return sys.stdin.readline().rstrip("\r\n")


@console.command("unlock")
def unlock(
    context: typer.Context,
    whom: Annotated[str, typer.Argument(help="用户名或来源地址 / user's name, or address")],
) -> None:
    """密码连错之后须等待的,可以马上再试 / Let who has to wait after wrong passwords try again at once."""
    from gateway.cli.page_users import unlock_console

    site: Site = context.obj
    if asyncio.run(unlock_console(site.settings, site.paths, whom)):
        typer.echo(f"已解除 / may try again: {whom}")
    else:
        typer.echo(f"没有在等待 / does not have to wait: {whom}")


@console.command("reset-second-factor")
def reset_factor(
    context: typer.Context, name: Annotated[str, typer.Argument(help="用户名 / user's name")]
) -> None:
    """手机和恢复码都丢了:取消他的动态码 / Take away the second factor of who has lost telephone and recovery codes."""
    from gateway.cli.page_users import reset_second_factor

    site: Site = context.obj
    if asyncio.run(reset_second_factor(site.settings, site.paths, name)):
        typer.echo(
            f"已重置,凭密码登录后可重新开通 / reset: logs in by the password, and may enrol again: {name}"
        )
    else:
        typer.echo(f"没有动态码 / has no second factor: {name}")
