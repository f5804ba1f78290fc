"""What the dialogue took in, one kind for each class of ``ivr.events``, where the fields are explained."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from recordings.entries.entry import Entry, kept, withheld


@dataclass(frozen=True, slots=True)
class Event(Entry):
    """Something happened to the dialogue ``at`` seconds after the answer."""

    at: float = kept(0.0)


@dataclass(frozen=True, slots=True)
class AnsweredEvent(Event):
    """The dialogue began; ``hears`` false: nobody listened from the start."""

    kind: ClassVar = "event.answered"

    caller: str = withheld("")
    hotline: str = kept("")
    hears: bool = kept(default=True)


@dataclass(frozen=True, slots=True)
class DigitEvent(Event):
    """A key."""

    kind: ClassVar = "event.digit"

    key: str = withheld("")


@dataclass(frozen=True, slots=True)
class SpeechStartedEvent(Event):
    """The caller began to speak."""

    kind: ClassVar = "event.speech_started"

    start: float = kept(0.0)


@dataclass(frozen=True, slots=True)
class WordsBeganEvent(Event):
    """The first words of a phrase that went on were understood."""

    kind: ClassVar = "event.words_began"

    start: float = kept(0.0)


@dataclass(frozen=True, slots=True)
class AlarmedEvent(Event):
    """The words of a phrase told of danger."""

    kind: ClassVar = "event.alarmed"

    risk: str = withheld("")
    words: str = withheld("")
    start: float = kept(0.0)


@dataclass(frozen=True, slots=True)
class HeardEvent(Event):
    """A phrase ended, and the dialogue took it."""

    kind: ClassVar = "event.heard"

    text: str = withheld("")
    confidence: float = kept(0.0)
    start: float = kept(0.0)
    end: float = kept(0.0)
    level: float = kept(0.0)
    confirmed: bool = kept(default=True)
    pitched: bool = kept(default=True)


@dataclass(frozen=True, slots=True)
class PromptEndedEvent(Event):
    """A prompt came to its end."""

    kind: ClassVar = "event.prompt_ended"

    id: int = kept(0)


@dataclass(frozen=True, slots=True)
class ElapsedEvent(Event):
    """A deadline passed."""

    kind: ClassVar = "event.elapsed"


@dataclass(frozen=True, slots=True)
class Candidate:
    """A place that may be meant; see ``ivr.matter.Candidate``."""

    name: str = withheld("")
    place: str = withheld("")
    place_name: str = withheld("")
    phrases: tuple[str, ...] = withheld(())


@dataclass(frozen=True, slots=True)
class LookedUpEvent(Event):
    """What the gazetteer made of the caller's words."""

    kind: ClassVar = "event.looked_up"

    place_name: str = withheld("")
    brief: str = withheld("")
    candidates: tuple[Candidate, ...] = withheld(())
    further: tuple[int, ...] = withheld(())
    answer: str = withheld("")


@dataclass(frozen=True, slots=True)
class InformedEvent(Event):
    """What was told of a ticket."""

    kind: ClassVar = "event.informed"

    id: int = kept(0)
    outcome: str = kept("away")
    ticket: str = withheld("")
    status: str = withheld("")
    handled: bool = withheld(default=False)
    text: str = withheld("")
    of: str = kept("")
    cut: bool = withheld(default=False)


@dataclass(frozen=True, slots=True)
class SubmittedEvent(Event):
    """A matter got its ticket."""

    kind: ClassVar = "event.submitted"

    matter: int = kept(0)
    number: str = kept("")


@dataclass(frozen=True, slots=True)
class EarLostEvent(Event):
    """Nobody listens any more."""

    kind: ClassVar = "event.ear_lost"


@dataclass(frozen=True, slots=True)
class EarCheckedEvent(Event):
    """Speech recognition has come or gone."""

    kind: ClassVar = "event.ear_checked"

    there: bool = kept(default=False)


@dataclass(frozen=True, slots=True)
class ResumedEvent(Event):
    """The caller took the line from hold, after ``held`` seconds."""

    kind: ClassVar = "event.resumed"

    held: float = kept(0.0)


@dataclass(frozen=True, slots=True)
class CallingEvent(Event):
    """A target is being called."""

    kind: ClassVar = "event.calling"

    id: int = kept(0)
    target: str = kept("")


@dataclass(frozen=True, slots=True)
class ConnectedEvent(Event):
    """A target has taken the call."""

    kind: ClassVar = "event.connected"

    id: int = kept(0)
    target: str = kept("")


@dataclass(frozen=True, slots=True)
class RefusedEvent(Event):
    """Nobody was reached."""

    kind: ClassVar = "event.refused"

    id: int = kept(0)
    why: str = kept("failed")


@dataclass(frozen=True, slots=True)
class PartedEvent(Event):
    """The target is gone, the caller is still there."""

    kind: ClassVar = "event.parted"

    id: int = kept(0)
    by: str = kept("lost")
    talked: float = kept(0.0)


@dataclass(frozen=True, slots=True)
class HandedOverEvent(Event):
    """The caller's own side has connected him with the target."""

    kind: ClassVar = "event.handed_over"

    id: int = kept(0)
    target: str = kept("")


@dataclass(frozen=True, slots=True)
class HungUpEvent(Event):
    """The call is over."""

    kind: ClassVar = "event.hungup"

    by: str = kept("lost")
