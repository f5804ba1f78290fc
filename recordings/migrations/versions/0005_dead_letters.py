"""An index of the dead letters: few among all that was ever sent, and counted at every scrape."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    dead = sa.text("state = 'dead'")
    op.create_index("ix_outbox_dead", "outbox", ["settled_at"], sqlite_where=dead, postgresql_where=dead)
