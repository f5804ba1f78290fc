"""The tables of the database, for queries. The migrations make them; a test keeps both equal."""

from __future__ import annotations

import sqlalchemy as sa

from recordings.instant import Instant

metadata = sa.MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)

counting_id = sa.BigInteger().with_variant(sa.Integer(), "sqlite")

calls = sa.Table(
    "calls",
    metadata,
    sa.Column("call_id", sa.Text, primary_key=True),
    sa.Column("sip_call_id", sa.Text, nullable=False),
    sa.Column("caller", sa.Text, nullable=False),  # digits, "" when withheld
    sa.Column("called", sa.Text, nullable=False),  # as received
    sa.Column("hotline", sa.Text, nullable=False),
    sa.Column("flow", sa.Text, nullable=False),
    sa.Column("node", sa.Integer, nullable=False),
    sa.Column("started_at", Instant, nullable=False),
    sa.Column("answered_at", Instant),
    sa.Column("ended_at", Instant),  # null while the call lasts
    sa.Column("duration_s", sa.Double),  # of speech, from the answer
    sa.Column("hung_up_by", sa.Text),  # caller, gateway, lost
    sa.Column("cause", sa.Text, nullable=False),
    sa.Column("interrupted", sa.Boolean, nullable=False),
    sa.Column("reason", sa.Text),  # why an ended call has no ticket
    sa.Column("folder", sa.Text, nullable=False),  # relative to the data directory, once archived
    sa.Column("late", sa.Text, nullable=False),  # late transcription: none, wanted, done
    sa.Column("test", sa.Boolean, nullable=False, server_default=sa.false()),  # a probe's, no citizen's
    sa.Index("ix_calls_started_at", "started_at"),
    sa.Index("ix_calls_sip_call_id", "sip_call_id"),
    sa.Index("ix_calls_caller", "caller", "call_id"),
    sa.CheckConstraint("late IN ('none', 'wanted', 'done')", name="late"),
)

recordings = sa.Table(
    "recordings",
    metadata,
    sa.Column("call_id", sa.Text, sa.ForeignKey("calls.call_id"), primary_key=True),
    sa.Column("path", sa.Text, nullable=False),  # relative to the data directory, once archived
    sa.Column("seconds", sa.Double, nullable=False),
    sa.Column("channels", sa.Integer, nullable=False),
)

transcripts = sa.Table(
    "transcripts",
    metadata,
    sa.Column("call_id", sa.Text, sa.ForeignKey("calls.call_id"), primary_key=True),
    sa.Column(
        "source", sa.Text, primary_key=True
    ),  # live: in the call; late: from the recording; second: anew
    sa.Column("complete", sa.Boolean, nullable=False),
    sa.Column("document", sa.Text, nullable=False),  # asr Transcript, JSON
    sa.CheckConstraint("source IN ('live', 'late', 'second')", name="source"),
)

# Leg 0 is the caller's own; those counted from 1 are the ones by which the call was passed on.
legs = sa.Table(
    "legs",
    metadata,
    sa.Column("call_id", sa.Text, sa.ForeignKey("calls.call_id"), primary_key=True),
    sa.Column("leg", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("direction", sa.Text, nullable=False),
    sa.Column("target", sa.Text, nullable=False),  # its name in the hotlines file; "" for the caller's own
    sa.Column("uri", sa.Text, nullable=False),  # likewise
    sa.Column("reason", sa.Text, nullable=False),  # why somebody was called
    sa.Column("ticket", sa.Text),  # whose it becomes once they have talked: ours, theirs
    sa.Column("sip_call_id", sa.Text, nullable=False),  # the leg's own, "" on anonymous lines' outgoing ones
    sa.Column("began_at", Instant, nullable=False),
    sa.Column("answered_at", Instant),
    sa.Column("ended_at", Instant),
    sa.Column("ended_by", sa.Text),  # caller, target, gateway, lost
    sa.Column("cause", sa.Text, nullable=False),
    sa.Column("talked_s", sa.Double),
    sa.Column("their_id", sa.Text, nullable=False, server_default=""),  # the call's id in the target's system
    sa.Index("ix_legs_sip_call_id", "sip_call_id"),
    sa.Index(
        "ix_legs_placed",  # the calls that we have placed
        "call_id",
        sqlite_where=sa.text("leg = 0 AND direction = 'out'"),
        postgresql_where=sa.text("leg = 0 AND direction = 'out'"),
    ),
    sa.CheckConstraint("direction IN ('in', 'out')", name="direction"),
    sa.CheckConstraint("ticket IN ('ours', 'theirs')", name="ticket"),
)

nodes = sa.Table(
    "nodes",
    metadata,
    sa.Column("node", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column(
        "folder", sa.Text, nullable=False
    ),  # the id of the data folder that gives out its ticket numbers
    sa.Column(
        "holder", sa.Text, nullable=False
    ),  # host and path of that folder when it was claimed, for people
    sa.Column("claimed_at", Instant, nullable=False),
    sa.Column("taken_at", Instant),  # when it was last taken over from a folder that is lost, or restored
)

tickets = sa.Table(
    "tickets",
    metadata,
    sa.Column("number", sa.Text, primary_key=True),
    sa.Column("revision", sa.Integer, primary_key=True),  # counts from 1
    sa.Column("call_id", sa.Text, sa.ForeignKey("calls.call_id"), nullable=False),
    sa.Column("matter", sa.Integer, nullable=False),
    sa.Column("document", sa.Text, nullable=False),  # JSON, exactly as posted
    sa.Column("content_sha256", sa.Text, nullable=False),  # of the document without what every filing changes
    sa.Column("created_at", Instant, nullable=False),
    sa.UniqueConstraint("call_id", "matter", "revision"),
)

outbox = sa.Table(
    "outbox",
    metadata,
    sa.Column("id", counting_id, primary_key=True, autoincrement=True),
    sa.Column("kind", sa.Text, nullable=False, server_default="ticket"),  # ticket, alert
    sa.Column("number", sa.Text, nullable=False),  # of an alert its id
    sa.Column("revision", sa.Integer, nullable=False),  # of a danger 1; a surge's rises
    sa.Column(
        "idempotency_key", sa.Text, nullable=False, unique=True
    ),  # <number>-r<revision>; an alert's id first
    sa.Column("document", sa.Text, nullable=False),  # JSON, exactly as posted
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("attempts", sa.Integer, nullable=False),
    sa.Column("next_at", Instant, nullable=False),
    sa.Column("lease_until", Instant),
    sa.Column("last_error", sa.Text),
    sa.Column("created_at", Instant, nullable=False),
    sa.Column("settled_at", Instant),
    sa.Column("receipt", sa.JSON(none_as_null=True)),
    sa.Column("dropped", sa.Text),  # of a dead one: who gave it up, and why
    sa.UniqueConstraint("number", "revision"),
    sa.Index(
        "ix_outbox_pending",
        "next_at",
        sqlite_where=sa.text("state = 'pending'"),
        postgresql_where=sa.text("state = 'pending'"),
    ),
    sa.Index(
        "ix_outbox_dead",
        "settled_at",
        sqlite_where=sa.text("state = 'dead'"),
        postgresql_where=sa.text("state = 'dead'"),
    ),
    sa.CheckConstraint("state IN ('pending', 'accepted', 'dead')", name="state"),
    sqlite_autoincrement=True,
)

reviews = sa.Table(
    "reviews",
    metadata,
    sa.Column("number", sa.Text, primary_key=True),
    sa.Column("review", sa.Integer, primary_key=True),  # counts from 1; the last one holds
    sa.Column("call_id", sa.Text, sa.ForeignKey("calls.call_id"), nullable=False),
    sa.Column("revision", sa.Integer, nullable=False),  # of the ticket, made by this review
    sa.Column("agent", sa.Text, nullable=False),
    sa.Column("decision", sa.Text, nullable=False),
    sa.Column("document", sa.Text, nullable=False),  # what the agent decided, JSON
    sa.Column("words_sha256", sa.Text, nullable=False),  # of the transcript the agent saw
    sa.Column("created_at", Instant, nullable=False),
    sa.Column("corrected", sa.Text),  # what it changed of type, category, place; null: not known
    sa.ForeignKeyConstraint(["number", "revision"], ["tickets.number", "tickets.revision"]),
    sa.Index("ix_reviews_call_id", "call_id"),
    sa.Index("ix_reviews_agent_created_at", "agent", "created_at"),
    sa.CheckConstraint("decision IN ('accepted', 'returned')", name="decision"),
)

worksheets = sa.Table(
    "worksheets",
    metadata,
    sa.Column("call_id", sa.Text, sa.ForeignKey("calls.call_id"), primary_key=True),
    sa.Column("version", sa.Integer, nullable=False),  # counts the savings
    sa.Column("agent", sa.Text, nullable=False),  # who saved last
    sa.Column("document", sa.Text, nullable=False),  # what is being edited and not yet decided, JSON
    sa.Column("updated_at", Instant, nullable=False),
)

# Append-only: triggers refuse every UPDATE and DELETE.
audit = sa.Table(
    "audit",
    metadata,
    sa.Column("id", counting_id, primary_key=True, autoincrement=True),
    sa.Column("at", Instant, nullable=False),
    sa.Column("user_name", sa.Text, nullable=False),  # as given: a failed login may name nobody
    sa.Column("address", sa.Text, nullable=False),  # where the request came from
    sa.Column("action", sa.Text, nullable=False),
    sa.Column("subject", sa.Text, nullable=False),  # a call id, a user's name, or ""
    sa.Column("detail", sa.Text, nullable=False),
    sa.Index("ix_audit_user_name_id", "user_name", "id"),
    sa.Index("ix_audit_subject_id", "subject", "id"),
    sqlite_autoincrement=True,
)

# One row an ended call, for the agents' list: what its tickets and words come to. See tickets.worklist.
worklist = sa.Table(
    "worklist",
    metadata,
    sa.Column("call_id", sa.Text, sa.ForeignKey("calls.call_id"), primary_key=True),
    sa.Column("hotline", sa.Text, nullable=False),
    sa.Column("started_at", Instant, nullable=False),
    sa.Column("duration_s", sa.Double),
    sa.Column("title", sa.Text, nullable=False),  # of each ticket, joined by ;
    sa.Column("appeal", sa.Text, nullable=False),  # each kind once, joined by 、
    sa.Column("county", sa.Text, nullable=False),  # likewise
    sa.Column("township", sa.Text, nullable=False),  # likewise
    sa.Column("urgency", sa.Text, nullable=False),  # the highest
    sa.Column("interrupted", sa.Boolean, nullable=False),
    sa.Column("call_back", sa.Boolean, nullable=False),
    sa.Column("low_confidence", sa.Boolean, nullable=False),
    sa.Column("place_missing", sa.Boolean, nullable=False),
    sa.Column("rank", sa.Integer, nullable=False),  # 0: look first
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("missed", sa.Text, nullable=False, server_default=""),  # see recordings.callbacks.Missed
    sa.Column(
        "tries", sa.Integer, nullable=False, server_default="1"
    ),  # refused calls that this row stands for
    sa.Index("ix_worklist_state_rank_call_id", "state", "rank", "call_id"),
    sa.Index("ix_worklist_state_call_id", "state", "call_id"),
    sa.Index("ix_worklist_hotline_call_id", "hotline", "call_id"),
    sa.Index(
        "ix_worklist_call_back",
        "call_id",
        sqlite_where=sa.text("call_back"),
        postgresql_where=sa.text("call_back"),
    ),
    sa.Index(
        "ix_worklist_missed",
        "call_id",
        sqlite_where=sa.text("missed <> ''"),
        postgresql_where=sa.text("missed <> ''"),
    ),
    sa.CheckConstraint("state IN ('待审核', '已审核', '已退回', '无工单')", name="state"),
)
