"""Which data folder gives out the ticket numbers of which node."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"

_instant = sa.TIMESTAMP(timezone=True).with_variant(sa.Text(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "nodes",
        sa.Column("node", sa.Integer, autoincrement=False, nullable=False),
        sa.Column("folder", sa.Text, nullable=False),
        sa.Column("holder", sa.Text, nullable=False),
        sa.Column("claimed_at", _instant, nullable=False),
        sa.PrimaryKeyConstraint("node", name="pk_nodes"),
    )
