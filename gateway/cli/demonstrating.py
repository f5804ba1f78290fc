"""``hotline demo``, and what `hotline up --demo` shows: one call through the house, as it happens."""

from __future__ import annotations

import asyncio
import contextlib
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import aiohttp
import typer
from rich.markup import escape
from rich.panel import Panel
from rich.table import Table

from config.document import embedded, load
from config.script import Script
from gateway.caller.demo import demonstrate, watch
from gateway.cli import Site, app
from gateway.cli.page_users import first_login
from gateway.cli.printing import console, print_json
from gateway.cli.screen import describe
from gateway.cli.showing import house_up, page_address
from gateway.service.health import ask_health
from gateway.service.logs import configure_logs
from recordings import entries
from recordings.entries import decode

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from gateway.site.settings import Settings

_ACCEPTANCE_SECONDS = 10.0


@app.command()
def demo(
    context: typer.Context,
    as_json: Annotated[bool, typer.Option("--json", help="只输出一个 JSON / print one JSON object")] = False,
) -> None:
    """演示一通真实电话 / Make one real call and follow it to its accepted ticket."""
    site: Site = context.obj
    configure_logs("demo", site.settings.log)
    asyncio.run(_demo(site, as_json=as_json))


async def _demo(site: Site, *, as_json: bool) -> None:
    running = await ask_health(site.paths.gateway_socket)
    async with contextlib.AsyncExitStack() as opened:
        if running is not None:
            settings, health = _running_settings(site), running
        else:
            log_to = opened.enter_context((site.paths.data / "hotline.log").open("ab"))
            _supervisor, settings, health = await opened.enter_async_context(
                house_up(site, log_to, demo=True)
            )
        if as_json:
            result = await _call(settings, health)
            print_json(result)
            return
        await opened.enter_async_context(shown(site, settings))
        await show_call(site, settings, health)


@contextlib.asynccontextmanager
async def shown(site: Site, settings: Settings) -> AsyncIterator[None]:
    """Every call's events on the terminal."""
    following = asyncio.Event()
    watching = asyncio.create_task(watch(site.paths, _Screen(settings.intake.address).show, following))
    await following.wait()
    try:
        yield
    finally:
        watching.cancel()


def _running_settings(site: Site) -> Settings:
    """The settings the running `up` gave its children: ports may have moved."""
    effective = site.paths.run / "settings.yaml"
    return load(type(site.settings), effective) if effective.exists() else site.settings


async def _call(settings: Settings, health: dict[str, Any]) -> dict[str, Any]:
    script = load(Script, embedded("demo.yaml"))
    with tempfile.TemporaryDirectory(prefix="hotline-demo-") as folder:
        return await demonstrate(health["sip"], script, settings.intake.address, Path(folder))


async def show_call(site: Site, settings: Settings, health: dict[str, Any]) -> None:
    """Make the call, and show what became of it."""
    console.print(Panel(f"演示来电 / a demonstration call to sip:12345@{health['sip']}", style="bold"))
    result = await _call(settings, health)
    _show_ticket(result)
    console.print(f"录音 / recording: {site.paths.data / result['recording']}")
    console.print(f"审核这通电话 / review this call: {page_address(settings)}calls/{result['call_id']}")


async def tell_of_page(site: Site, settings: Settings) -> None:
    """Where the page is, and who may log in there first."""
    login = await first_login(settings, site.paths)
    entry = (
        f"用户 / user: {login[0]}  密码 / password: {login[1]}\n"
        "改密码:点页面右上角的用户名 / to change it, click the name at the top right of the page"
        if login
        else "用已有的用户登录 / log in as a user you have added (hotline console add-user)"
    )
    console.print(Panel(f"{page_address(settings)}\n{escape(entry)}", title="坐席页面 / the agents' page"))


class _Screen:
    """Shows the events of every call, and when the intake at ``tickets`` (its list's address) accepts a ticket."""

    def __init__(self, tickets: str) -> None:
        self._tickets = tickets
        self._asking: set[asyncio.Task[None]] = set()

    def show(self, event: dict[str, Any]) -> None:
        """One line for one event; a partial text is overwritten by the next where the terminal can."""
        entry = decode(event)
        match entry:
            case None:
                return
            case entries.Partial(text=text):
                end = "\r" if console.is_terminal else "\n"
                console.print(f"[dim]{'…':>20} {escape(text)}[/]", end=end)
            case _ if told := describe(entry):
                self._line(*told)
        if isinstance(entry, entries.Number):
            task = asyncio.create_task(self._tell_acceptance(entry.number))
            self._asking.add(task)
            task.add_done_callback(self._asking.discard)

    def _line(self, title: str, style: str, text: str) -> None:
        console.print(f"[{style}]{title:>20}[/] {escape(text)}")

    async def _tell_acceptance(self, number: str) -> None:
        timeout = aiohttp.ClientTimeout(total=_ACCEPTANCE_SECONDS)
        async with aiohttp.ClientSession(timeout=timeout) as session:
            for _ in range(round(_ACCEPTANCE_SECONDS / 0.1)):
                with contextlib.suppress(aiohttp.ClientError, TimeoutError):
                    async with session.get(f"{self._tickets}/{number}") as answer:
                        if answer.ok:
                            ticket = await answer.json()
                            self._line("已受理 / accepted", "bold yellow", ticket["intake_number"])
                            return
                await asyncio.sleep(0.1)


def _show_ticket(result: dict[str, Any]) -> None:
    """What `gateway.caller.demo.demonstrate` returned, as a table."""
    ticket = result["ticket"]
    table = Table(
        title=f"工单已受理 / ticket accepted: {ticket['number']}", show_header=False, title_style="bold green"
    )
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    place = ticket["place"]
    for name, value in (
        ("受理平台编号 / intake's number", ticket["intake_number"]),
        ("诉求类型 / type", ticket["appeal"]["type"] or ""),
        ("标题 / title", ticket["appeal"]["title"]),
        ("诉求内容 / content", ticket["appeal"]["content"]),
        (
            "地点 / place",
            "".join(place[k] for k in ("county", "township", "village", "address")) or place["said"],
        ),
        ("联系电话 / contact", ticket["caller"]["contact"]),
        ("备注 / notes", ";".join(ticket["notes"])),
        ("字错误率 / CER", f"{result['cer']:.2%}"),
        ("挂断到受理 / hang-up to accepted", f"{result['hangup_to_accepted_ms']:.0f} ms"),
    ):
        table.add_row(name, escape(str(value)))
    console.print(table)
