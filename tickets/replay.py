"""Yesterday's calls by a changed flow: their journals taken once more, and what would differ."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final, Literal

from ivr.events import Answered, Informed
from ivr.machine import start
from ivr.replay import replay
from recordings import entries, folders
from tickets.entries import read_event
from tickets.lookup import answer
from tickets.number import CITY_TIME

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from ivr.hotline import Hotline, Hotlines
    from ivr.matter import Matter
    from ivr.replay import Replayed
    from ivr.state import State
    from recordings.entries import Reading

Skipped = Literal["anonymous", "unanswered", "other flow"]
"""Why a call is not compared; ``other flow``: the flow in use is not the one by which it was led."""

_COMPARED: Final = (
    "appeal", "text", "place_name", "contact", "identity", "day", "call_back", "danger", "confirmed", "complete",
    "joins", "repeats",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Difference:
    """What of a call would differ. Of what the caller said, nothing stands here.

    ``question`` is the changed flow's, from which on it does; "" where nothing is told differently. ``before`` and
    ``after`` are what is told from there on. ``ended_by`` and ``tickets`` are both courses', None when they are alike;
    ``fields`` are those of the tickets that differ. ``guessed``: the caller was asked what nobody had asked him.
    """

    call_id: str
    question: str
    before: tuple[str, ...]
    after: tuple[str, ...]
    ended_by: tuple[str, str] | None
    tickets: tuple[int, int] | None
    fields: tuple[str, ...]
    guessed: bool


def find_calls(data: Path, since: datetime) -> Iterator[Path]:
    """The folders of the calls that came since then and are filed, oldest first."""
    first = f"{since.astimezone(UTC):%Y%m%dT%H%M%S}"
    days = (day for day in (data / "calls").glob("*/*/*/") if "".join(day.parts[-3:]) >= first[:8])
    found = (folder for day in days for folder in day.glob("*/") if folders.is_call_id(folder.name))
    return iter(sorted((folder for folder in found if folder.name >= first), key=lambda folder: folder.name))


def compare(call_id: str, reading: Reading, before: Hotlines, after: Hotlines) -> Difference | Skipped | None:
    """What of a call would differ; None: nothing."""
    told = [one.entry for one in reading.entries]
    invited = next((entry for entry in told if isinstance(entry, entries.Incoming)), None)
    happened = [read_event(entry) for entry in told if isinstance(entry, entries.Event)]
    if invited is None:
        return "unanswered"
    day = reading.entries[0].wall.astimezone(CITY_TIME).date()
    lines = [hotlines.look_up(invited.hotline, day) or hotlines.front for hotlines in (before, after)]
    old, new = lines
    if (invited.line or old).anonymous:  # a journal of before it told of its line goes by the line of today
        return "anonymous"
    if not happened or not isinstance(happened[0], Answered):
        return "unanswered"
    played = {one.id: one.name for one in told if isinstance(one, entries.Played | entries.Unplayed)}
    if invited.flow not in ("", old.flow.name):
        return "other flow"
    asked = any(isinstance(event, Informed) and event.of == "past" for event in happened)
    first = tuple(_begin(line, invited, played, recalls=asked) for line in (old, new))
    found = replay((old.flow, first[0]), (new.flow, first[1]), happened, lambda wish: answer(wish, 0.0, day))
    unknown = {number: name for number, name in played.items() if found.prompts.get(number) != name}
    if unknown or len(found.prompts) > len(played) + 1:
        return "other flow"
    return _tell(call_id, found)


def _begin(line: Hotline, invited: entries.Incoming, played: dict[int, str], *, recalls: bool) -> State:
    return start(
        line.flow,
        openings=line.openings,
        appeal=line.appeal,
        reasons=frozenset(line.targets),
        at_once=bool(invited.at_once),
        offer_person=bool(line.flow.offer_person) and played.get(0) == line.flow.offer_person,
        recalls=recalls,
    )


def _tell(call_id: str, found: Replayed) -> Difference | None:
    before, after = found.before, found.after
    alike = next(
        (i for i, pair in enumerate(zip(before.told, after.told, strict=False)) if pair[0] != pair[1]),
        min(len(before.told), len(after.told)),
    )
    fields = tuple(_differing(before.matters, after.matters))
    ended = before.ended_by, after.ended_by
    tickets = len(before.matters), len(after.matters)
    if before.told == after.told and not fields and ended[0] == ended[1] and tickets[0] == tickets[1]:
        return None
    return Difference(
        call_id=call_id,
        question=(found.question or "") if before.told != after.told else "",
        before=before.told[alike:],
        after=after.told[alike:],
        ended_by=ended if ended[0] != ended[1] else None,
        tickets=tickets if tickets[0] != tickets[1] else None,
        fields=fields,
        guessed=found.guessed,
    )


def _differing(before: tuple[Matter, ...], after: tuple[Matter, ...]) -> Iterator[str]:
    """The fields in which matters of the same place differ."""
    pairs = list(zip(before, after, strict=False))
    for name in _COMPARED:
        if any(getattr(one, name) != getattr(other, name) for one, other in pairs):
            yield name
