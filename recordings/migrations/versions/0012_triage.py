"""Call-backs with their attempts, the lead of a shift, and what the list is searched by."""

from datetime import UTC, datetime

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"

_instant = sa.TIMESTAMP(timezone=True).with_variant(sa.Text(), "sqlite")
_counting_id = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_ROLES = "role IN ('坐席', '班长', '管理员')"


def upgrade() -> None:
    op.create_table(
        "call_backs",
        sa.Column("id", _counting_id, autoincrement=True, nullable=False),
        sa.Column("call_id", sa.Text, nullable=False),
        sa.Column("at", _instant, nullable=False),
        sa.Column("agent", sa.Text, nullable=False),
        sa.Column("result", sa.Text, nullable=False),
        sa.Column("note", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_call_backs"),
        sa.ForeignKeyConstraint(
            ["call_id"], ["calls.call_id"], name="fk_call_backs_call_id", ondelete="CASCADE"
        ),
        sa.CheckConstraint(
            "result IN ('已接通', '无人接听', '占线或关机', '号码不对', '不再回电')",
            name="ck_call_backs_result",
        ),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_call_backs_call_id", "call_backs", ["call_id", "id"])
    owed = sa.text("call_back")
    op.create_index(
        "ix_worklist_call_back", "worklist", ["call_id"], sqlite_where=owed, postgresql_where=owed
    )
    op.create_index("ix_calls_caller", "calls", ["caller"])
    is_sqlite = op.get_bind().dialect.name == "sqlite"
    now = datetime.now(UTC)
    # Whether these were called back, nobody has written down; those that wait for review are still owed.
    op.get_bind().execute(
        sa.text(
            "INSERT INTO call_backs (call_id, at, agent, result, note) "
            "SELECT call_id, :now, '', '不再回电', '升级前已审核' FROM worklist "
            "WHERE call_back AND state IN ('已审核', '已退回') ORDER BY call_id"
        ),
        {"now": now.strftime("%Y-%m-%dT%H:%M:%S.%fZ") if is_sqlite else now},
    )
    if is_sqlite:
        _remake_users()
        return
    op.add_column("users", sa.Column("must_change", sa.Boolean, nullable=False, server_default=sa.false()))
    op.drop_constraint("ck_users_role", "users", type_="check")
    op.create_check_constraint("ck_users_role", "users", _ROLES)


def _remake_users() -> None:
    """SQLite changes no constraint in place; what refers to the users looks again once they are back."""
    op.execute("PRAGMA defer_foreign_keys=ON")
    op.execute("CREATE TEMPORARY TABLE users_before AS SELECT * FROM users")
    op.drop_table("users")
    op.create_table(
        "users",
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("password", sa.Text, nullable=False),
        sa.Column("role", sa.Text, nullable=False),
        sa.Column("active", sa.Boolean, nullable=False),
        sa.Column("created_at", _instant, nullable=False),
        sa.Column("must_change", sa.Boolean, nullable=False, server_default=sa.false()),
        sa.PrimaryKeyConstraint("name", name="pk_users"),
        sa.CheckConstraint(_ROLES, name="ck_users_role"),
    )
    op.execute("INSERT INTO users SELECT name, password, role, active, created_at, 0 FROM users_before")
    op.execute("DROP TABLE temp.users_before")
