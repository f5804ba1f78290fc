"""One table for what follows a call; the calls that wait to be transcribed are its first jobs."""

from datetime import UTC, datetime

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"

_instant = sa.TIMESTAMP(timezone=True).with_variant(sa.Text(), "sqlite")
_counting_id = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "jobs",
        sa.Column("id", _counting_id, autoincrement=True, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("call_id", sa.Text, nullable=False),
        sa.Column("node", sa.Integer, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("tries", sa.Integer, nullable=False),
        sa.Column("next_at", _instant, nullable=False),
        sa.Column("holder", sa.Text),
        sa.Column("lease_until", _instant),
        sa.Column("last_error", sa.Text),
        sa.Column("created_at", _instant, nullable=False),
        sa.Column("settled_at", _instant),
        sa.PrimaryKeyConstraint("id", name="pk_jobs"),
        sa.UniqueConstraint("kind", "call_id", name="uq_jobs_kind_call_id"),
        sa.ForeignKeyConstraint(["call_id"], ["calls.call_id"], name="fk_jobs_call_id", ondelete="CASCADE"),
        sa.CheckConstraint("state IN ('waiting', 'done', 'failed')", name="ck_jobs_state"),
        sqlite_autoincrement=True,
    )
    waiting, failed = sa.text("state = 'waiting'"), sa.text("state = 'failed'")
    op.create_index(
        "ix_jobs_waiting", "jobs", ["kind", "next_at"], sqlite_where=waiting, postgresql_where=waiting
    )
    op.create_index(
        "ix_jobs_failed", "jobs", ["kind", "settled_at"], sqlite_where=failed, postgresql_where=failed
    )
    is_sqlite = op.get_bind().dialect.name == "sqlite"
    now = datetime.now(UTC)
    op.get_bind().execute(
        sa.text(
            "INSERT INTO jobs (kind, call_id, node, state, tries, next_at, created_at) "
            "SELECT 'late', call_id, node, 'waiting', 0, :now, :now FROM calls WHERE late = 'wanted' "
            "ORDER BY started_at"
        ),
        {"now": now.strftime("%Y-%m-%dT%H:%M:%S.%fZ") if is_sqlite else now},
    )
    op.drop_index("ix_calls_late_wanted", "calls")
    check = "source IN ('live', 'late', 'second')"
    if not is_sqlite:
        op.drop_constraint("ck_transcripts_source", "transcripts", type_="check")
        op.create_check_constraint("ck_transcripts_source", "transcripts", check)
        return
    op.rename_table("transcripts", "transcripts_before")  # SQLite changes no constraint in place
    op.create_table(
        "transcripts",
        sa.Column("call_id", sa.Text, nullable=False),
        sa.Column("source", sa.Text, nullable=False),
        sa.Column("complete", sa.Boolean, nullable=False),
        sa.Column("document", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("call_id", "source", name="pk_transcripts"),
        sa.ForeignKeyConstraint(["call_id"], ["calls.call_id"], name="fk_transcripts_call_id"),
        sa.CheckConstraint(check, name="ck_transcripts_source"),
    )
    op.execute("INSERT INTO transcripts SELECT call_id, source, complete, document FROM transcripts_before")
    op.drop_table("transcripts_before")
