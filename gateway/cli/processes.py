"""``hotline gateway | worker | intake | migrate``: one process each, which loads nothing of the others."""

from __future__ import annotations

import asyncio
from typing import Annotated

import typer

from gateway.cli import Site, app
from gateway.service.logs import configure_logs
from gateway.site.heap import uncollected


@app.command()
def gateway(
    context: typer.Context,
    port: Annotated[
        int | None, typer.Option(help="SIP 端口 / SIP port, of sip or of gateways", show_default="sip.port")
    ] = None,
) -> None:
    """接听电话 / Answer calls."""
    with uncollected():
        from gateway.service.leaving import leave_what_is_stuck
        from gateway.service.loop import LoopMeter
        from gateway.service.process.gateway import run
        from gateway.site.renewal import Source

    site: Site = context.obj
    configure_logs("gateway", site.settings.log)
    chosen = site.settings.sip.port if port is None else port
    door = site.paths.socket_of_gateway(site.settings, chosen)
    meter = LoopMeter()
    with asyncio.Runner(loop_factory=meter.make_loop) as runner:
        runner.run(run(Source(site.origin, site.settings.of_gateway(chosen)), site.paths, door, meter))
        leave_what_is_stuck()


@app.command()
def worker(context: typer.Context) -> None:
    """投递工单,补转写 / Deliver tickets; transcribe later what could not be heard live."""
    with uncollected():
        from gateway.service.process.worker import run

    site: Site = context.obj
    configure_logs("worker", site.settings.log)
    asyncio.run(run(site.settings, site.paths))


@app.command()
def intake(
    context: typer.Context,
    host: Annotated[str, typer.Option(help="监听地址 / address")] = "127.0.0.1",
    port: Annotated[
        int | None, typer.Option(help="端口 / port", show_default="intake.reference_port")
    ] = None,
) -> None:
    """参考受理平台 / The reference intake, for tests and trials."""
    with uncollected():
        from gateway.service.process.intake import run

    site: Site = context.obj
    configure_logs("intake", site.settings.log)
    chosen = site.settings.intake.reference_port if port is None else port
    asyncio.run(run(site.settings, site.paths, host, chosen))


@app.command()
def migrate(context: typer.Context) -> None:
    """建立或升级数据库 / Create the database's tables, or bring them up to date."""
    from recordings.database import migrate as bring_up_to_date

    site: Site = context.obj
    configure_logs("migrate", site.settings.log)
    asyncio.run(bring_up_to_date(site.paths.database_url(site.settings)))
