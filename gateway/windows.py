"""What each process shows of itself: its health, whether it would do its job now, and its numbers."""

from __future__ import annotations

import asyncio
import os
from dataclasses import asdict
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy.exc import SQLAlchemyError

import asr.metrics
import console.metrics
import tickets.metrics
from gateway import metrics
from gateway.ears import DEMO_WARNING
from gateway.observe import Readiness, Window, check_disk
from recordings.database import WrongRevision, require_current

if TYPE_CHECKING:
    from pathlib import Path

    from asr.server import SpeechServer
    from gateway.ears import EarWatch
    from gateway.pj import UserAgent
    from gateway.switchboard import Switchboard
    from recordings.database import Database
    from tickets.courier import Courier

_PATIENCE_SECONDS = 2.0


def watch_gateway(
    data: Path, agent: UserAgent, switchboard: Switchboard, db: Database, ears: EarWatch
) -> Window:
    """The gateway is ready when it would take a call: SIP listens, it is neither full nor draining, and can record."""
    metrics.CALLS_IN_PROGRESS.set_function(lambda: switchboard.calls)
    metrics.CALLS_CAP.set(switchboard.cap)
    metrics.DRAINING.set_function(lambda: switchboard.is_draining)

    def health() -> dict[str, Any]:
        model = ears.model
        return {
            "pid": os.getpid(),
            "sip": agent.address,
            "calls": switchboard.calls,
            "asr": "up" if model else "down",
            "model": model.name if model else None,
            "demo_model": model.demo if model else None,
            "warning": DEMO_WARNING if model and model.demo else None,
        }

    async def readiness() -> Readiness:
        faults = list(check_disk(data))
        limits = []
        if not agent.listens:
            faults.append("SIP does not listen yet")
        if trouble := switchboard.trouble:
            faults.append(trouble)
        wrong, away = await _check_database(db)
        faults += wrong
        # Callers are answered all the same: by keys without speech, and filed once there is a database.
        limits += away
        if ears.model is None:
            limits.append("speech recognition is out of reach, calls go by keys")
        return Readiness(tuple(faults), tuple(limits))

    return Window("gateway", data, health, readiness, (metrics.REGISTRY,))


def watch_asr(data: Path, server: SpeechServer) -> Window:
    """The speech server is ready when a decoding thread comes round in time."""

    def health() -> dict[str, Any]:
        return {"streams": server.streams, "model": asdict(server.model)}

    async def readiness() -> Readiness:
        if await server.is_prompt(_PATIENCE_SECONDS):
            return Readiness()
        return Readiness((f"no decoding thread has come round within {_PATIENCE_SECONDS:.0f} s",))

    return Window("asr", data, health, readiness, (asr.metrics.REGISTRY,))


def watch_worker(data: Path, db: Database, courier: Courier) -> Window:
    """The worker is ready when its database answers; an intake out of reach is waited for."""

    def health() -> dict[str, Any]:
        return {"intake": "down" if courier.is_cut_off else "up"}

    async def readiness() -> Readiness:
        wrong, away = await _check_database(db)
        limits = ("the intake is out of reach, tickets wait",) if courier.is_cut_off else ()
        return Readiness((*check_disk(data), *wrong, *away), limits)

    async def refresh() -> None:
        await tickets.metrics.measure_outbox(db, datetime.now(UTC))

    return Window("worker", data, health, readiness, (tickets.metrics.REGISTRY,), refresh)


def watch_console(data: Path, db: Database) -> Window:
    """The page is ready when its database answers."""

    async def readiness() -> Readiness:
        wrong, away = await _check_database(db)
        return Readiness((*wrong, *away))

    return Window("console", data, dict, readiness, (console.metrics.REGISTRY,))


async def _check_database(db: Database) -> tuple[list[str], list[str]]:
    """What is wrong with the tables, and whether the database is away, each in plain words or not at all."""
    try:
        async with asyncio.timeout(_PATIENCE_SECONDS):
            await require_current(db)
    except WrongRevision as error:
        return [str(error)], []
    except (SQLAlchemyError, OSError) as error:
        return [], [f"the database is out of reach ({type(error).__name__})"]
    return [], []
