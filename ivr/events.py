"""What can happen to a call, as the dialogue sees it. ``at`` is seconds since the answer, monotonic."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from ivr.matter import Candidate

Refusal = Literal["no_target", "closed", "busy", "no_answer", "failed"]
"""Why nobody was reached."""


@dataclass(frozen=True, slots=True)
class Answered:
    """The call was answered; always the first event.

    ``caller`` is the calling number, digits only, empty when withheld. ``hotline`` is the called line ("12345").
    ``hears`` is false when speech recognition is out of reach from the start.
    """

    at: float
    caller: str
    hotline: str
    hears: bool = True


@dataclass(frozen=True, slots=True)
class Digit:
    """One key, ``0``–``9``, ``*``, ``#`` (RFC 4733). What was being said has ended, and was ``Heard`` before it."""

    at: float
    key: str


@dataclass(frozen=True, slots=True)
class SpeechStarted:
    """The caller began to speak while listened to (barge-in).

    ``start`` is when, in seconds of the recording: the phrase's ``Heard`` will say the same.
    """

    at: float
    start: float = 0.0


@dataclass(frozen=True, slots=True)
class WordsBegan:
    """The first words of the phrase that is being spoken were understood; what it says is told when it is ``Heard``.

    ``start`` is that of its ``SpeechStarted``.
    """

    at: float
    start: float = 0.0


@dataclass(frozen=True, slots=True)
class Alarmed:
    """The words of a phrase tell of danger; the phrase may go on, and is ``Heard`` after this.

    ``risk`` is which kind of danger (``tickets.meaning.risk``), ``words`` is the phrase as far as it is understood;
    ``start`` is that of its ``SpeechStarted``.
    """

    at: float
    risk: str
    words: str
    start: float


@dataclass(frozen=True, slots=True)
class Heard:
    """A phrase of the caller ended. ``text`` is empty when nothing was understood.

    ``start`` and ``end`` are seconds in the recording; ``level`` is the speech level in dBFS (0 is full scale).
    ``pitched`` says that a voice hummed in it, as in every syllable that is not whispered.
    """

    at: float
    text: str
    confidence: float
    start: float
    end: float
    level: float
    confirmed: bool = True
    pitched: bool = True


@dataclass(frozen=True, slots=True)
class PromptEnded:
    """The prompt of ``Play.id`` was played to its end (never sent for a prompt that was stopped)."""

    at: float
    id: int


@dataclass(frozen=True, slots=True)
class Elapsed:
    """The state's deadline has passed."""

    at: float


@dataclass(frozen=True, slots=True)
class LookedUp:
    """The answer to ``LookUp``: the gazetteer's name for the place ("" when none was said), and a short title.

    ``candidates`` are the places that may be meant, when several go by that name. ``further`` is where in the text
    further matters begin that surely are matters of their own: place and title are the first one's. ``answer`` is what
    was asked for, "" when the text is none: an identity number, or a day (ISO 8601).
    """

    at: float
    place_name: str
    brief: str
    candidates: tuple[Candidate, ...] = ()
    further: tuple[int, ...] = ()
    answer: str = ""


@dataclass(frozen=True, slots=True)
class Informed:
    """The answer to ``Inquire.id``.

    ``mistyped``: no number of a ticket can be so; ``none``: there is no such ticket, or the code is not its own, or
    nobody may hear of it; ``away``: nobody could be asked in time. Of one that is ``found``: ``status`` in plain words,
    ``handled`` says that there is an outcome, ``text`` is what was asked for beyond that. ``of`` is what was asked;
    ``cut``: the caller's call, which made that ticket, was cut off just now.
    """

    at: float
    id: int
    outcome: Literal["found", "none", "mistyped", "away"]
    ticket: str = ""
    status: str = ""
    handled: bool = False
    text: str = ""
    of: str = ""
    cut: bool = False


@dataclass(frozen=True, slots=True)
class Submitted:
    """The matter has its ticket; ``number`` is the ticket number to be read out, digits only."""

    at: float
    matter: int
    number: str


@dataclass(frozen=True, slots=True)
class EarLost:
    """Nobody understands the caller any more: this question goes by keys, the words follow from the recording.

    The next question listens again, unless ``EarChecked`` has said that it would be in vain.
    """

    at: float


@dataclass(frozen=True, slots=True)
class EarChecked:
    """Whether speech recognition is ``there`` has changed: that counts from the next question on."""

    at: float
    there: bool


@dataclass(frozen=True, slots=True)
class Resumed:
    """The caller takes the line from hold, where he had it for ``held`` seconds.

    Nothing that waits for him went on meanwhile. What happened during the hold is told after this.
    """

    at: float
    held: float


@dataclass(frozen=True, slots=True)
class Calling:
    """For ``Connect.id``, a target is being called; ``target`` is its name."""

    at: float
    id: int
    target: str


@dataclass(frozen=True, slots=True)
class Connected:
    """The target has taken the call, a person's telephone by its key, and hears the caller; all listening has ended."""

    at: float
    id: int
    target: str


@dataclass(frozen=True, slots=True)
class Refused:
    """Nobody was reached: no target of that reason, or what became of the last one that was called.

    ``closed``: no target is open now. None was called if the reason is that, or ``no_target``.
    """

    at: float
    id: int
    why: Refusal


@dataclass(frozen=True, slots=True)
class Parted:
    """The target is gone, after ``talked`` seconds with the caller, who is still there (else: ``HungUp``).

    ``by`` whom: the target hung up; the gateway ended it (a bound of its own); the target was lost.
    """

    at: float
    id: int
    by: Literal["target", "gateway", "lost"]
    talked: float


@dataclass(frozen=True, slots=True)
class HandedOver:
    """The caller's own side has connected him with the target, and talks with it without us; his line may go down."""

    at: float
    id: int
    target: str


@dataclass(frozen=True, slots=True)
class HungUp:
    """The call is over."""

    at: float
    by: Literal["caller", "gateway", "lost"]


Event = (
    Answered
    | Digit
    | SpeechStarted
    | WordsBegan
    | Alarmed
    | Heard
    | PromptEnded
    | Elapsed
    | LookedUp
    | Informed
    | Submitted
    | EarLost
    | EarChecked
    | Resumed
    | Calling
    | Connected
    | Refused
    | Parted
    | HandedOver
    | HungUp
)
