"""What the courier counts and measures, and what the outbox holds."""

from __future__ import annotations

import asyncio
import math
from itertools import product
from typing import TYPE_CHECKING, Final, get_args

import sqlalchemy as sa
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from recordings import jobs
from recordings.jobs import Kind
from tickets import outbox
from tickets.surges import register

if TYPE_CHECKING:
    from datetime import datetime

    from recordings.database import Database

REGISTRY: Final = CollectorRegistry()

_PATIENCE_S: Final = 2.0

_PENDING: Final = Gauge(
    "hotline_outbox_pending", "Ticket revisions that the intake has not taken yet.", registry=REGISTRY
)
_DEAD: Final = Gauge(
    "hotline_outbox_dead",
    "Ticket revisions the intake has refused for good; `hotline check` names them.",
    registry=REGISTRY,
)
_OLDEST: Final = Gauge(
    "hotline_outbox_oldest_pending_seconds",
    "Age of the oldest revision that the intake has not taken yet; 0 when there is none.",
    registry=REGISTRY,
)
_LATE: Final = Gauge(
    "hotline_calls_awaiting_transcription",
    "Calls whose recording waits to be transcribed.",
    registry=REGISTRY,
)
_JOBS: Final = Gauge(
    "hotline_jobs",
    "Jobs that follow calls, by kind and state: waiting, or failed (`hotline jobs list` names them).",
    ["kind", "state"],
    registry=REGISTRY,
)
JOBS: Final = Counter(
    "hotline_jobs_tried",
    "Tries of jobs that follow calls, by what came of them: done, postponed (tried again), failed (given up).",
    ["kind", "outcome"],
    registry=REGISTRY,
)
_DATABASE_UP: Final = Gauge(
    "hotline_database_up", "1 when the database answered this scrape.", registry=REGISTRY
)
DELIVERIES: Final = Counter(
    "hotline_deliveries",
    "Posts to the intake, by outcome: accepted, rejected (for good), unavailable and barred (tried again).",
    ["outcome"],
    registry=REGISTRY,
)
MESSAGES: Final = Counter(
    "hotline_sms",
    "Messages given to the SMS gateway, by outcome: accepted, rejected, unavailable and barred (both tried again), "
    "lost (not known, not tried again).",
    ["outcome"],
    registry=REGISTRY,
)
_MESSAGES_PENDING: Final = Gauge(
    "hotline_sms_pending", "Messages to callers that the SMS gateway has not taken yet.", registry=REGISTRY
)
CALL_BACKS: Final = Counter(
    "hotline_status_messages",
    "Status messages of the intake: taken, repeated (known already), refused (signature or form).",
    ["outcome"],
    registry=REGISTRY,
)
POST: Final = Histogram(
    "hotline_delivery_post_seconds",
    "Time of one post to the intake, whatever came of it.",
    buckets=(0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0),
    registry=REGISTRY,
)
LATENCY: Final = Histogram(
    "hotline_delivery_latency_seconds",
    "From the filing of a revision to its acceptance by the intake.",
    buckets=(0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 15.0, 60.0, 300.0, 3600.0, 86400.0),
    registry=REGISTRY,
)
CERTIFICATE_END: Final = Gauge(
    "hotline_certificate_end_timestamp_seconds",
    "When a certificate that the settings name ends.",
    ["whose"],
    registry=REGISTRY,
)
DISK_FULL_IN: Final = Gauge(
    "hotline_disk_full_in_seconds",
    "After how long the data folder's disk is full at the rate of the last day's recordings; +Inf: never.",
    registry=REGISTRY,
)
SURGES: Final = Counter("hotline_surges", "Surges (热点) found.", registry=REGISTRY)
SURGE_LOOK: Final = Histogram(
    "hotline_surge_look_seconds",
    "Time of one look for surges.",
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0),
    registry=REGISTRY,
)
SURGE_LOOKED: Final = Gauge(
    "hotline_surge_last_look_timestamp_seconds", "When surges were last looked for.", registry=REGISTRY
)
_UNSEEN: Final = Gauge(
    "hotline_surges_unseen", "Surges that go on and that no agent has acknowledged.", registry=REGISTRY
)

for _outcome in ("accepted", "rejected", "unavailable", "barred"):
    MESSAGES.labels(_outcome)
    DELIVERIES.labels(_outcome)  # a series that is there from the start can be seen to rise
MESSAGES.labels("lost")
for _outcome in ("taken", "repeated", "refused"):
    CALL_BACKS.labels(_outcome)
for _kind, _outcome in product(get_args(Kind), ("done", "postponed", "failed")):
    JOBS.labels(_kind, _outcome)
_STATES: Final = tuple(product(get_args(Kind), ("waiting", "failed")))


def of_kind(kind: outbox.Kind) -> Counter:
    """Where posts of this kind are counted, by outcome."""
    return MESSAGES if kind == "sms" else DELIVERIES


async def measure_outbox(db: Database, now: datetime) -> None:
    """Bring the gauges of what is in the database up to date; they are NaN while it is out of reach."""
    try:
        async with asyncio.timeout(_PATIENCE_S), db.read() as connection:
            stock = await outbox.take_stock(connection)
            counted = await jobs.count(connection)
            unseen = await register.read_unseen(connection, now)
    except (sa.exc.SQLAlchemyError, OSError):
        _DATABASE_UP.set(0)
        for gauge in (
            _PENDING,
            _MESSAGES_PENDING,
            _DEAD,
            _OLDEST,
            _LATE,
            _UNSEEN,
            *(_JOBS.labels(*one) for one in _STATES),
        ):
            gauge.set(math.nan)
        return
    _DATABASE_UP.set(1)
    _PENDING.set(stock.pending)
    _MESSAGES_PENDING.set(stock.messages)
    _DEAD.set(stock.dead)
    _OLDEST.set(max((now - stock.oldest).total_seconds(), 0.0) if stock.oldest else 0.0)
    _LATE.set(counted.get(("late", "waiting"), 0))
    for one in _STATES:
        _JOBS.labels(*one).set(counted.get(one, 0))
    _UNSEEN.set(len(unseen))
