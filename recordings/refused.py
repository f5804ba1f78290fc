"""Calls that were refused because no line was free: one row a caller, for a call back."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime  # noqa: TC003 - a refused caller is read from a file by his fields' types
from typing import TYPE_CHECKING, Final

from recordings import catalogue, worklist
from recordings.callbacks import Missed
from recordings.catalogue import CallRow
from recordings.worklist import State, WorkRow

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy.ext.asyncio import AsyncConnection

REASON: Final = "refused: no line was free"
LOOK_LAST: Final = 6
"""Of the ranks of the agents' list that of what needs no look first; see ``tickets.worklist``."""


@dataclass(frozen=True, slots=True)
class Refused:
    """A caller who was refused, ``tries`` times, the last time ``at``; ``called`` as received, ``hotline`` the line's.

    ``barred``: he is on the nuisance list.
    """

    call_id: str
    sip_call_id: str
    caller: str
    called: str
    hotline: str
    at: datetime
    tries: int
    barred: bool


async def store(connection: AsyncConnection, refused: Sequence[Refused], node: int) -> None:
    """Put them on file; harmless again."""
    await catalogue.store(connection, [_describe(one, node) for one in refused])
    await worklist.store(connection, [_list(one) for one in refused])


def _describe(one: Refused, node: int) -> CallRow:
    return CallRow(
        call_id=one.call_id,
        sip_call_id=one.sip_call_id,
        caller=one.caller,
        called=one.called,
        hotline=one.hotline,
        flow="",
        node=node,
        started_at=one.at,
        answered_at=None,
        ended_at=one.at,
        duration_s=None,
        hung_up_by="gateway",
        cause="503",
        interrupted=False,
        reason=REASON,
        folder="",
        late="none",
    )


def _list(one: Refused) -> WorkRow:
    return WorkRow(
        call_id=one.call_id,
        hotline=one.hotline,
        started_at=one.at,
        duration_s=None,
        title="",
        appeal="",
        county="",
        township="",
        urgency="一般",
        interrupted=False,
        call_back=False,
        low_confidence=False,
        place_missing=False,
        rank=LOOK_LAST,
        state=State.EMPTY,
        missed=Missed.BARRED if one.barred else Missed.REFUSED,
        tries=one.tries,
    )
