"""The record of a call: its journal folded into facts, words and matters. Pure: no clock, no file."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final, Literal

from asr.transcript import ModelFingerprint, Transcript
from tickets import merging
from tickets.entries import Entries, read_number

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ivr.hotline import Mode, Source
    from ivr.matter import Matter, Window

Late = Literal["none", "wanted", "done"]

FRONT_DOOR: Final = "12345"
"""The line of a call whose journal lost which one was called."""

_NOTHING_KEPT = "an anonymous line, and the caller asked for no call back"


@dataclass(frozen=True, slots=True)
class Told:
    """A matter with all the words known by now.

    ``pending``: words of it lie in the recording only and will be transcribed. ``unheard``: the caller spoke,
    but nothing was understood and nothing more will come of it.
    """

    matter: Matter
    pending: bool = False
    unheard: bool = False


@dataclass(frozen=True, slots=True)
class Line:
    """The line that was called, as the hotlines file had it then; see `ivr.hotline.Hotline`.

    ``found_by`` and ``found_as`` tell where its number stood in the INVITE, and how it was written; None when no line
    of ours was named. ``opening`` is what the caller was greeted with.
    """

    name: str
    department: str
    mode: Mode
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
    what was heard in the call, ``late`` what was found in the recording since, ``transcript`` both in one. ``matters``
    are those that make a ticket now, ``numbers`` the ticket numbers given so far, by matter. ``reason`` says
    why an ended call has no matter. ``transcription`` is the state of the late transcription.
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
    hung_up_by: Literal["caller", "gateway", "lost"] | None
    cause: str
    interrupted: bool
    seconds: float
    live: Transcript
    late: Transcript | None
    transcript: Transcript
    matters: tuple[Told, ...]
    numbers: Mapping[int, str]
    reason: str | None
    transcription: Late


def fold(
    call_id: str,
    entries: Sequence[dict[str, Any]],
    late: Transcript | None,
    seconds: float,
    voiced: tuple[Window, ...] | None,
) -> CallRecord:
    """Fold a call's journal.

    ``late`` is the transcript made from the recording, if there is one by now. ``seconds`` is the recording's
    length; ``voiced`` where in it the caller's voice was found, None when nobody has looked: then speech is
    supposed wherever the caller was asked for it. An empty journal makes a call that was never answered.

    A power failure may have lost the journal's beginning. A call that was ``interrupted`` had been answered, whatever
    else is known of it: then it was answered when it came, at the front door.

    A call lasts until its journal is ``finished``. Until then the gateway alone gives numbers, and only
    matters that have one make a ticket; afterwards every matter does.
    """
    journal = Entries.gather(entries)
    incoming = journal.last.get("incoming", {})
    hungup = journal.last.get("hungup", {})
    # A gateway that died after the hang-up has lost words at most, not the call.
    cut = journal.last.get("interrupted")
    interrupted = cut is not None and (not hungup or cut["n"] < hungup["n"])
    ended = "finished" in journal.last or not entries
    started_at = journal.wall("incoming") or datetime.strptime(call_id[:15], "%Y%m%dT%H%M%S").replace(
        tzinfo=UTC
    )
    answered_at = journal.wall("answered") or (started_at if "interrupted" in journal.last else None)
    line = _fold_line(journal)
    anonymous = line is not None and line.anonymous
    # When somebody spoke, and how surely he was understood, is kept in the journal only.
    live = Transcript(None, ()) if anonymous else _fold_transcript(journal)
    late = late if ended and not anonymous else None
    transcript = merging.merge(live, late)
    told = _tell(journal, live, late, transcript, voiced)
    if anonymous:
        told = tuple(t for t in told if t.matter.contact_confirmed or t.matter.danger)
    elif ended:
        told = _add_loose_words(journal, told, transcript, late, seconds)
    if not ended:
        told = tuple(t for t in told if t.matter.index in journal.numbers)
    wanted = (
        ended
        and answered_at is not None
        and not live.complete
        and late is None
        and _any_voice(voiced, seconds)
    )
    return CallRecord(
        call_id=call_id,
        sip_call_id=_clean(incoming.get("sip_call_id", "")),
        caller=next((t.matter.contact for t in told), "")
        if anonymous
        else read_number(incoming.get("caller", "")),
        called=_clean(incoming.get("called", "")),
        hotline=_clean(incoming.get("hotline", FRONT_DOOR)),
        line=line,
        flow=_clean(incoming.get("flow", "")),
        node=incoming.get("node"),
        started_at=started_at,
        answered_at=answered_at,
        ended_at=_find_end(journal, answered_at or started_at, seconds) if ended else None,
        duration_s=hungup.get("media_seconds", seconds) if ended and answered_at else None,
        hung_up_by=hungup.get("by"),
        cause=_clean(str(hungup.get("cause", ""))),
        interrupted=interrupted,
        seconds=seconds,
        live=live,
        late=late,
        transcript=transcript,
        matters=told,
        numbers=journal.numbers,
        reason=None
        if told or not ended
        else _NOTHING_KEPT
        if anonymous and answered_at
        else _give_reason(answered_at, hungup, late, wanted=wanted),
        transcription="done" if late else "wanted" if wanted else "none",
    )


def _fold_line(journal: Entries) -> Line | None:
    told = journal.last.get("incoming", {}).get("line")
    if told is None:
        return None
    return Line(
        name=told["name"],
        department=told["department"],
        mode=told["mode"],
        category=tuple(told["category"]),
        anonymous=told["anonymous"],
        found_by=told["found_by"],
        found_as=_clean(told["found_as"]),
        opening=journal.opening,
    )


def _fold_transcript(journal: Entries) -> Transcript:
    model = journal.last.get("model")
    complete = (
        journal.deaf_at is None
        and "interrupted" not in journal.last
        and all(u.confirmed for u in journal.heard)
    )
    return Transcript(
        model=ModelFingerprint(model["name"], model["sha256"], model["demo"]) if model else None,
        utterances=tuple(journal.heard),
        complete=complete,
    )


def _tell(
    journal: Entries,
    live: Transcript,
    late: Transcript | None,
    merged: Transcript,
    voiced: tuple[Window, ...] | None,
) -> tuple[Told, ...]:
    """Each matter with its words; only those that are something."""
    told = []
    for _, matter in sorted(journal.matters.items()):
        gaps = [w for w in matter.windows if not merging.is_sound(w, live, journal.deaf_at)]
        pending = False
        if not live.complete and late is not None:
            matter = merging.refill(matter, gaps, merged)  # noqa: PLW2901
        elif not live.complete:
            pending = any(_has_voice(gap, voiced) for gap in gaps)
        spoke = any(_has_voice(w, voiced) for w in matter.windows) if voiced else False
        spoke = spoke or any(merging.belongs(u, w) for u in live.utterances for w in matter.windows)
        unheard = spoke and not pending and not matter.text
        if (
            matter.complete
            or matter.text
            or matter.call_back
            or matter.danger
            or pending
            or unheard
            or matter.index in journal.numbers
        ):
            told.append(Told(matter, pending, unheard))
    return tuple(told)


def _add_loose_words(
    journal: Entries, told: tuple[Told, ...], merged: Transcript, late: Transcript | None, seconds: float
) -> tuple[Told, ...]:
    """Words the dialogue knew no matter for, because it was deaf or died.

    Without any matter they are one. What was said after the last matter was complete, before the process died, is
    one more. Anything else belongs to the matter that was asked for next.
    """
    if merged.complete and late is None:
        return told  # the dialogue heard everything, and made of it what there was
    windows = [w for t in told for w in t.matter.windows]
    loose = [
        u
        for u in merged.utterances
        if u not in journal.heard and not any(merging.belongs(u, w) for w in windows)
    ]
    if not told:
        matter = merging.state_matter(0, merged.utterances, seconds)
    elif "interrupted" in journal.last and all(t.matter.complete for t in told):
        last_heard = max((u.end for u in journal.heard), default=0.0)
        index = max(t.matter.index for t in told) + 1
        matter = merging.state_matter(index, [u for u in loose if u.start >= last_heard], seconds)
    else:
        matters = merging.attach([t.matter for t in told], loose)
        return tuple(replace(t, matter=m) for t, m in zip(told, matters, strict=True))
    return (*told, Told(matter)) if matter else told


def _has_voice(window: Window, voiced: tuple[Window, ...] | None) -> bool:
    return True if voiced is None else any(merging.belongs(v, window) for v in voiced)


def _any_voice(voiced: tuple[Window, ...] | None, seconds: float) -> bool:
    return seconds > 0 if voiced is None else bool(voiced)


def _find_end(journal: Entries, began: datetime, seconds: float) -> datetime:
    return journal.wall("hungup") or (
        began + timedelta(seconds=seconds) if seconds else journal.wall("finished") or began
    )


def _give_reason(
    answered_at: datetime | None, hungup: dict[str, Any], late: Transcript | None, *, wanted: bool
) -> str:
    if answered_at is None:
        return (
            "caller hung up before the answer"
            if hungup.get("by") == "caller"
            else "the call was never answered"
        )
    if wanted:
        return "speech in the recording waits to be transcribed"
    if late is not None and late.text:
        return "only greetings and answers to the menu were said"
    if not hungup:
        return "interrupted before the caller said anything"
    if hungup["by"] == "caller":
        return "caller hung up before speaking"
    return "the caller said nothing"


def _clean(text: str) -> str:
    """Without NUL, which PostgreSQL does not store and a hostile INVITE may bring."""
    return text.replace("\0", "")
