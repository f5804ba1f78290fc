"""The tables of the database, for queries. The migrations make them; a test keeps both equal."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import sqlalchemy as sa
from sqlalchemy.types import TypeDecorator

if TYPE_CHECKING:
    from sqlalchemy.engine import Dialect
    from sqlalchemy.types import TypeEngine

_TEXT_FORMAT = "%Y-%m-%dT%H:%M:%S.%fZ"


class Instant(TypeDecorator[datetime]):
    """A moment, as a timezone-aware datetime (UTC when read; naive ones are refused with ValueError).

    PostgreSQL keeps a ``timestamptz``; SQLite, which has no such type, ISO 8601 text of fixed width, so that
    comparing text compares time.
    """

    impl = sa.TIMESTAMP(timezone=True)
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[datetime] | TypeEngine[str]:
        """Text on SQLite, timestamptz elsewhere."""
        if dialect.name == "sqlite":
            return dialect.type_descriptor(sa.Text())
        return dialect.type_descriptor(sa.TIMESTAMP(timezone=True))

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | str | None:
        """Bring to UTC."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError(f"{value!r} has no time zone: give an aware datetime")
        value = value.astimezone(UTC)
        return value.strftime(_TEXT_FORMAT) if dialect.name == "sqlite" else value

    def process_result_value(self, value: datetime | str | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002
        """Read back as UTC."""
        if isinstance(value, str):
            return datetime.strptime(value, _TEXT_FORMAT).replace(tzinfo=UTC)
        return value if value is None else value.astimezone(UTC)


metadata = sa.MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)

_counting_id = sa.BigInteger().with_variant(sa.Integer(), "sqlite")

calls = sa.Table(
    "calls",
    metadata,
    sa.Column("call_id", sa.Text, primary_key=True),
    sa.Column("sip_call_id", sa.Text, nullable=False),
    sa.Column("caller", sa.Text, nullable=False),  # digits, "" when withheld
    sa.Column("called", sa.Text, nullable=False),  # as received
    sa.Column("hotline", sa.Text, nullable=False),
    sa.Column("flow", sa.Text, nullable=False),
    sa.Column("node", sa.Integer, nullable=False),
    sa.Column("started_at", Instant, nullable=False),
    sa.Column("answered_at", Instant),
    sa.Column("ended_at", Instant),  # null while the call lasts
    sa.Column("duration_s", sa.Double),  # of speech, from the answer
    sa.Column("hung_up_by", sa.Text),  # caller, gateway, lost
    sa.Column("cause", sa.Text, nullable=False),
    sa.Column("interrupted", sa.Boolean, nullable=False),
    sa.Column("reason", sa.Text),  # why an ended call has no ticket
    sa.Column("folder", sa.Text, nullable=False),  # relative to the data directory, once archived
    sa.Column("late", sa.Text, nullable=False),  # late transcription: none, wanted, done
    sa.Index("ix_calls_started_at", "started_at"),
    sa.Index("ix_calls_sip_call_id", "sip_call_id"),
    sa.Index(
        "ix_calls_late_wanted",
        "node",
        "started_at",
        sqlite_where=sa.text("late = 'wanted'"),
        postgresql_where=sa.text("late = 'wanted'"),
    ),
    sa.CheckConstraint("late IN ('none', 'wanted', 'done')", name="late"),
)

recordings = sa.Table(
    "recordings",
    metadata,
    sa.Column("call_id", sa.Text, sa.ForeignKey("calls.call_id"), primary_key=True),
    sa.Column("path", sa.Text, nullable=False),  # relative to the data directory, once archived
    sa.Column("seconds", sa.Double, nullable=False),
    sa.Column("channels", sa.Integer, nullable=False),
)

transcripts = sa.Table(
    "transcripts",
    metadata,
    sa.Column("call_id", sa.Text, sa.ForeignKey("calls.call_id"), primary_key=True),
    sa.Column("source", sa.Text, primary_key=True),  # live: heard in the call; late: from the recording
    sa.Column("complete", sa.Boolean, nullable=False),
    sa.Column("document", sa.Text, nullable=False),  # asr Transcript, JSON
    sa.CheckConstraint("source IN ('live', 'late')", name="source"),
)

nodes = sa.Table(
    "nodes",
    metadata,
    sa.Column("node", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column(
        "folder", sa.Text, nullable=False
    ),  # the id of the data folder that gives out its ticket numbers
    sa.Column(
        "holder", sa.Text, nullable=False
    ),  # host and path of that folder when it was claimed, for people
    sa.Column("claimed_at", Instant, nullable=False),
)

tickets = sa.Table(
    "tickets",
    metadata,
    sa.Column("number", sa.Text, primary_key=True),
    sa.Column("revision", sa.Integer, primary_key=True),  # counts from 1
    sa.Column("call_id", sa.Text, sa.ForeignKey("calls.call_id"), nullable=False),
    sa.Column("matter", sa.Integer, nullable=False),
    sa.Column("document", sa.Text, nullable=False),  # JSON, exactly as posted
    sa.Column("content_sha256", sa.Text, nullable=False),  # of the document without what every filing changes
    sa.Column("created_at", Instant, nullable=False),
    sa.UniqueConstraint("call_id", "matter", "revision"),
)

outbox = sa.Table(
    "outbox",
    metadata,
    sa.Column("id", _counting_id, primary_key=True, autoincrement=True),
    sa.Column("number", sa.Text, nullable=False),
    sa.Column("revision", sa.Integer, nullable=False),
    sa.Column("idempotency_key", sa.Text, nullable=False, unique=True),  # <number>-r<revision>
    sa.Column("document", sa.Text, nullable=False),  # JSON, exactly as posted
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("attempts", sa.Integer, nullable=False),
    sa.Column("next_at", Instant, nullable=False),
    sa.Column("lease_until", Instant),
    sa.Column("last_error", sa.Text),
    sa.Column("created_at", Instant, nullable=False),
    sa.Column("settled_at", Instant),
    sa.Column("receipt", sa.JSON(none_as_null=True)),
    sa.UniqueConstraint("number", "revision"),
    sa.Index(
        "ix_outbox_pending",
        "next_at",
        sqlite_where=sa.text("state = 'pending'"),
        postgresql_where=sa.text("state = 'pending'"),
    ),
    sa.CheckConstraint("state IN ('pending', 'accepted', 'dead')", name="state"),
    sqlite_autoincrement=True,
)
