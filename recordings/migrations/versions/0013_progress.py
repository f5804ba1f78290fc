"""What the intake tells of its tickets after it has accepted them."""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"

_instant = sa.TIMESTAMP(timezone=True).with_variant(sa.Text(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "status_changes",
        sa.Column("id", sa.Text, nullable=False),
        sa.Column("number", sa.Text, nullable=False),
        sa.Column("status", sa.Text, nullable=False),
        sa.Column("at", _instant, nullable=False),
        sa.Column("unit", sa.Text, nullable=False),
        sa.Column("note", sa.Text, nullable=False),
        sa.Column("body_sha256", sa.Text, nullable=False),
        sa.Column("received_at", _instant, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_status_changes"),
        sa.CheckConstraint(
            "status IN ('受理', '派单', '处置', '回访', '结案')", name="ck_status_changes_status"
        ),
    )
    op.create_index("ix_status_changes_number", "status_changes", ["number", "at"])
