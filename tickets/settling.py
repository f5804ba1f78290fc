"""Writing down in the outbox what came of posts, and what is not to be posted."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

import structlog

from tickets import outbox
from tickets.client import Accepted, Barred, Lost, Rejected, Unavailable
from tickets.sms.message import give_up_old

if TYPE_CHECKING:
    from collections.abc import Collection
    from datetime import datetime

    from sqlalchemy.ext.asyncio import AsyncConnection

    from tickets.client import Outcome
    from tickets.sms.message import Writer

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Settled:
    """What came of one post; ``delay_s`` is how long until the next attempt, if there is to be one."""

    parcel: outbox.Parcel
    outcome: Outcome
    delay_s: float = 0.0


async def record(connection: AsyncConnection, settled: Settled, writer: Writer | None, now: datetime) -> None:
    """Write it down; whose ticket was accepted is told so by ``writer``, in the same transaction."""
    row = settled.parcel.id
    match settled.outcome:
        case Accepted(receipt):
            await outbox.accept(connection, row, receipt.model_dump(mode="json"), now)
            if writer is not None and settled.parcel.kind == "ticket":
                await writer.tell_accepted(connection, settled.parcel.document, now)
        case Rejected(status, detail):
            await outbox.bury(connection, row, f"HTTP {status}: {detail}", now)
        case Lost(reason):
            await outbox.bury(connection, row, reason, now)
        case Barred(status, detail):
            until = now + timedelta(seconds=settled.delay_s)
            reason = f"HTTP {status}: {detail}" if detail else f"HTTP {status}"
            await outbox.postpone(connection, row, reason, until, held=False)
        case Unavailable(reason, hold_s):
            until = now + timedelta(seconds=settled.delay_s)
            await outbox.postpone(connection, row, reason, until, held=hold_s is not None)


async def clear(connection: AsyncConnection, withheld: Collection[outbox.Kind], now: datetime) -> None:
    """Settle what waits of the kinds that nobody takes, and messages that are no news any more."""
    for kind in withheld:
        if count := await outbox.withhold(connection, kind, now):
            _log.info("switched off: none is posted", kind=kind, withheld=count)
    if old := await give_up_old(connection, now):
        _log.warning("messages not sent within a day are given up", messages=old)
