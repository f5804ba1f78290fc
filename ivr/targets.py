"""The form of a target in the hotlines file, as an operator writes it; `ivr.target` is what becomes of it."""

from __future__ import annotations

from datetime import time
from typing import TYPE_CHECKING, Annotated

from pydantic import BaseModel, ConfigDict, Field

from ivr.target import Hours, Keeper, Kind, Target

if TYPE_CHECKING:
    from collections.abc import Mapping

_Day = Annotated[int, Field(ge=1, le=7)]
_Clock = Annotated[str, Field(pattern=r"^([01][0-9]|2[0-3]):[0-5][0-9]$")]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True)


class HoursPart(_Part):
    """``hours:`` from one time of the clock to another, on these days of the week (1 is Monday)."""

    days: tuple[_Day, ...] = Field(default=(1, 2, 3, 4, 5, 6, 7), min_length=1)
    since: _Clock = Field(alias="from")
    until: _Clock


class TargetPart(_Part):
    """One target of a reason."""

    name: str = Field(min_length=1)
    uri: Annotated[str, Field(pattern=r"^sips?:[^\s<>\"]+$")]
    hours: tuple[HoursPart, ...] = ()
    ring_seconds: Annotated[float, Field(gt=0, le=600)] = 30.0
    kind: Kind = "queue"
    ticket: Keeper = "ours"
    keys: bool = True
    trunk: str = ""


TargetsPart = dict[Annotated[str, Field(pattern=r"^[a-z_]+$")], tuple[TargetPart, ...]]
"""``targets:`` by reason, each reason's in the order in which they are tried."""


def make_targets(parts: Mapping[str, tuple[TargetPart, ...]]) -> dict[str, tuple[Target, ...]]:
    """The targets by reason; a reason that is given none has none."""
    return {reason: tuple(_make(part) for part in listed) for reason, listed in parts.items() if listed}


def _make(part: TargetPart) -> Target:
    return Target(
        name=part.name,
        uri=part.uri,
        hours=tuple(_make_hours(hours) for hours in part.hours),
        ring_seconds=part.ring_seconds,
        kind=part.kind,
        ticket=part.ticket,
        keys=part.keys,
        trunk=part.trunk,
    )


def _make_hours(part: HoursPart) -> Hours:
    return Hours(frozenset(part.days), time.fromisoformat(part.since), time.fromisoformat(part.until))
