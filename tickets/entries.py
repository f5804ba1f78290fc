"""Between the journal's entries and what they tell of: the dialogue's events and matters, the recogniser's words."""

from __future__ import annotations

import re
from dataclasses import fields
from typing import TYPE_CHECKING, Any, Final, get_args

from asr.transcript import ModelFingerprint, Utterance, Word
from ivr import events
from ivr.matter import AppealType, Candidate, Matter, Spoken, Window
from recordings import entries

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from ivr.state import State
    from recordings.entries import Entry

_EVENTS: Final[Mapping[type, type[entries.Event]]] = {
    events.Answered: entries.AnsweredEvent,
    events.Digit: entries.DigitEvent,
    events.SpeechStarted: entries.SpeechStartedEvent,
    events.WordsBegan: entries.WordsBeganEvent,
    events.Alarmed: entries.AlarmedEvent,
    events.Heard: entries.HeardEvent,
    events.PromptEnded: entries.PromptEndedEvent,
    events.Elapsed: entries.ElapsedEvent,
    events.LookedUp: entries.LookedUpEvent,
    events.Informed: entries.InformedEvent,
    events.Submitted: entries.SubmittedEvent,
    events.EarLost: entries.EarLostEvent,
    events.EarChecked: entries.EarCheckedEvent,
    events.Resumed: entries.ResumedEvent,
    events.Calling: entries.CallingEvent,
    events.Connected: entries.ConnectedEvent,
    events.Refused: entries.RefusedEvent,
    events.Parted: entries.PartedEvent,
    events.HandedOver: entries.HandedOverEvent,
    events.HungUp: entries.HungUpEvent,
}
_KINDS: Final = {noted: kind for kind, noted in _EVENTS.items()}
_APPEALS: Final = frozenset(get_args(AppealType))
_IDENTITY: Final = re.compile("[0-9]{17}[0-9X]")
_DAY: Final = re.compile("[0-9]{4}-[0-9]{2}-[0-9]{2}")


def note_event(event: events.Event) -> entries.Event:
    """What the dialogue takes in."""
    kind: Any = _EVENTS[type(event)]
    told = {field.name: getattr(event, field.name) for field in fields(kind)}
    if isinstance(event, events.LookedUp):
        told["candidates"] = tuple(
            entries.Candidate(c.name, c.place, c.place_name, c.phrases) for c in event.candidates
        )
    noted: entries.Event = kind(**told)
    return noted


def read_event(entry: entries.Event) -> events.Event:
    """What the dialogue took in then."""
    kind: Any = _KINDS[type(entry)]
    told = {field.name: getattr(entry, field.name) for field in fields(entry)}
    if isinstance(entry, entries.LookedUpEvent):
        told["candidates"] = tuple(
            Candidate(c.name, c.place, c.place_name, c.phrases) for c in entry.candidates
        )
    event: events.Event = kind(**told)
    return event


def note_utterance(utterance: Utterance, question: str) -> entries.Heard:
    """What the caller has said to ``question``."""
    return entries.Heard(
        question=question,
        text=utterance.text,
        words=tuple(entries.Word(w.text, w.start, w.end, w.confidence) for w in utterance.words),
        start=utterance.start,
        end=utterance.end,
        confidence=utterance.confidence,
        level=utterance.level,
        confirmed=utterance.confirmed,
    )


def read_utterance(entry: entries.Heard) -> Utterance:
    """The phrase that was heard."""
    return Utterance(
        text=entry.text,
        words=tuple(Word(w.text, w.start, w.end, w.confidence) for w in entry.words),
        start=entry.start,
        end=entry.end,
        confidence=entry.confidence,
        level=entry.level,
        confirmed=entry.confirmed,
    )


def note_model(model: ModelFingerprint) -> entries.Model:
    """Which model listens."""
    return entries.Model(model.name, model.sha256, model.demo)


def read_model(entry: entries.Model) -> ModelFingerprint:
    """The model that listened."""
    return ModelFingerprint(entry.name, entry.sha256, entry.demo)


def note_news(before: State, after: State) -> Iterator[Entry]:
    """What a call's journal is to say once its dialogue has come from one state to another: matters, as they are now.

    And how far a call that we have placed has come.
    """
    known = before.matters
    yield from (note_matter(matter) for matter in after.matters if matter not in known)
    if (before.concluded, before.solved) != (after.concluded, after.solved):
        yield entries.Concluded(after.concluded or "", after.solved)


def note_matter(matter: Matter) -> entries.Matter:
    """A matter as it is now."""
    return entries.Matter(
        index=matter.index,
        appeal=matter.appeal,
        spoken=tuple(
            entries.Spoken(s.text, s.start, s.end, s.confidence, s.confirmed) for s in matter.spoken
        ),
        windows=tuple(entries.Window(w.start, w.end) for w in matter.windows),
        place=matter.place,
        place_name=matter.place_name,
        brief=matter.brief,
        contact=matter.contact,
        contact_confirmed=matter.contact_confirmed,
        call_back=matter.call_back,
        danger=matter.danger,
        confirmed=matter.confirmed,
        complete=matter.complete,
        told_with=matter.told_with,
        idle=matter.idle,
        joins=matter.joins,
        repeats=matter.repeats,
        identity=matter.identity,
        day=matter.day,
    )


def read_matter(entry: entries.Matter) -> Matter:
    """The matter as it was then; a kind of appeal that is not known (any more) is none."""
    appeal: Any = entry.appeal if entry.appeal in _APPEALS else None
    return Matter(
        index=entry.index,
        appeal=appeal,
        spoken=tuple(Spoken(s.text, s.start, s.end, s.confidence, s.confirmed) for s in entry.spoken),
        windows=tuple(Window(w.start, w.end) for w in entry.windows),
        place=entry.place,
        place_name=entry.place_name,
        brief=entry.brief,
        contact=read_number(entry.contact),
        contact_confirmed=entry.contact_confirmed,
        call_back=entry.call_back,
        danger=entry.danger,
        confirmed=entry.confirmed,
        complete=entry.complete,
        told_with=entry.told_with,
        idle=entry.idle,
        joins=entry.joins if can_be_issued(entry.joins) else "",
        repeats=entry.repeats if can_be_issued(entry.repeats) else "",
        identity=entry.identity if _IDENTITY.fullmatch(entry.identity) else "",
        day=entry.day if _DAY.fullmatch(entry.day) else "",
    )


def read_number(text: str) -> str:
    """A telephone number of ASCII digits, as a ticket may hold it; "" for one of any others, which nobody can dial.

    Such came in by P-Asserted-Identity while the door let every script's digits through.
    """
    return text if re.fullmatch("[0-9]*", text) else ""


def can_be_issued(number: str) -> bool:
    """Whether a ticket may go by this number: no other is one of any program's that filed here (``tickets.ticket``)."""
    return re.fullmatch("[0-9]{12,}", number) is not None
