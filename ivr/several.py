"""Several matters that were told in one dictation: each becomes one of its own, and they are gone through in order."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from ivr.matter import Matter, Window

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from ivr.matter import Spoken
    from ivr.turn import Turn


def part(turn: Turn, further: Sequence[int]) -> None:
    """Leave to the matter its words up to the first of these offsets in its text; what follows comes after it.

    Nothing is parted when the call may not have so many matters.
    """
    state, matter = turn.state, turn.state.matter
    offsets = [offset for offset in further if 0 < offset < len(matter.text)]
    count = len(state.everything) + len(state.following)
    if not offsets or state.following or count + len(offsets) > turn.flow.matters:
        return
    told, windows, later = list(matter.spoken), list(matter.windows), list[Matter]()
    for number, offset in reversed(list(enumerate(offsets))):
        told, spoken = _part_spoken(told, offset)
        windows, rest = _part_windows(windows, spoken[0].start)
        following = Matter(
            count + number,
            state.preset,
            spoken=tuple(spoken),
            windows=tuple(rest),
            told_with=matter.index,
        )
        later.insert(0, following)
    turn.change_matter(spoken=tuple(told), windows=tuple(windows), told_with=matter.index)
    turn.change(following=tuple(later))


def go_on(turn: Turn) -> None:
    """Take up the next of those matters, once this one is filed.

    It is where this one is unless it says otherwise, and the number to call back is the same.
    """
    state, matter = turn.state, turn.state.matter
    if not (state.following and matter.complete):
        return
    following, *later = state.following
    following = replace(
        following,
        place=matter.place_name,
        place_name=matter.place_name,
        contact=matter.contact,
        contact_confirmed=matter.contact_confirmed,
    )
    turn.change(
        everything=(*state.everything, following),
        following=tuple(later),
        visits=(),
        appeals=(),
        voiced=True,
        number="",
        candidates=(),
    )


def _part_spoken(told: Iterable[Spoken], offset: int) -> tuple[list[Spoken], list[Spoken]]:
    """The phrases before and after an offset in their text; one that it lies in is cut as if spoken evenly."""
    before: list[Spoken] = []
    after: list[Spoken] = []
    length = 0
    for phrase in told:
        cut = offset - length
        length += len(phrase.text)
        if cut <= 0:
            after.append(phrase)
        elif cut >= len(phrase.text):
            before.append(phrase)
        else:
            at = phrase.start + (phrase.end - phrase.start) * cut / len(phrase.text)
            before.append(replace(phrase, text=phrase.text[:cut], end=at))
            after.append(replace(phrase, text=phrase.text[cut:], start=at))
    return before, after


def _part_windows(windows: Iterable[Window], at: float) -> tuple[list[Window], list[Window]]:
    """The stretches before and after a moment, which may lie in one."""
    before: list[Window] = []
    after: list[Window] = []
    for window in windows:
        if window.end is not None and window.end <= at:
            before.append(window)
        elif window.start >= at:
            after.append(window)
        else:
            before.append(Window(window.start, at))
            after.append(Window(at, window.end))
    return before, after
