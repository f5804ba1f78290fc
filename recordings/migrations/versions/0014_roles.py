"""Roles as rows. Who administered the page is 系统管理员 and 班长; the first of them may do all."""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"

_instant = sa.TIMESTAMP(timezone=True).with_variant(sa.Text(), "sqlite")
_ROLES = "role IN ('坐席', '班长', '质检', '系统管理员', '安全管理员', '审计员')"
# Until somebody else says who may do what, one of them must be able to.
_FOUNDS = (
    "UPDATE users SET founder = :yes WHERE name = (SELECT name FROM users_before "
    "WHERE role = '管理员' ORDER BY active DESC, created_at, name LIMIT 1)"
)


def upgrade() -> None:
    is_sqlite = op.get_bind().dialect.name == "sqlite"
    if (
        is_sqlite
    ):  # it drops no column that a constraint names; what refers to the users looks again once they are back
        op.execute("PRAGMA defer_foreign_keys=ON")
    op.execute("CREATE TEMPORARY TABLE users_before AS SELECT * FROM users")
    if is_sqlite:
        _remake_users()
    else:
        op.drop_column("users", "role")
        op.add_column("users", sa.Column("founder", sa.Boolean, nullable=False, server_default=sa.false()))
    op.create_table(
        "user_roles",
        sa.Column("user_name", sa.Text, nullable=False),
        sa.Column("role", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("user_name", "role", name="pk_user_roles"),
        sa.ForeignKeyConstraint(["user_name"], ["users.name"], name="fk_user_roles_user_name"),
        sa.CheckConstraint(_ROLES, name="ck_user_roles_role"),
    )
    for role in ("系统管理员", "班长"):
        op.get_bind().execute(
            sa.text(
                "INSERT INTO user_roles (user_name, role) SELECT name, :role FROM users_before WHERE role = '管理员'"
            ),
            {"role": role},
        )
    op.execute(
        "INSERT INTO user_roles (user_name, role) SELECT name, role FROM users_before WHERE role <> '管理员'"
    )
    op.get_bind().execute(sa.text(_FOUNDS), {"yes": True})
    op.execute("DROP TABLE users_before")


def _remake_users() -> None:
    op.drop_table("users")
    op.create_table(
        "users",
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("password", sa.Text, nullable=False),
        sa.Column("active", sa.Boolean, nullable=False),
        sa.Column("created_at", _instant, nullable=False),
        sa.Column("must_change", sa.Boolean, nullable=False, server_default=sa.false()),
        sa.Column("founder", sa.Boolean, nullable=False, server_default=sa.false()),
        sa.PrimaryKeyConstraint("name", name="pk_users"),
    )
    op.execute(
        "INSERT INTO users SELECT name, password, active, created_at, must_change, 0 FROM users_before"
    )
