"""A second factor for logins: a secret shared with a telephone, and recovery codes; a login that still lacks it."""

import sqlalchemy as sa
from alembic import op

revision = "0023"
down_revision = "0022"

_instant = sa.TIMESTAMP(timezone=True).with_variant(sa.Text(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "second_factors",
        sa.Column("user_name", sa.Text, nullable=False),
        sa.Column("secret", sa.Text, nullable=False),
        sa.Column("confirmed_at", _instant),
        sa.Column("last_step", sa.BigInteger, nullable=False, server_default="0"),
        sa.PrimaryKeyConstraint("user_name", name="pk_second_factors"),
        sa.ForeignKeyConstraint(["user_name"], ["users.name"], name="fk_second_factors_user_name"),
    )
    op.create_table(
        "recovery_codes",
        sa.Column("user_name", sa.Text, nullable=False),
        sa.Column("code_sha256", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("user_name", "code_sha256", name="pk_recovery_codes"),
        sa.ForeignKeyConstraint(["user_name"], ["users.name"], name="fk_recovery_codes_user_name"),
    )
    op.add_column("sessions", sa.Column("pending", sa.Boolean, nullable=False, server_default=sa.false()))
