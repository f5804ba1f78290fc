"""A call's matters with all the words known by now: what was told to the dialogue, and what it never took in."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from recordings.entries import Interrupted
from tickets import merging
from tickets.legs import is_theirs

if TYPE_CHECKING:
    from collections.abc import Sequence

    from asr.transcript import Transcript
    from ivr.matter import Matter, Window
    from tickets.gathered import Gathered
    from tickets.legs import Leg
    from tickets.record import CallRecord


@dataclass(frozen=True, slots=True)
class Told:
    """A matter with all the words known by now.

    ``pending``: words of it lie in the recording only and will be transcribed. ``unheard``: the caller spoke,
    but nothing was understood and nothing more will come of it.
    """

    matter: Matter
    pending: bool = False
    unheard: bool = False


def tell(
    journal: Gathered,
    live: Transcript,
    late: Transcript | None,
    merged: Transcript,
    voiced: tuple[Window, ...] | None,
    legs: Sequence[Leg],
) -> tuple[Told, ...]:
    """Each matter with its words; only those that are something, and ours."""
    told = []
    for _, matter in sorted(journal.matters.items()):
        if is_theirs(matter, legs, numbered=matter.index in journal.numbers):
            continue
        if matter.idle and not (matter.call_back or matter.danger):
            continue
        gaps = [w for w in matter.windows if not merging.is_sound(w, live, journal.deaf)]
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
            or any(leg.matter == matter.index for leg in legs)
        ):
            told.append(Told(matter, pending, unheard))
    return tuple(told)


def find_related(record: CallRecord, matter: Matter) -> tuple[str, ...]:
    """The numbers, given by now, of the matters that were told in one dictation with this one."""
    if matter.told_with < 0:
        return ()
    together = (told.matter.index for told in record.matters if told.matter.told_with == matter.told_with)
    return tuple(
        record.numbers[index] for index in together if index != matter.index and index in record.numbers
    )


def add_loose_words(
    journal: Gathered,
    told: tuple[Told, ...],
    merged: Transcript,
    late: Transcript | None,
    seconds: float,
    legs: Sequence[Leg],
) -> tuple[Told, ...]:
    """Words the dialogue knew no matter for, because it was deaf or died.

    Without any matter they are one. What was said after the last matter was complete, before the process died, is
    one more. Anything else belongs to the matter that was asked for next. What was said to whom the call was passed on
    is of no matter but that of the talk.
    """
    if merged.complete and late is None:
        return told  # the dialogue heard everything, and made of it what there was
    talks = [leg.window for leg in legs if leg.window is not None]
    windows = [*talks, *(w for t in told for w in t.matter.windows)]
    loose = [
        u
        for u in merged.utterances
        if u not in journal.heard and not any(merging.belongs(u, w) for w in windows)
    ]
    if not told and any(leg.settled for leg in legs):
        return told
    if not told:
        matter = merging.state_matter(0, merged.utterances, seconds)
    elif journal.has(Interrupted) and all(t.matter.complete for t in told):
        last_heard = max((u.end for u in journal.heard), default=0.0)
        index = max(t.matter.index for t in told) + 1
        matter = merging.state_matter(index, [u for u in loose if u.start >= last_heard], seconds)
    else:
        matters = merging.attach([t.matter for t in told], loose)
        return tuple(replace(t, matter=m) for t, m in zip(told, matters, strict=True))
    return (*told, Told(matter)) if matter else told


def _has_voice(window: Window, voiced: tuple[Window, ...] | None) -> bool:
    return True if voiced is None else any(merging.belongs(v, window) for v in voiced)
