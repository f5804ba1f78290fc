"""Calls of callers who were missed, in the list of those to be called back."""

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0017"


def upgrade() -> None:
    op.add_column("worklist", sa.Column("missed", sa.Text, nullable=False, server_default=""))
    op.add_column("worklist", sa.Column("tries", sa.Integer, nullable=False, server_default="1"))
    missed = sa.text("missed <> ''")
    op.create_index(
        "ix_worklist_missed", "worklist", ["call_id"], sqlite_where=missed, postgresql_where=missed
    )
