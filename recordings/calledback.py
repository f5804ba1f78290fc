"""What a call that we place does for a call back that is owed (待回电): it is one attempt, kept beside the agents'.

So is one that an agent makes from the page and that nobody answers. Whether one that was answered has reached the
caller, only the agent knows: a voicemail answers, too.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import sqlalchemy as sa

from recordings import agentcalls
from recordings.agentcalls import Outcome
from recordings.callbacks import Result as Attempted
from recordings.callbacks import note_attempt, owed_calls
from recordings.callouts import callouts, settle
from recordings.calloutwords import Result

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from sqlalchemy.ext.asyncio import AsyncConnection

AGENT: Final = "自动外呼"
"""Who has made the attempt, beside the agents' names."""

_RESULTS: Final[Mapping[Result, tuple[Attempted, str]]] = {
    Result.DONE: (Attempted.REACHED, ""),
    Result.CUT: (Attempted.NO_ANSWER, "本人确认后挂断"),
    Result.WRONG: (Attempted.WRONG, "接听的不是本人"),
    Result.NOBODY: (Attempted.NO_ANSWER, "接通后无人确认"),
    Result.BUSY: (Attempted.BUSY, ""),
    Result.NO_ANSWER: (Attempted.NO_ANSWER, ""),
}

_NOT_ANSWERED: Final[Mapping[Outcome, tuple[Attempted, str]]] = {
    Outcome.NO_ANSWER: (Attempted.NO_ANSWER, "回拨"),
    Outcome.BUSY: (Attempted.BUSY, "回拨"),
    Outcome.DECLINED: (Attempted.NO_ANSWER, "回拨,对方拒接"),
}


async def leave_made(connection: AsyncConnection, now: datetime) -> None:
    """Call nobody any more whose call back is owed no more: an agent has made it, or he has called again."""
    over = sa.and_(
        callouts.c.state == "waiting",
        callouts.c.holder.is_(None),
        callouts.c.owed != "",
        callouts.c.owed.not_in(owed_calls(now)),
    )
    await connection.execute(sa.update(callouts).where(over).values(state="done", settled_at=now))


async def note_result(
    connection: AsyncConnection,
    call_id: str,
    result: Result,
    now: datetime,
    *,
    cause: str = "",
    solved: bool | None = None,
    again: datetime | None = None,
) -> None:
    """Write down what came of an attempt, see `settle`: also with the call for which a call back was owed."""
    owed = await settle(connection, call_id, result, now, cause=cause, solved=solved, again=again)
    if owed and result in _RESULTS:
        await note_attempt(connection, owed, AGENT, *_RESULTS[result], now)


async def note_outcome(
    connection: AsyncConnection,
    call_id: str,
    outcome: Outcome,
    now: datetime,
    *,
    cause: str = "",
    talked_s: float = 0.0,
) -> None:
    """Write down what has come of an agent's call, see `agentcalls.conclude`: also with the call that it is about."""
    told = await agentcalls.conclude(connection, call_id, outcome, now, cause=cause, talked_s=talked_s)
    if told is not None and outcome in _NOT_ANSWERED:
        about, agent = told
        await note_attempt(connection, about, agent, *_NOT_ANSWERED[outcome], now)
