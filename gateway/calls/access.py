"""Callers who are not put through: who is on the list now, and how a call of theirs is led; and probes."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from ivr.flow import Flow
    from ivr.hotline import Found


@dataclass(frozen=True, slots=True)
class Nuisance:
    """A calling number, as dialled within the country, that is refused until ``until``; why, and who said so when."""

    number: str
    reason: str
    until: datetime
    who: str
    since: datetime


@dataclass(frozen=True, slots=True)
class Access:
    """The list of one moment and the dialogue of those on it: one value, taken by a call at its admission."""

    flow: Flow
    nuisances: Mapping[str, Nuisance]

    def decide(self, caller: str, at: datetime) -> Nuisance | None:
        """What keeps this caller from being put through at that time; None lets him."""
        found = self.nuisances.get(caller)
        return found if found is not None and found.since <= at < found.until else None

    def lead(self, found: Found, caller: str, at: datetime) -> Found:
        """The line as it answers this caller: one on the list gets the dialogue that refuses him.

        On an anonymous line nobody looks who calls.
        """
        if found.hotline.anonymous or self.decide(caller, at) is None:
            return found
        hotline = dataclasses.replace(found.hotline, flow=self.flow, openings={}, appeal=None)
        return dataclasses.replace(found, hotline=hotline)


def keep_here(found: Found) -> Found:
    """The line as it answers a probe: put through to nobody, as on a line that has nobody."""
    return dataclasses.replace(found, hotline=dataclasses.replace(found.hotline, targets={}))
