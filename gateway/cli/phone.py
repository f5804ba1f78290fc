"""``hotline phone``: a desk phone into the gateway, by this machine's microphone and loudspeaker."""

from __future__ import annotations

import asyncio
import re
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from config.fault import Fault
from gateway.cli import Site, app
from gateway.service.logs import configure_logs
from gateway.sip.address import look_up
from gateway.sip.pj import UserAgent
from gateway.sound.card import BackendName, open_card
from gateway.sound.phone import talk

if TYPE_CHECKING:
    from gateway.sound.card import Card
    from gateway.sound.phone import Talk

out = Console(highlight=False, soft_wrap=True)


class NotAnsweredError(Fault):
    """Nobody took the call; the message says with which status it was refused."""


@app.command()
def phone(
    context: typer.Context,
    line: Annotated[str, typer.Option(help="拨打的热线 / line to call")] = "12345",
    backend: Annotated[BackendName, typer.Option(help="声卡程序库 / sound library")] = "sounddevice",
    gateway: Annotated[
        str,
        typer.Option(
            help="网关地址 HOST[:PORT] / the gateway's address", show_default="本机 / this machine's"
        ),
    ] = "",
    caller: Annotated[
        str, typer.Option(help="主叫号码 / calling number", show_default="不显示 / withheld")
    ] = "",
) -> None:
    """用本机的麦克风和扬声器打进热线 / Call a line by this machine's microphone and loudspeaker.

    数字键、* 和 # 即按键,q 挂断。建议戴耳机 / Digits, * and # are keys, q hangs up. Better with a headset.
    """
    site: Site = context.obj
    configure_logs("phone")
    sip = site.settings.sip
    here = "127.0.0.1" if sip.host in {"0.0.0.0", "::"} else sip.host  # noqa: S104 - compared, not bound
    target = f"sip:{line}@{gateway or f'{here}:{sip.port}'}"
    done = asyncio.run(_call(target, open_card(backend), caller))
    if not done.answered:
        raise NotAnsweredError(
            f"没有接通 / not answered: {target}: {done.ended.status} {done.ended.reason}。"
            "请看网关是否在运行(hotline doctor),设了中继时本机须在其中 "
            "/ see whether the gateway runs (`hotline doctor`); where trunks are set, this machine must be in one"
        )
    by = "本机 / this side" if done.ended.by == "gateway" else "对方 / the other side"
    out.print(
        f"已挂断 / hung up by: {by}, {done.ended.media_seconds:.1f} s, SIP Call-ID {done.sip_call_id}",
        markup=False,
    )


async def _call(target: str, card: Card, caller: str) -> Talk:
    found = await look_up(target)
    near = re.search(r"[:@]127\.", found)
    agent = UserAgent(host="127.0.0.1" if near else "0.0.0.0", port=0, tcp=False)  # noqa: S104 - its answers come back
    agent.start(max_calls=4)
    try:
        return await talk(agent, found, card, caller=caller, tell=out.print)
    finally:
        await agent.stop()
