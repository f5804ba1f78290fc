"""``hotline sms test``: one real message, to try the operator's gateway."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from gateway.cli import Site, app
from gateway.service.texting import open_texting
from tickets.client import Accepted, Barred, Lost, Rejected, Unavailable
from tickets.sms.message import Message, find_mobile

if TYPE_CHECKING:
    from tickets.client import Outcome
    from tickets.sms.texting import Texting

out = Console(highlight=False, soft_wrap=True)
commands = typer.Typer(help="短信 / Text messages to callers.", no_args_is_help=True)
app.add_typer(commands, name="sms")


@commands.command()
def test(
    context: typer.Context,
    number: Annotated[str, typer.Argument(metavar="NUMBER", help="手机号码 / a mobile number")],
) -> None:
    """发一条真短信 / Send one real message, as if for a ticket. Exit 0: the gateway has taken it."""
    site: Site = context.obj
    to = find_mobile(number)
    if not to:
        raise typer.BadParameter("请写大陆手机号码 / give a mobile number of the mainland")

    async def send() -> Outcome | None:
        texting = open_texting(site.settings.sms)
        return None if texting is None else await _send(texting, site.settings.sms.signature, to)

    outcome = asyncio.run(send())
    if outcome is None:
        out.print("未设置短信 / no messages are set up: sms.provider", style="red")
    elif isinstance(outcome, Accepted):
        out.print(f"网关已收下 / the gateway has taken it: {outcome.receipt.number}")
        return
    else:
        out.print(f"没有发出 / not sent: {_tell(outcome)}", style="red")
    raise typer.Exit(1)


async def _send(texting: Texting, signature: str, to: str) -> Outcome:
    message = Message(to=to, text=f"{signature}这是一条测试短信。", what="ticket")
    try:
        return await texting.client.post(message.model_dump_json(), f"sms-test-{time.time_ns()}")
    finally:
        await texting.client.close()


def _tell(outcome: Rejected | Barred | Unavailable | Lost) -> str:
    match outcome:
        case Rejected(status, detail) | Barred(status, detail):
            return f"HTTP {status}: {detail}"
        case _:
            return outcome.reason
