"""``hotline up``: the whole site on one desk."""

from __future__ import annotations

import asyncio
import contextlib
from typing import IO, TYPE_CHECKING, Annotated, Any

import typer
from rich.markup import escape
from rich.panel import Panel

from asr.models.official import read_official
from gateway.cli import ORIGIN, Site, app
from gateway.cli.printing import console
from gateway.service.logs import configure_logs
from gateway.service.ports import settle
from gateway.service.process.common import alone, stop_signal
from gateway.service.supervisor import Supervisor, UpError
from gateway.sip.address import default_address

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from gateway.site.settings import Settings

_HEARING_SECONDS = 60.0  # for a demonstration
_MAKESHIFT = (
    "对话文件无法使用,来电直接转人工 / the dialogue's files cannot be used, callers are passed to a person"
)
_NOT_HEARING = (
    "语音识别尚未就绪,就绪前来电用按键 / speech recognition is not up yet: until it is, calls go by keys"
)


@app.command()
def up(
    context: typer.Context,
    demo: Annotated[bool, typer.Option("--demo", help="演示一通电话 / show one demonstration call")] = False,
    once: Annotated[bool, typer.Option("--once", help="演示后退出 / end after the demonstration")] = False,
) -> None:
    """启动全部进程 / Bring everything up: speech recognition, gateway, worker, page, and the reference intake."""
    site: Site = context.obj
    configure_logs("up", site.settings.log)
    asyncio.run(_up(site, demo=demo, once=once))


async def _up(site: Site, *, demo: bool, once: bool) -> None:
    """Until SIGTERM or Ctrl-C, at whatever moment it comes."""
    stopped = asyncio.create_task(stop_signal().wait())
    work = asyncio.create_task(_run(site, demo=demo, once=once))
    await asyncio.wait((stopped, work), return_when=asyncio.FIRST_COMPLETED)
    if not work.done():
        console.print("\n正在收线 / ending calls and stopping …", style="dim")
        work.cancel()
    stopped.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await work


async def _run(site: Site, *, demo: bool, once: bool) -> None:
    with contextlib.ExitStack() as files:
        log_to = None
        if demo:
            log_file = site.paths.data / "hotline.log"
            log_to = files.enter_context(log_file.open("ab"))
            console.print(f"启动中,日志在 {log_file} / starting, log in {log_file}", style="dim")
        async with house_up(site, log_to, demo=demo) as (supervisor, settings, health):
            if health["warning"]:
                console.print(f"⚠ {health['warning']}", style="yellow")
            if health["makeshift"]:
                console.print(f"⚠ {_MAKESHIFT}: {escape(health['makeshift'])}", style="red")
            if health["asr"] != "up":
                console.print(f"⚠ {_NOT_HEARING}", style="yellow")
            async with contextlib.AsyncExitStack() as opened:
                if demo:
                    # What it needs, a caller of our own and the page's users, takes half a second: no restart waits.
                    from gateway.cli import demonstrating  # noqa: PLC0415

                    await opened.enter_async_context(demonstrating.shown(site, settings))
                    await demonstrating.tell_of_page(site, settings)
                    await demonstrating.show_call(site, settings, health)
                if once:
                    return
                _tell_how_to_dial(site, settings, health)
                raise UpError(await supervisor.failed)


@contextlib.asynccontextmanager
async def house_up(
    site: Site, log_to: IO[bytes] | None, *, demo: bool
) -> AsyncIterator[tuple[Supervisor, Settings, dict[str, Any]]]:
    """The house while the block runs, the settings it goes by, and the gateway's health. Raises UpError."""
    with alone(site.paths.data, "up"):
        settings = settle(site.settings) if demo else site.settings
        origin = {ORIGIN: str(site.origin or "")}
        supervisor = Supervisor(settings, site.paths, log_to, origin)
        try:
            await supervisor.start()
            health = await (supervisor.hears(_HEARING_SECONDS) if demo else supervisor.ready())
            yield supervisor, settings, health
        finally:
            await supervisor.stop()


def page_address(settings: Settings) -> str:
    """Where a browser on this machine finds the agents' page."""
    page = settings.console
    return f"{'https' if page.certificate else 'http'}://{_reached_at(page.host)}:{page.port}/"


def _reached_at(host: str) -> str:
    return default_address() if host == "0.0.0.0" else host  # noqa: S104


def _tell_how_to_dial(site: Site, settings: Settings, health: dict[str, Any]) -> None:
    if health["demo_model"]:
        console.print(
            Panel(
                "演示模型只听得懂合成语音。要让它听懂您:\nThe demonstration model understands one synthetic voice. "
                "To be understood yourself:\n\n"
                f"  hotline --data {site.paths.data} model install {read_official()[0].name} --use\n\n"
                "然后重新运行 / then run this again. 无网络时 / without a network: --zip FILE",
                title="听懂真人 / for people",
            )
        )
    here, port = _reached_at(settings.sip.host), settings.sip.port
    console.print(
        Panel(
            f"用任意 SIP 软电话拨 sip:12345@{here}:{port}(本机 127.0.0.1:{port}),无需注册。Ctrl-C 结束。\n"
            f"Dial sip:12345@{here}:{port} with any SIP softphone (127.0.0.1:{port} on this machine), no registration. "
            f"Ctrl-C ends.\n工单 / tickets: {settings.intake.address.removesuffix('v1/tickets')}",
            title="请打电话进来 / call in",
        )
    )
