"""What a row of the outbox is: a ticket's revision, as all were, or an alert."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    op.add_column("outbox", sa.Column("kind", sa.Text, nullable=False, server_default="ticket"))
