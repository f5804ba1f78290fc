"""Where each login came from, so that its owner knows it again."""

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"


def upgrade() -> None:
    for name in ("address", "browser"):
        op.add_column("sessions", sa.Column(name, sa.Text, nullable=False, server_default=""))
