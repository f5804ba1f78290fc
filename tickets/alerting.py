"""Alerts on their way: what a call's journal gives alarm of, and the outbox rows they leave by, each once."""

from __future__ import annotations

from typing import TYPE_CHECKING, get_args

import sqlalchemy as sa

from recordings.database import insert
from recordings.schema import outbox
from tickets.alert import DangerAlert, SurgeAlert
from tickets.meaning.risk_rules import RiskKind

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from sqlalchemy.ext.asyncio import AsyncConnection

    from tickets.alert import Alert
    from tickets.record import CallRecord


def alert_dangers(record: CallRecord) -> tuple[DangerAlert, ...]:
    """The alerts of a call's journal, one a matter: the same ones however often they are made. None of a probe."""
    if record.test:
        return ()
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
    """Put alerts into the outbox; a revision that is there, in whatever state, is left as it is."""
    rows = [
        {
            "kind": "alert",
            "number": alert.id,
            "revision": alert.revision if isinstance(alert, SurgeAlert) else 1,
            "idempotency_key": alert.key,
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


async def read_last(connection: AsyncConnection, ids: Sequence[str]) -> dict[str, SurgeAlert]:
    """The last revision that was put into the outbox of each surge's alert, by its id."""
    query = sa.select(outbox.c.number, outbox.c.document).where(outbox.c.number.in_(ids))
    rows = await connection.execute(query.order_by(outbox.c.revision))
    return {number: SurgeAlert.model_validate_json(document) for number, document in rows}
