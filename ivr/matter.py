"""What one call is about: the matters a caller has stated, each of which becomes a ticket."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

AppealType = Literal["咨询", "求助", "投诉", "举报", "建议", "表扬"]
"""诉求类型, the six kinds of appeal that 12345 platforms share."""

AskedFor = Literal["identity", "day"]
"""An identity number (GB 11643-1999), or the day on which it was, by its date (1103, 20251103) or in words."""


@dataclass(frozen=True, slots=True)
class Spoken:
    """One phrase of the caller, as recognised.

    ``start`` and ``end`` are seconds in the recording; ``confidence`` is 0..1; ``confirmed`` is false for a
    partial that the recogniser never finished (a hang-up in mid-word).
    """

    text: str
    start: float
    end: float
    confidence: float
    confirmed: bool = True


@dataclass(frozen=True, slots=True)
class Window:
    """A stretch of the recording, in seconds, in which the caller was asked to speak; ``end`` None: still open."""

    start: float
    end: float | None = None


@dataclass(frozen=True, slots=True)
class Candidate:
    """One of several places that go by the name that the caller said.

    ``name`` is as much of it as tells it from the others, ``place`` what it lies in, ``place_name`` the whole of it.
    ``phrases`` are words by which he may name it.
    """

    name: str
    place: str
    place_name: str
    phrases: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Matter:
    """One thing the caller wants done, as the dialogue knows it so far.

    ``index`` counts from 0 within the call. ``spoken`` is the dictation; ``windows`` where in the recording the
    dictation lies, so that it can be transcribed again later. ``place`` is the caller's own words for the place,
    ``place_name`` what the gazetteer made of it. ``contact`` is a number to call back, digits only.
    ``call_back`` says that a person must phone the caller (the caller asked for one, was silent, or was not
    understood), ``danger`` that the caller pressed the danger key. ``confirmed`` says the caller agreed to the
    summary. ``complete`` turns true when the flow has reached its ``Submit`` for this matter. ``told_with`` is the
    index of the matter in whose dictation this one was told too, -1 for none. ``idle`` says that what was told is no
    matter: the caller asked what becomes of another. ``joins`` is the number of the ticket, of a call that was cut off,
    which this goes on with; ``repeats`` that of one whose matter this is, as the caller says. ``identity`` is the
    identity number that he was asked for and agreed to, ``day`` (ISO 8601) the day on which it was, alike.
    """

    index: int
    appeal: AppealType | None = None
    spoken: tuple[Spoken, ...] = ()
    windows: tuple[Window, ...] = ()
    place: str = ""
    place_name: str = ""
    brief: str = ""
    contact: str = ""
    contact_confirmed: bool = False
    call_back: str = ""
    danger: bool = False
    confirmed: bool = False
    complete: bool = False
    told_with: int = -1
    idle: bool = False
    joins: str = ""
    repeats: str = ""
    identity: str = ""
    day: str = ""

    @property
    def text(self) -> str:
        """The dictation as one string."""
        return "".join(s.text for s in self.spoken)
