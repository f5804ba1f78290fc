"""The legs of each call: the caller's own, and those by which it was passed on."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"

_instant = sa.TIMESTAMP(timezone=True).with_variant(sa.Text(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "legs",
        sa.Column("call_id", sa.Text, nullable=False),
        sa.Column("leg", sa.Integer, nullable=False),
        sa.Column("direction", sa.Text, nullable=False),
        sa.Column("target", sa.Text, nullable=False),
        sa.Column("uri", sa.Text, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("ticket", sa.Text),
        sa.Column("sip_call_id", sa.Text, nullable=False),
        sa.Column("began_at", _instant, nullable=False),
        sa.Column("answered_at", _instant),
        sa.Column("ended_at", _instant),
        sa.Column("ended_by", sa.Text),
        sa.Column("cause", sa.Text, nullable=False),
        sa.Column("talked_s", sa.Double),
        sa.PrimaryKeyConstraint("call_id", "leg", name="pk_legs"),
        sa.ForeignKeyConstraint(["call_id"], ["calls.call_id"], name="fk_legs_call_id"),
        sa.CheckConstraint("direction IN ('in', 'out')", name="ck_legs_direction"),
        sa.CheckConstraint("ticket IN ('ours', 'theirs')", name="ck_legs_ticket"),
    )
    op.create_index("ix_legs_sip_call_id", "legs", ["sip_call_id"])
