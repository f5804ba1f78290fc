"""What a gateway knows of the duty switch: told by whoever throws it, looked up besides, never waited for by a call."""

from __future__ import annotations

import logging
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Final

from config.duty import Duty, place_of, read_duty
from gateway.calls.followed import Followed
from gateway.site import metrics
from ivr.flow import Connect, Step
from tickets.number import CITY_TIME

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from ivr.hotline import Hotline, Hotlines

log = logging.getLogger(__name__)

_SHOWN: Final = 3  # numbers of lines that one message names


def follow_duty(data: Path) -> Followed[Duty]:
    """The switch of this data folder, its orders counted."""
    duty = Followed(place_of(data), partial(read_duty, data), Duty(), _tell)
    metrics.DUTY.set_function(lambda: len(duty.value.in_force(datetime.now(UTC))))
    return duty


def find_idle(duty: Duty, hotlines: Hotlines, now: datetime) -> Iterator[str]:
    """What of the orders in force passes nobody on: those of no line, and lines that name nobody to pass calls to."""
    today = now.astimezone(CITY_TIME).date()
    for order in duty.in_force(now):
        lines = [line for line in hotlines if line.is_in_force(today) and order.line in ("", line.number)]
        if not lines:
            yield f"{order.line}: 没有这条热线 / there is no such line: see the hotlines file"
        alone = [line.number for line in lines if not _reaches(line)]
        if alone:
            names = ", ".join(alone[:_SHOWN]) + (f" … ({len(alone)})" if len(alone) > _SHOWN else "")
            yield (
                f"{names}: 没有可转接的人,来电人只能留言 / nobody to pass callers to, they can but leave a message:"
                " 在热线文件中写明 targets / name `targets` in the hotlines file"
            )


def _reaches(line: Hotline) -> bool:
    """Whether the line names somebody for where a call of the duty switch is led to; by steps alone (`ivr.proof`)."""
    node = line.flow.nodes[line.flow.duty]
    while isinstance(node, Step):
        node = line.flow.nodes[node.next]
    return isinstance(node, Connect) and bool(line.targets.get(node.reason))


def _tell(duty: Duty) -> None:
    orders = duty.in_force(datetime.now(UTC))
    for order in orders:
        until = order.until.isoformat() if order.until else ""
        told = {"hotline": order.line, "until": until, "by": order.by, "why": order.why}
        log.warning("callers are passed to a person at once", extra=told)
    if not orders:
        log.warning("callers are led by the dialogue again")
