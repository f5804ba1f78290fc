"""What each decision changed of what had been drafted (of those of before, nobody knows); which calls were placed."""

import sqlalchemy as sa
from alembic import op

revision = "0022"
down_revision = "0021"


def upgrade() -> None:
    op.add_column("reviews", sa.Column("corrected", sa.Text))
    placed = sa.text("leg = 0 AND direction = 'out'")
    op.create_index("ix_legs_placed", "legs", ["call_id"], sqlite_where=placed, postgresql_where=placed)
