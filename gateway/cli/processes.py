"""``hotline gateway | asr | worker | intake | migrate``: one process each."""

from __future__ import annotations

import asyncio
from typing import Annotated

import typer

from gateway import services
from gateway.cli import House, app
from gateway.logs import configure_logs
from recordings.database import migrate as migrate_database


@app.command()
def gateway(
    context: typer.Context,
    port: Annotated[
        int | None, typer.Option(help="SIP 端口 / SIP port, of sip or of gateways", show_default="sip.port")
    ] = None,
) -> None:
    """接听电话 / Answer calls."""
    house: House = context.obj
    configure_logs("gateway", house.settings.log)
    chosen = house.settings.sip.port if port is None else port
    door = house.paths.socket_of_gateway(house.settings, chosen)
    asyncio.run(services.run_gateway(house.settings.of_gateway(chosen), house.paths, door))


@app.command()
def asr(context: typer.Context) -> None:
    """语音识别服务 / Serve speech recognition."""
    house: House = context.obj
    configure_logs("asr", house.settings.log)
    asyncio.run(services.run_asr(house.settings, house.paths))


@app.command()
def worker(context: typer.Context) -> None:
    """投递工单,补转写 / Deliver tickets; transcribe later what could not be heard live."""
    house: House = context.obj
    configure_logs("worker", house.settings.log)
    asyncio.run(services.run_worker(house.settings, house.paths))


@app.command()
def intake(
    context: typer.Context,
    host: Annotated[str, typer.Option(help="监听地址 / address")] = "127.0.0.1",
    port: Annotated[
        int | None, typer.Option(help="端口 / port", show_default="intake.reference_port")
    ] = None,
) -> None:
    """参考受理平台 / The reference intake, for tests and trials."""
    house: House = context.obj
    configure_logs("intake", house.settings.log)
    chosen = house.settings.intake.reference_port if port is None else port
    asyncio.run(services.run_intake(house.settings, house.paths, host, chosen))


@app.command()
def migrate(context: typer.Context) -> None:
    """建立或升级数据库 / Create the database's tables, or bring them up to date."""
    house: House = context.obj
    configure_logs("migrate", house.settings.log)
    asyncio.run(migrate_database(house.paths.database_url(house.settings)))
