"""Leads callers who are on the nuisance list by the dialogue that refuses them."""

from __future__ import annotations

import logging
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING

from gateway.calls.access import Access
from gateway.calls.followed import Followed
from gateway.calls.nuisances import FILE, read_nuisances
from gateway.calls.turned_away import Called
from gateway.site import metrics
from tickets.number import CITY_TIME

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from gateway.calls.access import Nuisance
    from gateway.calls.switchboard import Switchboard
    from gateway.calls.turned_away import TurnedAway
    from gateway.sip.incoming import Incoming
    from ivr.flow import Flow
    from ivr.hotline import Found

log = logging.getLogger(__name__)


def follow_nuisances(data: Path) -> Followed[Mapping[str, Nuisance]]:
    """The list of this data folder."""
    return Followed(data / FILE, partial(read_nuisances, data), {}, _tell)


def refuse_by(flow: Flow, nuisances: Followed[Mapping[str, Nuisance]]) -> Callable[[Found, str], Found]:
    """How a line answers a caller at this moment, by its ``Found`` and his number; a refusal is counted."""

    def lead(found: Found, caller: str) -> Found:
        led = Access(flow, nuisances.value).lead(found, caller, datetime.now(UTC))
        if led is not found:
            metrics.NUISANCES.inc()
            log.info("a caller on the nuisance list is refused")
        return led

    return lead


async def keep_refused(
    turned_away: TurnedAway, switchboard: Switchboard, nuisances: Followed[Mapping[str, Nuisance]]
) -> None:
    """Have those who find no line free listed for a call back, until cancelled; probes call again by themselves."""

    def find(incoming: Incoming) -> Called:
        now = datetime.now(UTC)
        hotlines = switchboard.dialogue.hotlines
        line = hotlines.find(incoming.dialled, now.astimezone(CITY_TIME).date()).hotline
        entry = nuisances.value.get(incoming.caller)
        barred = entry is not None and entry.since <= now < entry.until
        return Called(line.number, line.anonymous, barred)

    def note(incoming: Incoming) -> None:
        if not switchboard.is_probe(incoming):
            turned_away.note(incoming)

    switchboard.refused = note
    await turned_away.run(find)


def _tell(nuisances: Mapping[str, Nuisance]) -> None:
    log.info("nuisance list", extra={"callers": len(nuisances)})
