"""What each ticket is about, one row a matter, and the surges that were found among them."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"

_instant = sa.TIMESTAMP(timezone=True).with_variant(sa.Text(), "sqlite")
_counting_id = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "matters",
        sa.Column("number", sa.Text, nullable=False),
        sa.Column("call_id", sa.Text, nullable=False),
        sa.Column("at", _instant, nullable=False),
        sa.Column("hour", sa.Integer, nullable=False),
        sa.Column("hotline", sa.Text, nullable=False),
        sa.Column("caller", sa.Text, nullable=False),
        sa.Column("topic", sa.Text, nullable=False),
        sa.Column("category", sa.Text, nullable=False),
        sa.Column("county", sa.Text, nullable=False),
        sa.Column("township", sa.Text, nullable=False),
        sa.Column("code", sa.Text, nullable=False),
        sa.Column("urgency", sa.Text, nullable=False),
        sa.Column("words", sa.Text, nullable=False),
        sa.Column("urged", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("number", name="pk_matters"),
        sa.ForeignKeyConstraint(
            ["call_id"], ["calls.call_id"], name="fk_matters_call_id", ondelete="CASCADE"
        ),
    )
    op.create_index("ix_matters_call_id", "matters", ["call_id"])
    op.create_index("ix_matters_at", "matters", ["at", "topic", "county", "township"])
    op.create_index("ix_matters_topic", "matters", ["topic", "at", "hour", "county", "township"])
    op.create_index("ix_matters_caller", "matters", ["caller", "at"])
    op.create_table(
        "surges",
        sa.Column("id", _counting_id, autoincrement=True, nullable=False),
        sa.Column("topic", sa.Text, nullable=False),
        sa.Column("county", sa.Text, nullable=False),
        sa.Column("township", sa.Text, nullable=False),
        sa.Column("began_at", _instant, nullable=False),
        sa.Column("last_at", _instant, nullable=False),
        sa.Column("count", sa.Integer, nullable=False),
        sa.Column("expected", sa.Double, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("found_at", _instant, nullable=False),
        sa.Column("seen_by", sa.Text),
        sa.Column("seen_at", _instant),
        sa.PrimaryKeyConstraint("id", name="pk_surges"),
        sa.UniqueConstraint(
            "topic", "county", "township", "began_at", name="uq_surges_topic_county_township_began_at"
        ),
        sa.ForeignKeyConstraint(["seen_by"], ["users.name"], name="fk_surges_seen_by"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_surges_last_at", "surges", ["last_at"])
