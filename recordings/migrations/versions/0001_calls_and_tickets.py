"""Calls with their recordings and transcripts; tickets and the outbox they leave by."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

_instant = sa.TIMESTAMP(timezone=True).with_variant(sa.Text(), "sqlite")
_counting_id = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "calls",
        sa.Column("call_id", sa.Text, nullable=False),
        sa.Column("sip_call_id", sa.Text, nullable=False),
        sa.Column("caller", sa.Text, nullable=False),
        sa.Column("called", sa.Text, nullable=False),
        sa.Column("hotline", sa.Text, nullable=False),
        sa.Column("flow", sa.Text, nullable=False),
        sa.Column("node", sa.Integer, nullable=False),
        sa.Column("started_at", _instant, nullable=False),
        sa.Column("answered_at", _instant),
        sa.Column("ended_at", _instant),
        sa.Column("duration_s", sa.Double),
        sa.Column("hung_up_by", sa.Text),
        sa.Column("cause", sa.Text, nullable=False),
        sa.Column("interrupted", sa.Boolean, nullable=False),
        sa.Column("reason", sa.Text),
        sa.Column("folder", sa.Text, nullable=False),
        sa.Column("late", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("call_id", name="pk_calls"),
        sa.CheckConstraint("late IN ('none', 'wanted', 'done')", name="ck_calls_late"),
    )
    op.create_index("ix_calls_started_at", "calls", ["started_at"])
    op.create_index("ix_calls_sip_call_id", "calls", ["sip_call_id"])
    wanted = sa.text("late = 'wanted'")
    op.create_index(
        "ix_calls_late_wanted", "calls", ["node", "started_at"], sqlite_where=wanted, postgresql_where=wanted
    )
    op.create_table(
        "recordings",
        sa.Column("call_id", sa.Text, nullable=False),
        sa.Column("path", sa.Text, nullable=False),
        sa.Column("seconds", sa.Double, nullable=False),
        sa.Column("channels", sa.Integer, nullable=False),
        sa.PrimaryKeyConstraint("call_id", name="pk_recordings"),
        sa.ForeignKeyConstraint(["call_id"], ["calls.call_id"], name="fk_recordings_call_id"),
    )
    op.create_table(
        "transcripts",
        sa.Column("call_id", sa.Text, nullable=False),
        sa.Column("source", sa.Text, nullable=False),
        sa.Column("complete", sa.Boolean, nullable=False),
        sa.Column("document", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("call_id", "source", name="pk_transcripts"),
        sa.ForeignKeyConstraint(["call_id"], ["calls.call_id"], name="fk_transcripts_call_id"),
        sa.CheckConstraint("source IN ('live', 'late')", name="ck_transcripts_source"),
    )
    op.create_table(
        "tickets",
        sa.Column("number", sa.Text, nullable=False),
        sa.Column("revision", sa.Integer, nullable=False),
        sa.Column("call_id", sa.Text, nullable=False),
        sa.Column("matter", sa.Integer, nullable=False),
        sa.Column("document", sa.Text, nullable=False),
        sa.Column("content_sha256", sa.Text, nullable=False),
        sa.Column("created_at", _instant, nullable=False),
        sa.PrimaryKeyConstraint("number", "revision", name="pk_tickets"),
        sa.ForeignKeyConstraint(["call_id"], ["calls.call_id"], name="fk_tickets_call_id"),
        sa.UniqueConstraint("call_id", "matter", "revision", name="uq_tickets_call_id_matter_revision"),
    )
    op.create_table(
        "outbox",
        sa.Column("id", _counting_id, autoincrement=True, nullable=False),
        sa.Column("number", sa.Text, nullable=False),
        sa.Column("revision", sa.Integer, nullable=False),
        sa.Column("idempotency_key", sa.Text, nullable=False),
        sa.Column("document", sa.Text, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("next_at", _instant, nullable=False),
        sa.Column("lease_until", _instant),
        sa.Column("last_error", sa.Text),
        sa.Column("created_at", _instant, nullable=False),
        sa.Column("settled_at", _instant),
        sa.Column("receipt", sa.JSON),
        sa.PrimaryKeyConstraint("id", name="pk_outbox"),
        sa.UniqueConstraint("idempotency_key", name="uq_outbox_idempotency_key"),
        sa.UniqueConstraint("number", "revision", name="uq_outbox_number_revision"),
        sa.CheckConstraint("state IN ('pending', 'accepted', 'dead')", name="ck_outbox_state"),
        sqlite_autoincrement=True,
    )
    pending = sa.text("state = 'pending'")
    op.create_index(
        "ix_outbox_pending", "outbox", ["next_at"], sqlite_where=pending, postgresql_where=pending
    )
