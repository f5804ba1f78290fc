"""The agents' page: users, sessions, audit, claims; the work list and the search index it reads."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"

_instant = sa.TIMESTAMP(timezone=True).with_variant(sa.Text(), "sqlite")
_counting_id = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_term = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    _create_users()
    _create_audit()
    _create_work()


def _create_users() -> None:
    op.create_table(
        "users",
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("password", sa.Text, nullable=False),
        sa.Column("role", sa.Text, nullable=False),
        sa.Column("active", sa.Boolean, nullable=False),
        sa.Column("created_at", _instant, nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_users"),
        sa.CheckConstraint("role IN ('坐席', '管理员')", name="ck_users_role"),
    )
    op.create_table(
        "sessions",
        sa.Column("token_sha256", sa.Text, nullable=False),
        sa.Column("user_name", sa.Text, nullable=False),
        sa.Column("csrf", sa.Text, nullable=False),
        sa.Column("created_at", _instant, nullable=False),
        sa.Column("seen_at", _instant, nullable=False),
        sa.PrimaryKeyConstraint("token_sha256", name="pk_sessions"),
        sa.ForeignKeyConstraint(["user_name"], ["users.name"], name="fk_sessions_user_name"),
    )
    op.create_index("ix_sessions_user_name", "sessions", ["user_name"])
    op.create_table(
        "lockouts",
        sa.Column("subject", sa.Text, nullable=False),
        sa.Column("failures", sa.Integer, nullable=False),
        sa.Column("last_at", _instant, nullable=False),
        sa.Column("until", _instant),
        sa.PrimaryKeyConstraint("subject", name="pk_lockouts"),
    )


def _create_audit() -> None:
    op.create_table(
        "audit",
        sa.Column("id", _counting_id, autoincrement=True, nullable=False),
        sa.Column("at", _instant, nullable=False),
        sa.Column("user_name", sa.Text, nullable=False),
        sa.Column("address", sa.Text, nullable=False),
        sa.Column("action", sa.Text, nullable=False),
        sa.Column("subject", sa.Text, nullable=False),
        sa.Column("detail", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_audit"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_audit_user_name_id", "audit", ["user_name", "id"])
    op.create_index("ix_audit_subject_id", "audit", ["subject", "id"])
    if op.get_bind().dialect.name == "sqlite":
        for change in ("UPDATE", "DELETE"):
            op.execute(
                f"CREATE TRIGGER audit_refuse_{change.lower()} BEFORE {change} ON audit "
                "BEGIN SELECT RAISE(ABORT, 'audit is append-only'); END"
            )
        return
    op.execute(
        "CREATE FUNCTION audit_refuse() RETURNS trigger LANGUAGE plpgsql AS "
        "$$ BEGIN RAISE EXCEPTION 'audit is append-only'; END $$"
    )
    op.execute(
        "CREATE TRIGGER audit_refuse BEFORE UPDATE OR DELETE OR TRUNCATE ON audit "
        "FOR EACH STATEMENT EXECUTE FUNCTION audit_refuse()"
    )


def _create_work() -> None:
    op.create_table(
        "claims",
        sa.Column("call_id", sa.Text, nullable=False),
        sa.Column("user_name", sa.Text, nullable=False),
        sa.Column("claimed_at", _instant, nullable=False),
        sa.Column("until", _instant, nullable=False),
        sa.PrimaryKeyConstraint("call_id", name="pk_claims"),
        sa.ForeignKeyConstraint(["call_id"], ["calls.call_id"], name="fk_claims_call_id"),
        sa.ForeignKeyConstraint(["user_name"], ["users.name"], name="fk_claims_user_name"),
    )
    op.create_index("ix_claims_user_name", "claims", ["user_name"])
    op.create_table(
        "worklist",
        sa.Column("call_id", sa.Text, nullable=False),
        sa.Column("hotline", sa.Text, nullable=False),
        sa.Column("started_at", _instant, nullable=False),
        sa.Column("duration_s", sa.Double),
        sa.Column("title", sa.Text, nullable=False),
        sa.Column("appeal", sa.Text, nullable=False),
        sa.Column("county", sa.Text, nullable=False),
        sa.Column("township", sa.Text, nullable=False),
        sa.Column("urgency", sa.Text, nullable=False),
        sa.Column("interrupted", sa.Boolean, nullable=False),
        sa.Column("call_back", sa.Boolean, nullable=False),
        sa.Column("low_confidence", sa.Boolean, nullable=False),
        sa.Column("place_missing", sa.Boolean, nullable=False),
        sa.Column("rank", sa.Integer, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("call_id", name="pk_worklist"),
        sa.ForeignKeyConstraint(["call_id"], ["calls.call_id"], name="fk_worklist_call_id"),
        sa.CheckConstraint("state IN ('待审核', '已审核', '已退回', '无工单')", name="ck_worklist_state"),
    )
    op.create_index("ix_worklist_state_rank_call_id", "worklist", ["state", "rank", "call_id"])
    op.create_index("ix_worklist_hotline_call_id", "worklist", ["hotline", "call_id"])
    op.create_table(
        "search_texts",
        sa.Column("call_id", sa.Text, nullable=False),
        sa.Column("text", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("call_id", name="pk_search_texts"),
        sa.ForeignKeyConstraint(["call_id"], ["calls.call_id"], name="fk_search_texts_call_id"),
    )
    op.create_table(
        "search_terms",
        sa.Column("term", _term, nullable=False),
        sa.Column("call_id", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("term", "call_id", name="pk_search_terms"),
        sqlite_with_rowid=False,
    )
