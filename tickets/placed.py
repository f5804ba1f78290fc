"""Calls that we place: whom of those who were missed a machine may call back, and what came of a call.

The latter as its journal tells: for its row, and for the tickets that came of it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from recordings.agentcalls import PURPOSE
from recordings.callbacks import Missed, list_missed
from recordings.callouts import Wanted
from recordings.calloutwords import Kind, Result
from tickets.past import find_discreet

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime

    from sqlalchemy.ext.asyncio import AsyncConnection

    from recordings.entries import Concluded, Placed
    from tickets.legs import Leg
    from tickets.record import CallRecord


async def find_missed(
    connection: AsyncConnection, allows: Callable[[str], bool], now: datetime
) -> tuple[list[Wanted], int]:
    """The missed callers who wait to be called back, and how many more of them are left to people.

    Whoever said nothing may not have been able to speak: no machine calls him, nor a telephone whose holder must not
    learn that 12345 was called (`find_discreet`). Nor a number that ``allows`` refuses.
    """
    owed = await list_missed(connection, now)
    quiet = await find_discreet(connection, {one.caller for one in owed}, now)
    wanted = [
        Wanted(Kind.MISSED, one.caller, owed=one.call_id)
        for one in owed
        if one.missed != Missed.SILENT and one.caller not in quiet and allows(one.caller)
    ]
    return wanted, len(owed) - len(wanted)


class Made(NamedTuple):
    """The result of the attempt ``call_id``; ``solved`` is what was said of its ticket's matter, None for nothing."""

    call_id: str
    result: Result
    solved: bool | None
    at: datetime


def made(record: CallRecord) -> Made | None:
    """The result of a call that we have placed, once it has ended; None of any other.

    Nor of one that its gateway cut short before anybody said who he is: that one's end is unknown. What comes of an
    agent's call from the page is written by who has made it.
    """
    if record.placed is None or record.placed.purpose == PURPOSE or record.ended_at is None:
        return None
    if record.concluded is None and record.interrupted:
        return None
    solved = record.concluded.solved if record.concluded else None
    return Made(record.call_id, _result(record.concluded), solved, record.ended_at)


def give_reason(placed: Placed | None, concluded: Concluded | None) -> str | None:
    """Why a call that we have placed has no ticket of its own; None of any other."""
    return f"called by us ({placed.purpose}): {_result(concluded)}" if placed else None


def tell_agents_call(placed: Placed | None, legs: Sequence[Leg]) -> str | None:
    """Why an agent's call from the page makes no ticket: he writes what was said himself. None of any other."""
    if placed is None or placed.purpose != PURPOSE:
        return None
    about = f" about {placed.ticket}" if placed.ticket else ""
    return f"called by us ({PURPOSE}){about}: they talked for {round(sum(leg.talked for leg in legs))} s"


def may_tell(placed: Placed | None, concluded: Concluded | None) -> bool:
    """Whether what was said, and no question has asked for, may be a matter: not before he has said that he is the one.

    An answering machine speaks, too, and so does somebody else.
    """
    return placed is None or (concluded is not None and concluded.outcome != "other")


def tell_placed(placed: Placed | None) -> list[str]:
    """What a ticket tells of it: in which call of ours it came up."""
    if placed is None:
        return []
    about = f"(工单{placed.ticket})" if placed.ticket else ""
    return [f"在{placed.purpose}外呼{about}中反映"]


def _result(concluded: Concluded | None) -> Result:
    if concluded is None:
        return Result.NOBODY
    return {"other": Result.WRONG, "done": Result.DONE}.get(concluded.outcome, Result.CUT)
