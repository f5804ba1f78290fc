"""Delivery, late transcription, the second pass and the look for surges as a process."""

from __future__ import annotations

import asyncio
import logging
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Any

from gateway.service.attendance import attend
from gateway.service.callbacks import taking_call_backs
from gateway.service.courtesy import FOLLOWING, step_back
from gateway.service.intakes import open_intake
from gateway.service.notify import serving
from gateway.service.observe import Readiness, Window, check_disk, shown
from gateway.service.outlook import Outlook
from gateway.service.process.common import alone, stop_signal
from gateway.service.process.database import claim_if_there, look_at_database, reach_until
from gateway.service.rules import choose_some_rules
from gateway.service.texting import open_some_texting
from gateway.site.speech import second_client, speech_client
from recordings.database import open_database
from recordings.nodes import claim_nodes
from tickets import metrics
from tickets.bell import SOCKET
from tickets.courier import Courier
from tickets.jobs import JobRunner
from tickets.late import LateTranscriber
from tickets.number import NumberBook
from tickets.second import SecondPass
from tickets.sms.missed import MissedWatch
from tickets.surges.watch import SurgeWatch

if TYPE_CHECKING:
    from pathlib import Path

    from gateway.site.settings import Paths, Settings
    from recordings.database import Database
    from tickets.outbox import Kind

log = logging.getLogger(__name__)


async def run(settings: Settings, paths: Paths) -> None:
    """Deliver tickets, transcribe what could not be heard live, hear calls again, look for surges, until SIGTERM."""
    stop = stop_signal()
    step_back(FOLLOWING)
    with alone(paths.data, f"worker-{settings.node}"):
        db = open_database(paths.database_url(settings))
        claim = partial(claim_nodes, db, settings.nodes, paths.data)
        async with serving():  # also while the database is waited for
            if not (await claim_if_there(claim) or await reach_until(claim, stop)):
                return
            choose_some_rules(settings)
            numbers = NumberBook(paths.data / "numbers", settings.node)
            client = speech_client(settings, paths)
            intake, texting = open_intake(settings), open_some_texting(settings.sms)
            courier = Courier(
                db,
                intake,
                paths.run / SOCKET,
                withheld=list_withheld(settings),
                per_second=settings.intake.per_second,
                texting=texting,
            )
            late = JobRunner(
                db, "late", settings.nodes, LateTranscriber(db, client, numbers, paths.data).amend
            )
            again = second_client(settings, paths) if paths.second_url(settings) else None
            window, where = watch(paths.data, db, courier), settings.metrics
            jobs = [
                asyncio.create_task(courier.run(stop), name="the courier"),
                asyncio.create_task(late.run(stop), name="late transcription"),
                asyncio.create_task(SurgeWatch(db).run(stop), name="the look for surges"),
            ]
            outlook = Outlook(settings, paths.data, db)
            jobs.append(asyncio.create_task(outlook.run(stop), name="the look ahead"))
            if texting is not None:
                missed = MissedWatch(db, texting.writer)
                jobs.append(asyncio.create_task(missed.run(stop), name="messages to missed callers"))
            if again is not None:
                second = SecondPass(db, again, numbers, paths.data, settings.nodes)
                runner = JobRunner(db, "second", settings.nodes, second.amend, second.find)
                jobs.append(asyncio.create_task(runner.run(stop), name="the second pass"))
            try:
                async with (
                    taking_call_backs(settings.intake, db),
                    shown(window, paths.worker_socket, where.host, where.worker_port),
                ):
                    log.info("ready", extra={"intake": settings.intake.address})
                    await attend(stop, jobs)
                    await asyncio.gather(*jobs)
            finally:
                for job in jobs:
                    job.cancel()
                await asyncio.wait(jobs)
                await intake.close()
                if texting is not None:
                    await texting.client.close()
                await client.close()
                if again is not None:
                    await again.close()
                await db.close()


def list_withheld(settings: Settings) -> tuple[Kind, ...]:
    """What nobody is there to take."""
    alerts: tuple[Kind, ...] = () if settings.intake.alerts else ("alert",)
    return (*alerts, "sms") if settings.sms.provider is None else alerts


def watch(data: Path, db: Database, courier: Courier) -> Window:
    """The worker is ready when its database answers; an intake out of reach is waited for."""

    def health() -> dict[str, Any]:
        intake = "barred" if courier.is_barred else "down" if courier.is_cut_off else "up"
        return {"intake": intake, "sms": courier.sms}

    async def readiness() -> Readiness:
        wrong, away = await look_at_database(db)
        return Readiness((*check_disk(data), *wrong, *away), _tell_limits(courier))

    async def refresh() -> None:
        await metrics.measure_outbox(db, datetime.now(UTC))

    return Window("worker", data, health, readiness, (metrics.REGISTRY,), refresh)


def _tell_limits(courier: Courier) -> tuple[str, ...]:
    limits = []
    if courier.is_barred:
        limits.append("the intake does not let us in, tickets wait: hotline doctor says more")
    elif courier.is_cut_off:
        limits.append("the intake is out of reach, tickets wait")
    if courier.sms in {"down", "barred"}:
        limits.append(f"the SMS gateway is {courier.sms}, messages to callers wait")
    return tuple(limits)
