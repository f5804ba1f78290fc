"""The public lines that this gateway answers for, and which of them a call is for."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from datetime import date

    from ivr.actions import Prompt
    from ivr.flow import Flow
    from ivr.matter import AppealType
    from ivr.target import Target

Mode = Literal["总线", "整体并入", "双号并行", "设分中心", "转接"]
"""The front door itself; merged into it; parallel numbers; a department's sub-centre; passed on."""

Source = Literal["request-uri", "diversion", "history-info", "to"]
"""Where in an INVITE a number stands (RFC 3261, 5806, 7044)."""

_SCHEME = re.compile(r"^(?:tel|sips?):", re.IGNORECASE)
_COUNTRY = re.compile(r"^(?:\+|00)86")


@dataclass(frozen=True, slots=True)
class Called:
    """A number that an INVITE names as called, as it came, and where it stood."""

    number: str
    source: Source


@dataclass(frozen=True, slots=True)
class Hotline:
    """One public line, as it is answered from ``since`` to ``until`` (both included; None: without bound).

    ``openings`` replace the prompts of the flow's opening questions, by the question's name. ``appeal`` is the kind of
    appeal its calls have unless the caller names another, ``category`` the one to three levels of their category.
    Of an ``anonymous`` line nothing is kept that tells who called or what was said, but a number that the caller has
    agreed to be called back at; whom it is passed on to is told neither who calls, nor what for, nor the call's id.
    ``targets`` are those whom its calls are passed on to, by reason, in the order in which they are tried.
    """

    number: str
    name: str
    department: str
    mode: Mode
    flow: Flow
    appeal: AppealType | None = None
    category: tuple[str, ...] = ()
    openings: Mapping[str, Prompt] = field(default_factory=dict)
    anonymous: bool = False
    targets: Mapping[str, tuple[Target, ...]] = field(default_factory=dict)
    since: date | None = None
    until: date | None = None

    def is_in_force(self, day: date) -> bool:
        """Whether the line is answered so on that day."""
        return (self.since is None or self.since <= day) and (self.until is None or day <= self.until)


@dataclass(frozen=True, slots=True)
class Found:
    """The line a call is for, and what named it; ``called`` None: nothing did, and the front door answers."""

    hotline: Hotline
    called: Called | None


@dataclass(frozen=True, slots=True)
class Hotlines:
    """All lines by number, each with its entries in the order of time."""

    area_code: str
    front: Hotline
    by_number: Mapping[str, tuple[Hotline, ...]]

    def __len__(self) -> int:
        return len(self.by_number)

    def __iter__(self) -> Iterator[Hotline]:
        return (line for lines in self.by_number.values() for line in lines)

    @property
    def openings(self) -> tuple[Prompt, ...]:
        """The openings of all lines, those out of force today among them."""
        return tuple(prompt for line in self for prompt in line.openings.values())

    @property
    def flows(self) -> tuple[Flow, ...]:
        """Every flow that a line is answered with, once."""
        return tuple({id(line.flow): line.flow for line in self}.values())

    def names_on(self, day: date) -> dict[str, str]:
        """Each line's name on that day, by number: out of force, its last one before, else its first to come."""
        begun = {
            n: [x for x in lines if x.since is None or x.since <= day] for n, lines in self.by_number.items()
        }
        return {n: begun[n][-1].name if begun[n] else lines[0].name for n, lines in self.by_number.items()}

    def look_up(self, number: str, day: date) -> Hotline | None:
        """The line of that number, however it is spelled, on that day; None if it is none of ours."""
        lines = self.by_number.get(normalise(number, self.area_code), ())
        return next((line for line in lines if line.is_in_force(day)), None)

    def find(self, called: Sequence[Called], day: date) -> Found:
        """The line that the caller wants, of all the numbers his INVITE names, in the order they are given.

        1. A line that is passed on (转接) wins wherever it stands: who dialled the psychological-aid line is never
           greeted as anything else, whatever the way his call took.
        2. The Request-URI (RFC 3261, 8.1.1.1) is where the call is sent. When it names a line of its own, that line
           is answered: who forwarded the call there has chosen it.
        3. When it names the front door, or none of our lines (the gateway's own number, a trunk's), the call may have
           been forwarded. What the caller dialled is the earliest of our lines in Diversion (RFC 5806), else in
           History-Info (RFC 7044): his opening and his category are that line's. Diversion comes first, because it
           names only who forwarded the call, where History-Info holds every hop of its routing. Numbers that are none
           of ours are passed over.
        4. To (RFC 3261, 8.1.1.2) is what was dialled at first, and a network that only replaces the Request-URI
           leaves it as it was; but the caller's side writes it, so it counts last.
        5. A call that names no line of ours is answered as the front door.
        """
        named = [
            Found(line, number) for number in called if (line := self.look_up(number.number, day)) is not None
        ]
        passed_on = next((found for found in named if found.hotline.mode == "转接"), None)
        if passed_on is not None:
            return passed_on
        addressed = next((f for f in named if f.called and f.called.source == "request-uri"), None)
        if addressed is not None and addressed.hotline is not self.front:
            return addressed
        dialled = next((found for found in named if found is not addressed), None)
        if dialled is not None and dialled.hotline is not self.front:
            return dialled
        return addressed or dialled or Found(self.front, None)


def normalise(called: str, area_code: str) -> str:
    """The called number without scheme, host, parameters, signs, country and area code."""
    user = _SCHEME.sub("", called.strip().strip("<>")).partition("@")[0].partition(";")[0]
    digits = re.sub(r"[^0-9+]", "", user)
    local = re.sub(rf"^(?:(?:\+|00)?860?|0){area_code[1:]}", "", digits)
    return _COUNTRY.sub("", local) if local == digits else local
