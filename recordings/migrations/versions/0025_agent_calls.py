"""Calls that agents make from the page, and the telephone of each agent."""

import sqlalchemy as sa
from alembic import op

revision = "0025"
down_revision = "0024"

_instant = sa.TIMESTAMP(timezone=True).with_variant(sa.Text(), "sqlite")


def upgrade() -> None:
    op.add_column("users", sa.Column("extension", sa.Text, nullable=False, server_default=""))
    op.create_table(
        "agent_calls",
        sa.Column("call_id", sa.Text, nullable=False),
        sa.Column("about", sa.Text, nullable=False),
        sa.Column("ticket", sa.Text, nullable=False),
        sa.Column("hotline", sa.Text, nullable=False),
        sa.Column("agent", sa.Text, nullable=False),
        sa.Column("extension", sa.Text, nullable=False),
        sa.Column("number", sa.Text, nullable=False),
        sa.Column("discreet", sa.Boolean, nullable=False),
        sa.Column("stage", sa.Text, nullable=False),
        sa.Column("outcome", sa.Text),
        sa.Column("cause", sa.Text, nullable=False),
        sa.Column("talked_s", sa.Double, nullable=False),
        sa.Column("asked_at", _instant, nullable=False),
        sa.Column("node", sa.Integer),
        sa.Column("lease_until", _instant),
        sa.Column("ended_at", _instant),
        sa.PrimaryKeyConstraint("call_id", name="pk_agent_calls"),
        sa.ForeignKeyConstraint(
            ["about"], ["calls.call_id"], name="fk_agent_calls_about", ondelete="CASCADE"
        ),
        sa.CheckConstraint(
            "stage IN ('等待呼出', '正在呼叫坐席', '正在呼叫市民', '通话中', '已结束')",
            name="ck_agent_calls_stage",
        ),
        sa.CheckConstraint(
            "outcome IN ('已接通', '无人接听', '占线', '拒接', '呼叫失败', "
            "'坐席未接听', '坐席先挂断', '没有空闲线路', '中断')",
            name="ck_agent_calls_outcome",
        ),
    )
    op.create_index("ix_agent_calls_about", "agent_calls", ["about"])
    op.create_index("ix_agent_calls_ended_at", "agent_calls", ["ended_at"])
    under_way = sa.text("ended_at IS NULL")
    for of in ("agent", "number"):
        op.create_index(
            f"uq_agent_calls_{of}",
            "agent_calls",
            [of],
            unique=True,
            sqlite_where=under_way,
            postgresql_where=under_way,
        )
