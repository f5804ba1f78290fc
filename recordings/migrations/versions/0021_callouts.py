"""Calls that we place: whom to call, every attempt, and the switch by which they go out. It is off."""

import sqlalchemy as sa
from alembic import op

revision = "0021"
down_revision = "0020"

_instant = sa.TIMESTAMP(timezone=True).with_variant(sa.Text(), "sqlite")
_counting_id = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "callouts",
        sa.Column("id", _counting_id, autoincrement=True, nullable=False),
        sa.Column("campaign", sa.Text, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("number", sa.Text, nullable=False),
        sa.Column("ticket", sa.Text, nullable=False),
        sa.Column("owed", sa.Text, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("tries_left", sa.Integer, nullable=False),
        sa.Column("tries", sa.Integer, nullable=False),
        sa.Column("next_at", _instant, nullable=False),
        sa.Column("holder", sa.Integer),
        sa.Column("lease_until", _instant),
        sa.Column("created_by", sa.Text, nullable=False),
        sa.Column("created_at", _instant, nullable=False),
        sa.Column("settled_at", _instant),
        sa.PrimaryKeyConstraint("id", name="pk_callouts"),
        sa.UniqueConstraint(
            "campaign", "kind", "number", "ticket", name="uq_callouts_campaign_kind_number_ticket"
        ),
        sa.CheckConstraint("kind IN ('回访', '关爱', '未接回电')", name="ck_callouts_kind"),
        sa.CheckConstraint("state IN ('waiting', 'done', 'given_up')", name="ck_callouts_state"),
        sqlite_autoincrement=True,
    )
    waiting = sa.text("state = 'waiting'")
    op.create_index(
        "ix_callouts_waiting", "callouts", ["next_at"], sqlite_where=waiting, postgresql_where=waiting
    )
    op.create_index("ix_callouts_number", "callouts", ["number"])
    op.create_table(
        "callout_attempts",
        sa.Column("call_id", sa.Text, nullable=False),
        sa.Column("callout", sa.BigInteger, nullable=False),
        sa.Column("node", sa.Integer, nullable=False),
        sa.Column("at", _instant, nullable=False),
        sa.Column("result", sa.Text),
        sa.Column("cause", sa.Text, nullable=False),
        sa.Column("solved", sa.Boolean),
        sa.Column("ended_at", _instant),
        sa.PrimaryKeyConstraint("call_id", name="pk_callout_attempts"),
        sa.ForeignKeyConstraint(
            ["callout"], ["callouts.id"], name="fk_callout_attempts_callout", ondelete="CASCADE"
        ),
        sa.CheckConstraint(
            "result IN ('已完成', '未答完', '非本人', '无人应答', '占线', '无人接听', '呼叫失败')",
            name="ck_callout_attempts_result",
        ),
    )
    op.create_index("ix_callout_attempts_callout", "callout_attempts", ["callout"])
    op.create_index("ix_callout_attempts_at", "callout_attempts", ["at"])
    switch = op.create_table(
        "callout_switch",
        sa.Column("id", sa.Integer, autoincrement=False, nullable=False),
        sa.Column("on", sa.Boolean, nullable=False),
        sa.Column("by", sa.Text, nullable=False),
        sa.Column("at", _instant),
        sa.PrimaryKeyConstraint("id", name="pk_callout_switch"),
    )
    op.bulk_insert(switch, [{"id": 1, "on": False, "by": "", "at": None}])
