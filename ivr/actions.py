"""What the dialogue asks the call to do. Performed in order by the call's driver."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ivr.flow import InquiryOf, Rating
    from ivr.matter import AskedFor, Matter


@dataclass(frozen=True, slots=True)
class Prompt:
    """A prompt by its name in the prompts file, with the values its template is filled with."""

    name: str
    slots: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Play:
    """Play a prompt to the caller, ending any other. ``id`` counts up within the call."""

    id: int
    prompt: Prompt


@dataclass(frozen=True, slots=True)
class PausePlaying:
    """Let the prompt stand still at once: the caller makes a sound, which may be speech."""


@dataclass(frozen=True, slots=True)
class ResumePlaying:
    """Let the prompt go on from where it stands: it was none."""


@dataclass(frozen=True, slots=True)
class StopPlaying:
    """End the prompt at once, whether it stands or goes on (barge-in)."""


@dataclass(frozen=True, slots=True)
class Listen:
    """Listen from now on, beside any prompt, replacing any listening there was.

    ``phrases`` restricts the recogniser to these phrases (None: free speech). ``end_silence`` is the pause in
    seconds that ends a phrase. Without ``words`` it is only to be told when he speaks: nobody understands him, and
    the recording will tell what he said.
    """

    phrases: tuple[str, ...] | None
    end_silence: float
    words: bool = True


@dataclass(frozen=True, slots=True)
class StopListening:
    """Stop listening; a phrase that has begun is no longer waited for."""


@dataclass(frozen=True, slots=True)
class LookUp:
    """Find the place in the text and a short title for it; answered by ``LookedUp``.

    With ``named``, a name that several places have, the text is an answer to which of them is meant. ``several``: it
    may tell of more than one matter. With ``asked`` it is an answer to that, keyed or said: what is it?
    """

    text: str
    named: str = ""
    several: bool = False
    asked: AskedFor | None = None


@dataclass(frozen=True, slots=True)
class Inquire:
    """Ask what becomes of a ticket; answered by ``Informed`` with the same ``id``.

    ``of``: the newest that the calling number may hear of, the one of number ``ticket``, what came of that one, which
    is told to who knows its query code, ``code``; or that code itself, of a ticket that this call has made;
    ``past``: whether the calling number has called before, and is to be asked about that ticket.
    """

    id: int
    of: InquiryOf
    caller: str
    ticket: str = ""
    code: str = ""


@dataclass(frozen=True, slots=True)
class Rate:
    """Note what the caller thinks of the outcome of this ticket (满意度)."""

    ticket: str
    rating: Rating


@dataclass(frozen=True, slots=True)
class Submit:
    """Draft the matter's ticket now and post it; answered by ``Submitted``."""

    matter: Matter


@dataclass(frozen=True, slots=True)
class Alert:
    """Somebody is in danger, in this matter: tell the intake at once; never wait here.

    ``risk`` and ``words`` are those of the ``Alarmed`` that told of it, "" when a key did.
    """

    matter: int
    risk: str
    words: str


@dataclass(frozen=True, slots=True)
class Connect:
    """Reach somebody for this reason: begin to call the line's targets of it, in their order, and never wait here.

    ``id`` counts up within the call, and is that of the events which tell how it goes: ``Calling`` for each target that
    is called, then ``Connected`` and at last ``Parted``, or ``HandedOver``, or ``Refused`` when no target was
    reached. From the first
    ``Calling`` until one of them the caller hears music whenever no prompt plays; listening and keys go on. Connected,
    nothing plays but what the target says, and neither keys nor words are the dialogue's. ``matter`` is what the target
    may be told of, which on an anonymous line is nothing.
    """

    id: int
    reason: str
    matter: Matter


@dataclass(frozen=True, slots=True)
class Part:
    """Give up reaching somebody, or end the talk, of ``Connect.id``: no more is heard of it, nor music."""

    id: int


@dataclass(frozen=True, slots=True)
class Hangup:
    """End the call from our side, and with it whatever it is connected to."""


@dataclass(frozen=True, slots=True)
class Finish:
    """The dialogue has ended: ``matters`` are all the matters of the call (finished or not)."""

    matters: tuple[Matter, ...]


Action = (
    Play
    | PausePlaying
    | ResumePlaying
    | StopPlaying
    | Listen
    | StopListening
    | LookUp
    | Inquire
    | Rate
    | Submit
    | Alert
    | Connect
    | Part
    | Hangup
    | Finish
)
