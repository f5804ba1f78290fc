"""Query codes, made with each ticket, and what callers think of the outcome."""

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"

_instant = sa.TIMESTAMP(timezone=True).with_variant(sa.Text(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "query_codes",
        sa.Column("number", sa.Text, nullable=False),
        sa.Column("code", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("number", name="pk_query_codes"),
    )
    op.create_table(
        "ratings",
        sa.Column("call_id", sa.Text, nullable=False),
        sa.Column("number", sa.Text, nullable=False),
        sa.Column("rating", sa.Text, nullable=False),
        sa.Column("at", _instant, nullable=False),
        sa.PrimaryKeyConstraint("call_id", "number", name="pk_ratings"),
        sa.CheckConstraint("rating IN ('满意', '基本满意', '不满意')", name="ck_ratings_rating"),
    )
    op.create_index("ix_ratings_number", "ratings", ["number", "at"])
