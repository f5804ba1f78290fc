"""A status that was told as of a moment to come would outlast every later one: it is as of when it was told."""

from alembic import op

revision = "0020"
down_revision = "0019"


def upgrade() -> None:
    op.execute("UPDATE status_changes SET at = received_at WHERE at > received_at")
