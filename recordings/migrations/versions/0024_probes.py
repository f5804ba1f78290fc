"""Which calls were probes: nobody called, and nothing of them is counted."""

import sqlalchemy as sa
from alembic import op

revision = "0024"
down_revision = "0023"


def upgrade() -> None:
    op.add_column("calls", sa.Column("test", sa.Boolean, nullable=False, server_default=sa.false()))
