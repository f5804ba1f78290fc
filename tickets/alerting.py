"""Alerts on their way: what a call's journal gives alarm of, and the outbox rows they leave by, each once."""

from __future__ import annotations

from typing import TYPE_CHECKING, get_args

from recordings.database import insert
from recordings.schema import outbox
from tickets.alert import DangerAlert
from tickets.meaning.risk import RiskKind

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from sqlalchemy.ext.asyncio import AsyncConnection

    from tickets.alert import Alert
    from tickets.record import CallRecord


def alert_dangers(record: CallRecord) -> tuple[DangerAlert, ...]:
    """The alerts of a call's journal, one a matter: the same ones however often they are made."""
    line = record.line
    anonymous = line is not None and line.anonymous
    return tuple(
        DangerAlert(
            id=f"danger-{record.call_id}-{matter}",
            at=alarm.at,
            call_id=record.call_id,
            hotline=record.hotline,
            line=line.name if line else "",
            caller="" if anonymous else record.caller,
            risk=read_kind(alarm.risk),
            words=alarm.words,
        )
        for matter, alarm in sorted(record.alarms.items())
    )


def read_kind(text: str) -> RiskKind | None:
    """A kind of danger as the journal has it; None for one that is not known (any more), and for a key."""
    return next((kind for kind in get_args(RiskKind) if kind == text), None)


async def enqueue_alerts(connection: AsyncConnection, alerts: Sequence[Alert], now: datetime) -> None:
    """Put alerts into the outbox; one that is there by its id, in whatever state, is left as it is."""
    rows = [
        {
            "kind": "alert",
            "number": alert.id,
            "revision": 1,
            "idempotency_key": alert.id,
            "document": alert.model_dump_json(),
            "state": "pending",
            "attempts": 0,
            "next_at": now,
            "created_at": now,
        }
        for alert in alerts
    ]
    if rows:
        await connection.execute(insert(connection, outbox).on_conflict_do_nothing(), rows)
