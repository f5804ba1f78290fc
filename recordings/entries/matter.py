"""What the call is about: its matters as they grow, and their ticket numbers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from recordings.entries.entry import Entry, kept, kept_once, withheld


@dataclass(frozen=True, slots=True)
class Spoken:
    """One phrase of a matter, as recognised; see ``ivr.matter.Spoken``."""

    text: str = withheld("")
    start: float = kept(0.0)
    end: float = kept(0.0)
    confidence: float = kept(0.0)
    confirmed: bool = kept(default=True)


@dataclass(frozen=True, slots=True)
class Window:
    """A stretch of the recording in which the caller was asked to speak; ``end`` None: still open."""

    start: float = kept(0.0)
    end: float | None = kept(None)


@dataclass(frozen=True, slots=True)
class Matter(Entry):
    """A matter as the dialogue knows it from now on; see ``ivr.matter.Matter``. ``index`` -1: unknown, of no use.

    On an anonymous line its contact is kept once the caller has agreed to be called back there.
    """

    kind: ClassVar = "matter"

    index: int = kept(-1)
    appeal: str | None = kept(None)
    spoken: tuple[Spoken, ...] = withheld(())
    windows: tuple[Window, ...] = kept(())
    place: str = withheld("")
    place_name: str = withheld("")
    brief: str = withheld("")
    contact: str = kept_once("contact_confirmed", "")
    contact_confirmed: bool = kept(default=False)
    call_back: str = kept("")
    danger: bool = kept(default=False)
    confirmed: bool = kept(default=False)
    complete: bool = kept(default=False)
    told_with: int = kept(-1)
    idle: bool = kept(default=False)
    joins: str = withheld("")
    repeats: str = withheld("")
    identity: str = withheld("")
    day: str = withheld("")


@dataclass(frozen=True, slots=True)
class Number(Entry):
    """The ticket number of a matter; ``matter`` -1 or ``number`` "": unknown, of no use."""

    kind: ClassVar = "number"

    matter: int = kept(-1)
    number: str = kept("")


@dataclass(frozen=True, slots=True)
class Rated(Entry):
    """The caller has said what he thinks of the outcome of a ticket (满意度)."""

    kind: ClassVar = "rated"

    ticket: str = withheld("")
    rating: str = withheld("")


@dataclass(frozen=True, slots=True)
class Alarm(Entry):
    """From now on somebody is in danger in a matter: the intake is to know at once. ``matter`` -1: unknown, of no use.

    ``risk`` is the kind of danger that ``words`` tell of (``tickets.meaning.risk``); both "" when a key told of it.
    """

    kind: ClassVar = "alarm"

    matter: int = kept(-1)
    risk: str = withheld("")
    words: str = withheld("")


@dataclass(frozen=True, slots=True)
class Understood(Entry):
    """What a matter's words were understood to mean, for its ticket; see ``tickets.understood``.

    ``rules`` is the version of the rules, ``of`` a digest of all that they were given: as long as that is the same,
    this stands, whatever the rules become. ``code`` is the county's, ``division`` the 12 digits
    of the smallest division that is certain. ``lead_unit`` to ``assigned_by`` are who should handle it, within how many
    working days, and why; "" and 0 when that is not known.
    """

    kind: ClassVar = "understood"

    matter: int = kept(-1)
    rules: str = kept("")
    of: str = withheld("")
    appeal: str | None = withheld(None)
    title: str = withheld("")
    category: tuple[str, ...] = withheld(())
    urgency: str = withheld("")
    occurred: str = withheld("")
    keywords: tuple[str, ...] = withheld(())
    code: str = withheld("")
    division: str = withheld("")
    county: str = withheld("")
    township: str = withheld("")
    village: str = withheld("")
    address: str = withheld("")
    said: str = withheld("")
    longitude: float | None = withheld(None)
    latitude: float | None = withheld(None)
    lead_unit: str = withheld("")
    support_units: tuple[str, ...] = withheld(())
    days: int = withheld(0)
    assigned_by: str = withheld("")
    notes: tuple[str, ...] = withheld(())
