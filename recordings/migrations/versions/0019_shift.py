"""What somebody has decided on since his shift began is counted with each call he opens."""

from alembic import op

revision = "0019"
down_revision = "0018"


def upgrade() -> None:
    op.create_index("ix_reviews_agent_created_at", "reviews", ["agent", "created_at"])
