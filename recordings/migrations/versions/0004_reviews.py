"""What agents have decided about tickets, and what they are still working on."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"

_instant = sa.TIMESTAMP(timezone=True).with_variant(sa.Text(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "reviews",
        sa.Column("number", sa.Text, nullable=False),
        sa.Column("review", sa.Integer, nullable=False),
        sa.Column("call_id", sa.Text, nullable=False),
        sa.Column("revision", sa.Integer, nullable=False),
        sa.Column("agent", sa.Text, nullable=False),
        sa.Column("decision", sa.Text, nullable=False),
        sa.Column("document", sa.Text, nullable=False),
        sa.Column("words_sha256", sa.Text, nullable=False),
        sa.Column("created_at", _instant, nullable=False),
        sa.PrimaryKeyConstraint("number", "review", name="pk_reviews"),
        sa.ForeignKeyConstraint(["call_id"], ["calls.call_id"], name="fk_reviews_call_id"),
        sa.ForeignKeyConstraint(
            ["number", "revision"],
            ["tickets.number", "tickets.revision"],
            name="fk_reviews_number_revision",
        ),
        sa.CheckConstraint("decision IN ('accepted', 'returned')", name="ck_reviews_decision"),
    )
    op.create_index("ix_reviews_call_id", "reviews", ["call_id"])
    op.create_table(
        "worksheets",
        sa.Column("call_id", sa.Text, nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("agent", sa.Text, nullable=False),
        sa.Column("document", sa.Text, nullable=False),
        sa.Column("updated_at", _instant, nullable=False),
        sa.PrimaryKeyConstraint("call_id", name="pk_worksheets"),
        sa.ForeignKeyConstraint(["call_id"], ["calls.call_id"], name="fk_worksheets_call_id"),
    )
