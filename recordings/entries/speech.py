"""What was heard and what was said. Times are seconds in the recording."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from recordings.entries.entry import Entry, kept, withheld


@dataclass(frozen=True, slots=True)
class Model(Entry):
    """Which speech model listens; see ``asr.transcript.ModelFingerprint``."""

    kind: ClassVar = "model"

    name: str = kept("")
    sha256: str = kept("")
    demo: bool = kept(default=False)


@dataclass(frozen=True, slots=True)
class Deaf(Entry):
    """Nobody understands what is said from ``at`` on; None, as in former journals: from when it was written on."""

    kind: ClassVar = "deaf"

    reason: str = kept("")
    at: float | None = kept(None)


@dataclass(frozen=True, slots=True)
class Hearing(Entry):
    """Somebody listens again, from ``at`` on."""

    kind: ClassVar = "hearing"

    at: float = kept(0.0)


@dataclass(frozen=True, slots=True)
class Word:
    """One word of a phrase; ``confidence`` 0..1."""

    text: str = withheld("")
    start: float = kept(0.0)
    end: float = kept(0.0)
    confidence: float = kept(0.0)


@dataclass(frozen=True, slots=True)
class Heard(Entry):
    """A phrase of the caller, said to ``question``; see ``asr.transcript.Utterance``."""

    kind: ClassVar = "heard"

    question: str = kept("")
    text: str = withheld("")
    words: tuple[Word, ...] = withheld(())
    start: float = kept(0.0)
    end: float = kept(0.0)
    confidence: float = kept(0.0)
    level: float = kept(0.0)
    confirmed: bool = kept(default=True)


@dataclass(frozen=True, slots=True)
class Partial(Entry):
    """The words so far of a phrase: for who follows live, never written to a journal."""

    kind: ClassVar = "partial"

    text: str = withheld("")


@dataclass(frozen=True, slots=True)
class Played(Entry):
    """A prompt begins at ``start``; ``id`` is that of the dialogue's ``Play``.

    ``text`` is what is said. On an anonymous line who plays it leaves out what repeats the caller.
    """

    kind: ClassVar = "played"

    id: int = kept(0)
    name: str = kept("")
    text: str = kept("")
    start: float = kept(0.0)


@dataclass(frozen=True, slots=True)
class Unplayed(Entry):
    """A prompt was left out, because it could not be made or played."""

    kind: ClassVar = "unplayed"

    id: int = kept(0)
    name: str = kept("")
