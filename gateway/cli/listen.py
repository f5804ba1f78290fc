"""``hotline listen``: hear a call that goes on."""

from __future__ import annotations

import asyncio
import contextlib
import getpass
import os
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from console.audit import Action, record_command
from gateway.cli import Site, app
from gateway.cli.asking import ask
from gateway.sound.card import BackendName, open_card
from gateway.sound.following import find_live, follow

if TYPE_CHECKING:
    from recordings.database import Database

out = Console(highlight=False, soft_wrap=True)


@app.command()
def listen(
    context: typer.Context,
    call_id: Annotated[
        str, typer.Argument(metavar="CALL", help="通话编号,见 hotline calls list / the call's id, as listed")
    ],
    mixed: Annotated[
        bool,
        typer.Option(
            "--mixed", help="两边混在一起;否则左耳来电人、右耳网关 / both sides together, not the caller left"
        ),
    ] = False,
    backend: Annotated[BackendName, typer.Option(help="声卡程序库 / sound library")] = "sounddevice",
) -> None:
    """旁听正在进行的通话,记入审计;匿名热线的不能听 / Hear a call that goes on; audited, no anonymous line's."""
    site: Site = context.obj
    card = open_card(backend)
    find_live(site.paths.data, call_id)
    who = os.environ.get("SUDO_USER") or getpass.getuser()

    async def note(db: Database) -> None:
        async with db.write() as connection:
            await record_command(connection, Action.LISTEN, call_id, who)

    ask(site, note)  # nobody listens of whom that is not on file
    out.print(f"正在旁听 / listening to {call_id} (Ctrl-C: 结束 / end)", markup=False)
    with contextlib.suppress(KeyboardInterrupt):
        seconds = asyncio.run(follow(card, site.paths.data, call_id, mixed=mixed))
        out.print(f"通话结束 / the call is over: {seconds:.1f} s")
