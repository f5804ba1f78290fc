"""Wrong query codes are counted beside the code: every gateway of a site sees the same count."""

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"

_instant = sa.TIMESTAMP(timezone=True).with_variant(sa.Text(), "sqlite")


def upgrade() -> None:
    op.add_column("query_codes", sa.Column("guesses", sa.Integer, nullable=False, server_default="0"))
    op.add_column("query_codes", sa.Column("guessed_at", _instant))
