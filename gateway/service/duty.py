"""What a gateway knows of the duty switch: told by whoever throws it, looked up besides, never waited for by a call."""

from __future__ import annotations

import logging
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING

from config.duty import Duty, place_of, read_duty
from gateway.calls.followed import Followed
from gateway.site import metrics

if TYPE_CHECKING:
    from pathlib import Path

log = logging.getLogger(__name__)


def follow_duty(data: Path) -> Followed[Duty]:
    """The switch of this data folder, its orders counted."""
    duty = Followed(place_of(data), partial(read_duty, data), Duty(), _tell)
    metrics.DUTY.set_function(lambda: len(duty.value.in_force(datetime.now(UTC))))
    return duty


def _tell(duty: Duty) -> None:
    orders = duty.in_force(datetime.now(UTC))
    for order in orders:
        until = order.until.isoformat() if order.until else ""
        told = {"hotline": order.line, "until": until, "by": order.by, "why": order.why}
        log.warning("callers are passed to a person at once", extra=told)
    if not orders:
        log.warning("callers are led by the dialogue again")
