"""What a call's journal says: one frozen class a kind, and the codec between them and the lines on the disk.

A kind is added by writing its class in the module where it belongs (``call``, ``leg``, ``speech``, ``matter`` or
``dialogue``) and naming it in ``KINDS``; the tests walk these modules and find one that was forgotten:

- ``kind`` is its name on the disk, for ever; never that of a class, which may be renamed.
- Each field has a default, which is what a journal of before the field says. ``kept(default)`` lets the journal of an
  anonymous line keep the field, ``kept_once("flag", default)`` only when that other field is true,
  ``withheld(default)`` (or no word at all) leaves the default in its place. The parts of a field that is itself a
  class are looked at by their own marks.
- A field may be added at any time: programs that do not know it skip it and say so. What changes the
  meaning or the unit of a field there is gets ``version`` one higher, and a reading of the form before in ``codec``.
- A kind that tells what the dialogue took in is an ``Event`` with the fields of its class in ``ivr.events``;
  ``tickets.entries.note_event`` finds it by ``_EVENTS`` there.

Read the ADR on the journal's codec (docs/adr/0013) for why.
"""

from recordings.entries.call import (
    Answered,
    Claim,
    Concluded,
    Finished,
    Held,
    HungUp,
    Incoming,
    Interrupted,
    Line,
    Media,
    Placed,
    RecordingTrouble,
)
from recordings.entries.codec import KINDS, Reading, Strange, Written, decode, encode, read_lines, withhold
from recordings.entries.dialogue import (
    AlarmedEvent,
    AnsweredEvent,
    CallingEvent,
    Candidate,
    ConnectedEvent,
    DigitEvent,
    EarCheckedEvent,
    EarLostEvent,
    ElapsedEvent,
    Event,
    HandedOverEvent,
    HeardEvent,
    HungUpEvent,
    InformedEvent,
    LookedUpEvent,
    PartedEvent,
    PromptEndedEvent,
    RefusedEvent,
    ResumedEvent,
    SpeechStartedEvent,
    SubmittedEvent,
    WordsBeganEvent,
)
from recordings.entries.entry import Entry
from recordings.entries.leg import Dialled, LegAnswered, LegEnded
from recordings.entries.matter import Alarm, Matter, Number, Rated, Spoken, Understood, Window
from recordings.entries.speech import Deaf, Heard, Hearing, Model, Partial, Played, Unplayed, Word

__all__ = [
    "KINDS",
    "Alarm",
    "AlarmedEvent",
    "Answered",
    "AnsweredEvent",
    "CallingEvent",
    "Candidate",
    "Claim",
    "Concluded",
    "ConnectedEvent",
    "Deaf",
    "Dialled",
    "DigitEvent",
    "EarCheckedEvent",
    "EarLostEvent",
    "ElapsedEvent",
    "Entry",
    "Event",
    "Finished",
    "HandedOverEvent",
    "Heard",
    "HeardEvent",
    "Hearing",
    "Held",
    "HungUp",
    "HungUpEvent",
    "Incoming",
    "InformedEvent",
    "Interrupted",
    "LegAnswered",
    "LegEnded",
    "Line",
    "LookedUpEvent",
    "Matter",
    "Media",
    "Model",
    "Number",
    "PartedEvent",
    "Partial",
    "Placed",
    "Played",
    "PromptEndedEvent",
    "Rated",
    "Reading",
    "RecordingTrouble",
    "RefusedEvent",
    "ResumedEvent",
    "SpeechStartedEvent",
    "Spoken",
    "Strange",
    "SubmittedEvent",
    "Understood",
    "Unplayed",
    "Window",
    "Word",
    "WordsBeganEvent",
    "Written",
    "decode",
    "encode",
    "read_lines",
    "withhold",
]
