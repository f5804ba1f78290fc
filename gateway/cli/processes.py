"""``hotline gateway | asr | worker | intake | migrate``: one process each, which loads nothing of the others."""

from __future__ import annotations

import asyncio
from typing import Annotated

import typer

from gateway.cli import House, app
from gateway.logs import configure_logs


@app.command()
def gateway(
    context: typer.Context,
    port: Annotated[
        int | None, typer.Option(help="SIP 端口 / SIP port, of sip or of gateways", show_default="sip.port")
    ] = None,
) -> None:
    """接听电话 / Answer calls."""
    from gateway.process.gateway import run

    house: House = context.obj
    configure_logs("gateway", house.settings.log)
    chosen = house.settings.sip.port if port is None else port
    door = house.paths.socket_of_gateway(house.settings, chosen)
    asyncio.run(run(house.settings.of_gateway(chosen), house.paths, door))


@app.command()
def asr(context: typer.Context) -> None:
    """语音识别服务 / Serve speech recognition."""
    from gateway.process.asr import run

    house: House = context.obj
    configure_logs("asr", house.settings.log)
    asyncio.run(run(house.settings, house.paths))


@app.command()
def worker(context: typer.Context) -> None:
    """投递工单,补转写 / Deliver tickets; transcribe later what could not be heard live."""
    from gateway.process.worker import run

    house: House = context.obj
    configure_logs("worker", house.settings.log)
    asyncio.run(run(house.settings, house.paths))


@app.command()
def intake(
    context: typer.Context,
    host: Annotated[str, typer.Option(help="监听地址 / address")] = "127.0.0.1",
    port: Annotated[
        int | None, typer.Option(help="端口 / port", show_default="intake.reference_port")
    ] = None,
) -> None:
    """参考受理平台 / The reference intake, for tests and trials."""
    from gateway.process.intake import run

    house: House = context.obj
    configure_logs("intake", house.settings.log)
    chosen = house.settings.intake.reference_port if port is None else port
    asyncio.run(run(house.settings, house.paths, host, chosen))


@app.command()
def migrate(context: typer.Context) -> None:
    """建立或升级数据库 / Create the database's tables, or bring them up to date."""
    from recordings.database import migrate as bring_up_to_date

    house: House = context.obj
    configure_logs("migrate", house.settings.log)
    asyncio.run(bring_up_to_date(house.paths.database_url(house.settings)))
