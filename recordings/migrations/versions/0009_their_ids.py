"""What a call that was passed on is called in the system of who took it."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    op.add_column("legs", sa.Column("their_id", sa.Text, nullable=False, server_default=""))
