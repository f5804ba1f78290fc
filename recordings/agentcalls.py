"""Calls that agents make from the page (回拨): the agent's own telephone is called first, then the citizen.

A row is a call that was asked for, and what has come of it. While it goes on, its agent has no other and nobody else
calls that citizen: two indexes see to it. The gateway that takes it writes so down *before* it calls anybody, and holds
it by a lease: a row that was taken is never taken again, and one whose gateway has died ends as 中断. The citizen's
number stands in it only until the call is over. Moments are by the database's clock (`instant.read_clock`): page and
gateway may be two machines. The migrations make this table; a test keeps both equal.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Final

import sqlalchemy as sa

from recordings.callouts import callouts, switch
from recordings.instant import Instant
from recordings.schema import metadata

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from datetime import datetime

    from sqlalchemy.ext.asyncio import AsyncConnection

PURPOSE: Final = "人工回拨"
"""What such a call is for, as its journal's ``placed`` has it."""

PATIENCE: Final = timedelta(seconds=10)
"""How long a call that was asked for waits for a gateway with lines to spare."""

LEASE: Final = timedelta(seconds=60)
"""How long a gateway that is not heard of has a call."""

UNWRITTEN: Final = "the disk is full: neither recorded nor written down"
"""Why of a call that was talked there is no record, as its ``cause`` says."""

_SHOWN: Final = timedelta(minutes=2)  # how long the page tells what has come of a call


class Stage(StrEnum):
    """How far a call has come."""

    WAITING = "等待呼出"
    AGENT = "正在呼叫坐席"
    CITIZEN = "正在呼叫市民"
    TALKING = "通话中"
    OVER = "已结束"


class Outcome(StrEnum):
    """What has come of it."""

    TALKED = "已接通"
    NO_ANSWER = "无人接听"
    BUSY = "占线"
    DECLINED = "拒接"
    FAILED = "呼叫失败"
    AGENT_AWAY = "坐席未接听"
    AGENT_LEFT = "坐席先挂断"
    NO_LINE = "没有空闲线路"
    CUT = "中断"


class Clash(StrEnum):
    """Why a call cannot be asked for now."""

    AGENT = "agent"
    CITIZEN = "citizen"


_UNDER_WAY: Final = sa.text("ended_at IS NULL")

agent_calls = sa.Table(
    "agent_calls",
    metadata,
    sa.Column("call_id", sa.Text, primary_key=True),  # that the call has, once the citizen has answered
    sa.Column("about", sa.Text, sa.ForeignKey("calls.call_id", ondelete="CASCADE"), nullable=False),
    sa.Column("ticket", sa.Text, nullable=False),  # the first of that call's, "" for none
    sa.Column("hotline", sa.Text, nullable=False),  # the line that the citizen had called
    sa.Column("agent", sa.Text, nullable=False),
    sa.Column("extension", sa.Text, nullable=False),  # the agent's telephone
    sa.Column("number", sa.Text, nullable=False),  # the citizen's; "" once the call is over
    sa.Column(
        "discreet", sa.Boolean, nullable=False
    ),  # who answers must not learn by us that 12345 was called
    sa.Column("stage", sa.Text, nullable=False),
    sa.Column("outcome", sa.Text),  # null while it goes on
    sa.Column("cause", sa.Text, nullable=False),  # SIP's word for it
    sa.Column("talked_s", sa.Double, nullable=False),
    sa.Column("asked_at", Instant, nullable=False),
    sa.Column("node", sa.Integer),  # the gateway that has taken it
    sa.Column("lease_until", Instant),
    sa.Column("ended_at", Instant),
    sa.Index("ix_agent_calls_about", "about"),
    *(
        sa.Index(
            f"uq_agent_calls_{one}", one, unique=True, sqlite_where=_UNDER_WAY, postgresql_where=_UNDER_WAY
        )
        for one in ("agent", "number")
    ),
    sa.Index("ix_agent_calls_ended_at", "ended_at"),
    sa.CheckConstraint(
        "stage IN ('等待呼出', '正在呼叫坐席', '正在呼叫市民', '通话中', '已结束')", name="stage"
    ),
    sa.CheckConstraint(
        "outcome IN ('已接通', '无人接听', '占线', '拒接', '呼叫失败', "
        "'坐席未接听', '坐席先挂断', '没有空闲线路', '中断')",
        name="outcome",
    ),
)


@dataclass(frozen=True, slots=True)
class AgentCall:
    """A call that an agent asks for: see ``agent_calls``."""

    call_id: str
    about: str
    ticket: str
    hotline: str
    agent: str
    extension: str
    number: str
    discreet: bool = False


@dataclass(frozen=True, slots=True)
class Progress:
    """How an agent's call stands; ``outcome`` is "" while it goes on, ``talked_s`` the seconds that they talked."""

    agent: str
    about: str
    stage: str
    outcome: str
    talked_s: float


async def ask(connection: AsyncConnection, wanted: AgentCall, now: datetime) -> Clash | None:
    """Have a gateway make this call; or why it cannot be asked for now.

    Who claims a call of a list waits for it, and it for him: neither sees the citizen free while the other takes him.
    """
    await connection.execute(sa.select(switch.c.id).with_for_update())
    await sweep(connection, now)
    if clash := await _find_clash(connection, wanted, now):
        return clash
    row = {**asdict(wanted), "stage": Stage.WAITING, "cause": "", "talked_s": 0.0, "asked_at": now}
    try:
        async with connection.begin_nested():
            await connection.execute(sa.insert(agent_calls).values(row))
    except sa.exc.IntegrityError:  # another has asked at the same moment
        if clash := await _find_clash(connection, wanted, now):
            return clash
        raise
    return None


async def _find_clash(connection: AsyncConnection, wanted: AgentCall, now: datetime) -> Clash | None:
    under_way = agent_calls.c.ended_at.is_(None)
    if await connection.scalar(sa.select(sa.exists().where(under_way, agent_calls.c.agent == wanted.agent))):
        return Clash.AGENT
    called = sa.exists().where(under_way, agent_calls.c.number == wanted.number)
    placed = sa.exists().where(callouts.c.number == wanted.number, callouts.c.lease_until > now)
    return Clash.CITIZEN if await connection.scalar(sa.select(sa.or_(called, placed))) else None


async def has_work(connection: AsyncConnection, now: datetime) -> bool:
    """Whether ``take`` or ``sweep`` might find something: a query that takes no write lock."""
    waits = agent_calls.c.node.is_(None)
    query = sa.exists().where(agent_calls.c.ended_at.is_(None), sa.or_(waits, _is_led_no_more(now)))
    return bool(await connection.scalar(sa.select(query)))


async def take(connection: AsyncConnection, node: int, now: datetime) -> AgentCall | None:
    """The call that waits for longest, which is this gateway's from now on; None while there is none."""
    query = (
        sa.select(*(agent_calls.c[name] for name in AgentCall.__dataclass_fields__))
        .where(agent_calls.c.ended_at.is_(None), agent_calls.c.node.is_(None))
        .where(agent_calls.c.asked_at > now - PATIENCE)
        .order_by(agent_calls.c.asked_at)
        .limit(1)
        .with_for_update(skip_locked=True)
    )
    row = (await connection.execute(query)).first()
    if row is None:
        return None
    await connection.execute(
        sa.update(agent_calls)
        .where(agent_calls.c.call_id == row.call_id)
        .values(node=node, lease_until=now + LEASE, stage=Stage.AGENT)
    )
    return AgentCall(*row)


async def renew(connection: AsyncConnection, call_ids: Collection[str], now: datetime) -> None:
    """These calls go on."""
    mine = sa.and_(agent_calls.c.call_id.in_(call_ids), agent_calls.c.ended_at.is_(None))
    await connection.execute(sa.update(agent_calls).where(mine).values(lease_until=now + LEASE))


async def advance(connection: AsyncConnection, call_id: str, stage: Stage) -> None:
    """The call has come so far."""
    own = sa.and_(agent_calls.c.call_id == call_id, agent_calls.c.ended_at.is_(None))
    await connection.execute(sa.update(agent_calls).where(own).values(stage=stage))


async def conclude(
    connection: AsyncConnection,
    call_id: str,
    outcome: Outcome,
    now: datetime,
    *,
    cause: str = "",
    talked_s: float = 0.0,
) -> tuple[str, str] | None:
    """Write down what has come of a call; the id of the call that it is about, and its agent. None: it was known.

    A gateway that was taken for dead knows better.
    """
    told = sa.or_(agent_calls.c.outcome.is_(None), agent_calls.c.outcome == Outcome.CUT)
    own = sa.and_(agent_calls.c.call_id == call_id, told)
    ended = {"stage": Stage.OVER, "outcome": outcome, "cause": cause, "talked_s": talked_s, "number": ""}
    changed = await connection.execute(sa.update(agent_calls).where(own).values(**ended, ended_at=now))
    if changed.rowcount == 0:
        return None
    whose = sa.select(agent_calls.c.about, agent_calls.c.agent).where(agent_calls.c.call_id == call_id)
    row = (await connection.execute(whose)).one()
    return row.about, row.agent


async def sweep(connection: AsyncConnection, now: datetime) -> None:
    """End what no gateway has taken in time, and what the one that had it does not lead any more."""
    waits = sa.and_(agent_calls.c.node.is_(None), agent_calls.c.asked_at <= now - PATIENCE)
    await _end(connection, waits, Outcome.NO_LINE, now)
    await _end(connection, _is_led_no_more(now), Outcome.CUT, now)


def _is_led_no_more(now: datetime) -> sa.ColumnElement[bool]:
    """A lease from far ahead was written under a clock that has been set back since."""
    return sa.or_(agent_calls.c.lease_until < now, agent_calls.c.lease_until > now + 2 * LEASE)


async def cut_off(connection: AsyncConnection, node: int, now: datetime) -> None:
    """This node's gateway has just started: what it had before is over."""
    await _end(connection, agent_calls.c.node == node, Outcome.CUT, now)


async def _end(
    connection: AsyncConnection, which: sa.ColumnElement[bool], outcome: Outcome, now: datetime
) -> None:
    over = {"stage": Stage.OVER, "outcome": outcome, "number": "", "ended_at": now}
    await connection.execute(
        sa.update(agent_calls).where(which, agent_calls.c.ended_at.is_(None)).values(over)
    )


async def read_progress(connection: AsyncConnection, now: datetime) -> Sequence[Progress]:
    """How each agent's last call stands, of those that go on or have just ended; also while no gateway is there.

    One from far ahead was made under a clock that has been set back since, and hides none of now.
    """
    just_ended = agent_calls.c.ended_at.between(now - _SHOWN, now + _SHOWN)
    query = (
        sa.select(agent_calls)
        .where(sa.or_(agent_calls.c.ended_at.is_(None), just_ended))
        .order_by(agent_calls.c.asked_at)
    )
    last: dict[str, Progress] = {}
    for row in await connection.execute(query):
        stage, outcome = row.stage, row.outcome or ""
        if row.ended_at is None and row.node is None and row.asked_at <= now - PATIENCE:
            stage, outcome = Stage.OVER, Outcome.NO_LINE
        elif (
            row.ended_at is None
            and row.lease_until is not None
            and not now <= row.lease_until <= now + 2 * LEASE
        ):
            stage, outcome = Stage.OVER, Outcome.CUT
        last[row.agent] = Progress(row.agent, row.about, str(stage), str(outcome), row.talked_s)
    return tuple(last.values())
