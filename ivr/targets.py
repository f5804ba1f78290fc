"""The form of a target in the hotlines file, as an operator writes it; `ivr.target` is what becomes of it."""

from __future__ import annotations

import ipaddress
import re
from datetime import time
from typing import TYPE_CHECKING, Annotated, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from config.calendar import Calendar, CalendarDays
from ivr.target import Hours, Keeper, Kind, Target, Transfer

if TYPE_CHECKING:
    from collections.abc import Mapping

_Day = Annotated[int, Field(ge=1, le=7)]
_TIME = re.compile(r"([01][0-9]|2[0-3]):[0-5][0-9]")
_LONGEST_URI = 200
_LONGEST_PORT = 65535
_NUMBERS = re.compile(r"[0-9.]+")
_URI = re.compile(  # RFC 3261, 25.1, without passwords and headers, which would be the caller's or nobody's
    r"sips?:(?:(?:[A-Za-z0-9_.!~*'()&=+$,;?/-]|%[0-9A-Fa-f]{2})+@)?"
    r"(?:\[([0-9A-Fa-f:.]+)\]|([A-Za-z0-9](?:[A-Za-z0-9_.-]*[A-Za-z0-9])?))"
    r"(?::([0-9]{1,5}))?(?:;[A-Za-z0-9_.!~*'()%+:=-]+)*"
)


def _check_clock(text: str) -> str:
    if _TIME.fullmatch(text) is None:
        raise ValueError(f'{text[:20]!r} is no time of day: write "08:30"; midnight is "00:00"')
    return text


def _check_uri(text: str) -> str:
    """A SIP URI that can be called; that it cannot, an operator is to learn before a caller does."""
    found = _URI.fullmatch(text)
    if found is None or len(text) > _LONGEST_URI or int(found[3] or 1) not in range(1, _LONGEST_PORT + 1):
        raise ValueError(
            f"{text[:80]!r} is no SIP address: write sip:USER@HOST or sip:USER@HOST:PORT, as sip:9000@10.0.0.5"
        )
    literal = found[1] or found[2]
    if found[1] or _NUMBERS.fullmatch(literal):
        try:
            ipaddress.ip_address(literal)
        except ValueError:
            raise ValueError(f"{literal!r} is no IP address: write 10.0.0.5, or [2001:db8::1]") from None
    return text


_Clock = Annotated[str, AfterValidator(_check_clock)]


class _Part(BaseModel):
    model_config = ConfigDict(defer_build=True, frozen=True)


class HoursPart(_Part):
    """``hours:`` from one time of the clock to another, on these days of the week (1 is Monday) or of the calendar."""

    days: Annotated[tuple[_Day, ...], Field(min_length=1)] | Literal["workdays", "restdays"] = (
        1,
        2,
        3,
        4,
        5,
        6,
        7,
    )
    since: _Clock = Field(alias="from")
    until: _Clock


class TargetPart(_Part):
    """One target of a reason."""

    name: str = Field(min_length=1)
    uri: Annotated[str, AfterValidator(_check_uri)]
    hours: tuple[HoursPart, ...] = ()
    ring_seconds: Annotated[float, Field(gt=0, le=600)] = 30.0
    kind: Kind = "queue"
    ticket: Keeper = "ours"
    keys: bool = True
    trunk: str = ""
    call_id_header: Annotated[str, Field(pattern=r"^[A-Za-z0-9-]*$")] = ""
    early_media: bool = False
    whisper: bool = True
    transfer: Transfer = "warm"
    three_way: bool = False

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.transfer == "cold" and not self.trunk:
            raise ValueError(
                "transfer: cold needs the trunk whose other side is to call the target: add `trunk:`"
            )
        if self.transfer == "cold" and self.kind == "personal":
            raise ValueError(
                "a personal telephone is to press 1, which nobody can ask of it after transfer: cold"
            )
        return self


TargetsPart = dict[Annotated[str, Field(pattern=r"^[a-z_]+$")], tuple[TargetPart, ...]]
"""``targets:`` by reason, each reason's in the order in which they are tried."""


def make_targets(
    parts: Mapping[str, tuple[TargetPart, ...]], calendar: Calendar
) -> dict[str, tuple[Target, ...]]:
    """The targets by reason; a reason that is given none has none."""
    return {
        reason: tuple(_make(part, calendar) for part in listed) for reason, listed in parts.items() if listed
    }


def _make(part: TargetPart, calendar: Calendar) -> Target:
    return Target(
        name=part.name,
        uri=part.uri,
        hours=tuple(make_hours(hours, calendar) for hours in part.hours),
        ring_seconds=part.ring_seconds,
        kind=part.kind,
        ticket=part.ticket,
        keys=part.keys,
        trunk=part.trunk,
        call_id_header=part.call_id_header,
        early_media=part.early_media,
        whisper=part.whisper,
        transfer=part.transfer,
        three_way=part.three_way,
    )


def make_hours(part: HoursPart, calendar: Calendar) -> Hours:
    """The stretch, its days those of this calendar."""
    named = part.days
    days = CalendarDays(calendar, named == "workdays") if isinstance(named, str) else frozenset(named)
    return Hours(days, time.fromisoformat(part.since), time.fromisoformat(part.until))
