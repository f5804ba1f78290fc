"""When a node was last taken over: what is filed of its tickets since is told from what was lost."""

import sqlalchemy as sa
from alembic import op

revision = "0026"
down_revision = "0025"

_instant = sa.TIMESTAMP(timezone=True).with_variant(sa.Text(), "sqlite")


def upgrade() -> None:
    op.add_column("nodes", sa.Column("taken_at", _instant))
