"""The record of a call: its journal folded into facts, words and matters. Pure: no clock, no file."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final, Literal, cast, get_args

from asr.transcript import Transcript
from ivr.hotline import Mode, Source
from ivr.matter import AppealType
from recordings.entries import (
    Answered,
    Concluded,
    Finished,
    HungUp,
    Incoming,
    InformedEvent,
    Interrupted,
    Model,
    Placed,
)
from tickets import merging
from tickets.entries import read_model, read_number
from tickets.gathered import Gathered
from tickets.legs import Leg, fold_legs, name_keeper
from tickets.missed import ASKED, BROKEN, GONE, GREETINGS, LEFT, QUIET, UNANSWERED
from tickets.placed import give_reason, may_tell, tell_agents_call
from tickets.telling import Told, add_loose_words, tell

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ivr.matter import Window
    from recordings.entries import Reading, Strange, Understood
    from tickets.gathered import Alarm

Late = Literal["none", "wanted", "done"]
HungUpBy = Literal["caller", "gateway", "lost"]

FRONT_DOOR: Final = "12345"
"""The line of a call whose journal lost which one was called."""

_NOTHING_KEPT = "an anonymous line, and the caller asked for no call back"


@dataclass(frozen=True, slots=True)
class Line:
    """The line that was called, as the hotlines file had it then; see `ivr.hotline.Hotline`.

    ``found_by`` and ``found_as`` tell where its number stood in the INVITE, and how it was written; None when no line
    of ours was named. ``opening`` is what the caller was greeted with.
    """

    name: str
    department: str
    mode: Mode
    appeal: AppealType | None
    category: tuple[str, ...]
    anonymous: bool
    found_by: Source | None
    found_as: str
    opening: str


@dataclass(frozen=True, slots=True)
class CallRecord:
    """All that is known of a call.

    ``line`` is None when the journal does not tell it: it is of before it did, or lost it. ``node`` is None when the
    journal lost it. ``caller`` is, on an anonymous line, the number at which the caller has agreed to be called back,
    "" without. ``ended_at`` and ``duration_s`` (seconds from the answer) are None while it lasts. ``interrupted`` says
    that the gateway died in the call, or cut it short. ``seconds`` is the recording's length so far. ``live`` is
    what was heard in the call, ``late`` what was found in the recording since, ``second`` its phrases heard again by
    the large model, ``transcript`` all in one. ``matters`` are those that make
    a ticket now, ``numbers`` the ticket numbers given so far, by matter, ``alarms`` when the first
    danger in each was noticed, ``understood`` what their words were understood to mean when they were filed.
    ``ratings`` are what he thought of the outcome of other tickets, by number, with when he said so.
    ``reason`` says why an ended call has no matter.
    Of a call that we have placed, ``placed`` says what for, ``concluded`` how far it has come.
    ``transcription`` is the state of the late transcription. ``legs`` are those by
    which the call was passed on. ``strange`` counts what of the journal this program does not know.
    ``barred``: the caller was on the nuisance list. ``test``: it is a probe of `hotline probe`, no citizen's call.
    """

    call_id: str
    sip_call_id: str
    caller: str
    called: str
    hotline: str
    line: Line | None
    flow: str
    node: int | None
    started_at: datetime
    answered_at: datetime | None
    ended_at: datetime | None
    duration_s: float | None
    hung_up_by: HungUpBy | None
    cause: str
    interrupted: bool
    seconds: float
    live: Transcript
    late: Transcript | None
    second: Transcript | None
    transcript: Transcript
    matters: tuple[Told, ...]
    numbers: Mapping[int, str]
    alarms: Mapping[int, Alarm]
    understood: Mapping[int, Understood]
    ratings: Mapping[str, tuple[str, datetime]]
    reason: str | None
    transcription: Late
    legs: tuple[Leg, ...]
    strange: Mapping[Strange, int]
    placed: Placed | None
    concluded: Concluded | None
    barred: bool = False
    test: bool = False


def fold(
    call_id: str,
    reading: Reading,
    late: Transcript | None,
    seconds: float,
    voiced: tuple[Window, ...] | None,
    second: Transcript | None = None,
) -> CallRecord:
    """Fold a call's journal.

    ``late`` is the transcript made from the recording, ``second`` that of the second pass, if there is one by now.
    ``seconds`` is the recording's length; ``voiced`` where in it the caller's voice was found, None when nobody has
    looked: then speech is supposed wherever the caller was asked for it. An empty journal makes a call that was never
    answered.

    A power failure may have lost the journal's beginning, a bad sector any line. A call in which something was said, or
    that was ``interrupted``, had been answered, whatever else is known of it: then it was answered when it came, at the
    front door.

    A call lasts until its journal is ``finished``. Until then the gateway alone gives numbers, and only
    matters that have one make a ticket; afterwards every matter does.
    """
    journal = Gathered.gather(reading.entries)
    incoming = journal.last(Incoming) or Incoming()
    hungup = journal.last(HungUp)
    ended = journal.has(Finished) or not reading.entries
    started_at = journal.wall(Incoming) or datetime.strptime(call_id[:15], "%Y%m%dT%H%M%S").replace(
        tzinfo=UTC
    )
    answered_at = journal.wall(Answered) or (started_at if journal.talked else None)
    line = _fold_line(incoming, journal.opening)
    anonymous = line is not None and line.anonymous
    length = _measure(hungup, seconds) if ended and answered_at else None
    legs = fold_legs(journal.passing, length)
    if not anonymous:
        journal.pass_on(legs, ended=ended)
    # When somebody spoke, and how surely he was understood, is kept in the journal only.
    live = Transcript(None, ()) if anonymous else _fold_transcript(journal)
    late, second = (late, second) if ended and not anonymous else (None, None)
    transcript = merging.merge(live, late)
    said = replace(transcript, utterances=tuple(u for u in transcript.utterances if u.speaker == "caller"))
    told = tell(journal, live, late, said, voiced, legs)
    if anonymous:
        told = tuple(t for t in told if t.matter.contact_confirmed or t.matter.danger)
    elif ended and (told or may_tell(journal.last(Placed), journal.last(Concluded))):
        told = add_loose_words(journal, told, said, late, seconds, legs)
    if not ended:
        told = tuple(t for t in told if t.matter.index in journal.numbers)
    told = tuple(replace(t, matter=merging.reword(t.matter, transcript, second)) for t in told)
    wanted = (
        ended
        and answered_at is not None
        and not live.complete
        and late is None
        and _any_voice(voiced, seconds)
    )
    return CallRecord(
        call_id=call_id,
        sip_call_id=incoming.sip_call_id,
        caller=next((t.matter.contact for t in told), "") if anonymous else read_number(incoming.caller),
        called=incoming.called,
        hotline=read_number(incoming.hotline) or FRONT_DOOR,
        line=line,
        flow=incoming.flow,
        node=incoming.node,
        started_at=started_at,
        answered_at=answered_at,
        ended_at=_find_end(journal, answered_at or started_at, seconds) if ended else None,
        duration_s=length,
        hung_up_by=_name_who(hungup),
        cause=hungup.cause if hungup else "",
        interrupted=journal.cut,
        seconds=seconds,
        live=live,
        late=late,
        second=second,
        transcript=merging.revise(transcript, second),
        matters=told,
        numbers=journal.numbers,
        alarms=journal.alarms,
        understood=journal.understood,
        ratings=journal.ratings,
        reason=None
        if told or not ended
        else tell_agents_call(journal.last(Placed), legs)
        or name_keeper(legs)
        or (_NOTHING_KEPT if anonymous and answered_at else None)
        or (ASKED if _has_asked(journal) and not wanted else None)
        or give_reason(journal.last(Placed), journal.last(Concluded))
        or _give_reason(answered_at, hungup, late, wanted=wanted),
        transcription="done" if late else "wanted" if wanted else "none",
        legs=legs,
        strange=reading.strange,
        barred=incoming.barred,
        placed=journal.last(Placed),
        concluded=journal.last(Concluded),
        test=incoming.test,
    )


def _fold_line(incoming: Incoming, opening: str) -> Line | None:
    """The line, in words of this program: a mode of another one promises nothing, as the front door does."""
    told = incoming.line
    if told is None:
        return None
    return Line(
        name=told.name,
        department=told.department,
        mode=cast("Mode", told.mode) if told.mode in get_args(Mode) else "总线",
        appeal=cast("AppealType", told.appeal) if told.appeal in get_args(AppealType) else None,
        category=told.category,
        anonymous=told.anonymous,
        found_by=cast("Source", told.found_by) if told.found_by in get_args(Source) else None,
        found_as=told.found_as,
        opening=opening,
    )


def _fold_transcript(journal: Gathered) -> Transcript:
    model = journal.last(Model)
    complete = not journal.deaf and not journal.has(Interrupted) and all(u.confirmed for u in journal.heard)
    return Transcript(
        model=read_model(model) if model else None, utterances=tuple(journal.heard), complete=complete
    )


def _has_asked(journal: Gathered) -> bool:
    """Whether the caller has asked how a ticket stands; what the gateway asks by itself does not count."""
    told = journal.last(InformedEvent)
    return told is not None and told.of != "past"


def _any_voice(voiced: tuple[Window, ...] | None, seconds: float) -> bool:
    return seconds > 0 if voiced is None else bool(voiced)


def _find_end(journal: Gathered, began: datetime, seconds: float) -> datetime:
    return journal.wall(HungUp) or (
        began + timedelta(seconds=seconds) if seconds else journal.wall(Finished) or began
    )


def _measure(hungup: HungUp | None, seconds: float) -> float:
    """The call's length by its hang-up, else by its recording."""
    told = None if hungup is None else hungup.media_seconds
    return seconds if told is None or told < 0 else told


def _name_who(hungup: HungUp | None) -> HungUpBy | None:
    if hungup is None:
        return None
    return cast("HungUpBy", hungup.by) if hungup.by in get_args(HungUpBy) else "lost"


def _give_reason(
    answered_at: datetime | None, hungup: HungUp | None, late: Transcript | None, *, wanted: bool
) -> str:
    by_caller = hungup is not None and hungup.by == "caller"
    if answered_at is None:
        return GONE if by_caller else UNANSWERED
    if wanted:
        return "speech in the recording waits to be transcribed"
    if late is not None and late.text:
        return GREETINGS
    if hungup is None:
        return BROKEN
    return LEFT if by_caller else QUIET
