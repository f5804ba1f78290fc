"""Who may use the agents' page, how he logs in, and which calls he has in hand.

The migrations make these tables; a test keeps both equal.
"""

from __future__ import annotations

import sqlalchemy as sa

from recordings.instant import Instant
from recordings.schema import metadata

users = sa.Table(
    "users",
    metadata,
    sa.Column("name", sa.Text, primary_key=True),
    sa.Column("password", sa.Text, nullable=False),  # argon2id, encoded with its parameters
    sa.Column("active", sa.Boolean, nullable=False),
    sa.Column("created_at", Instant, nullable=False),
    sa.Column(
        "must_change", sa.Boolean, nullable=False, server_default=sa.false()
    ),  # another knows the password
    sa.Column("founder", sa.Boolean, nullable=False, server_default=sa.false()),  # see console.users
    sa.Column(
        "extension", sa.Text, nullable=False, server_default=""
    ),  # his own telephone, by which he calls
)

user_roles = sa.Table(
    "user_roles",
    metadata,
    sa.Column("user_name", sa.Text, sa.ForeignKey("users.name"), primary_key=True),
    sa.Column("role", sa.Text, primary_key=True),
    sa.CheckConstraint("role IN ('坐席', '班长', '质检', '系统管理员', '安全管理员', '审计员')", name="role"),
)

sessions = sa.Table(
    "sessions",
    metadata,
    sa.Column("token_sha256", sa.Text, primary_key=True),  # of the cookie's value: the table opens no door
    sa.Column("user_name", sa.Text, sa.ForeignKey("users.name"), nullable=False),
    sa.Column("csrf", sa.Text, nullable=False),
    sa.Column("created_at", Instant, nullable=False),
    sa.Column("seen_at", Instant, nullable=False),
    sa.Column("address", sa.Text, nullable=False, server_default=""),  # where the login came from
    sa.Column("browser", sa.Text, nullable=False, server_default=""),  # as it calls itself
    # The password was right, and the second factor is still to come: it opens nothing.
    sa.Column("pending", sa.Boolean, nullable=False, server_default=sa.false()),
    sa.Index("ix_sessions_user_name", "user_name"),
)

second_factors = sa.Table(
    "second_factors",
    metadata,
    sa.Column("user_name", sa.Text, sa.ForeignKey("users.name"), primary_key=True),
    sa.Column("secret", sa.Text, nullable=False),  # base32, shared with a telephone's app (RFC 6238)
    sa.Column("confirmed_at", Instant),  # null until a code has shown that the telephone has it
    sa.Column(
        "last_step", sa.BigInteger, nullable=False, server_default="0"
    ),  # of the last code that was used
)

recovery_codes = sa.Table(
    "recovery_codes",
    metadata,
    sa.Column("user_name", sa.Text, sa.ForeignKey("users.name"), primary_key=True),
    sa.Column("code_sha256", sa.Text, primary_key=True),  # those not used yet
)

lockouts = sa.Table(
    "lockouts",
    metadata,
    sa.Column("subject", sa.Text, primary_key=True),  # user:NAME or address:IP
    sa.Column("failures", sa.Integer, nullable=False),  # in a row
    sa.Column("last_at", Instant, nullable=False),
    sa.Column("until", Instant),  # no login before
)

claims = sa.Table(
    "claims",
    metadata,
    sa.Column("call_id", sa.Text, sa.ForeignKey("calls.call_id"), primary_key=True),
    sa.Column("user_name", sa.Text, sa.ForeignKey("users.name"), nullable=False),
    sa.Column("claimed_at", Instant, nullable=False),
    sa.Column("until", Instant, nullable=False),
    sa.Index("ix_claims_user_name", "user_name"),
)
