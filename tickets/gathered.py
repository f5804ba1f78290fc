"""A call's journal sorted: the last of what is told once, all of what is told often."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Self, TypeVar, cast, get_args

from ivr.flow import Rating
from ivr.matter import Matter, Window
from recordings import entries
from tickets.entries import can_be_issued, read_matter, read_utterance
from tickets.legs import add_talks

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

    from asr.transcript import Utterance
    from recordings.entries import Entry, Written
    from tickets.legs import Leg

_RATINGS = frozenset(get_args(Rating))
_GAVE_UP = "来电人在转接时挂机，须回电"
E = TypeVar("E", bound="Entry")

_PASSING = (entries.Dialled, entries.LegAnswered, entries.LegEnded)
_OF_A_TALK = (
    entries.Answered,
    entries.Interrupted,
    entries.Event,
    entries.Held,
    entries.Played,
    entries.Heard,
    entries.Matter,
    entries.Number,
    entries.Alarm,
    entries.LegAnswered,  # the other two tell of a redirected call as well
)


@dataclass(frozen=True, slots=True)
class Alarm:
    """That somebody is in danger was noticed ``at`` this time: what danger, in what words; "" for what a key told."""

    at: datetime
    risk: str
    words: str


@dataclass(slots=True)
class Gathered:
    """A journal's entries by kind.

    ``deaf`` are the stretches of the recording in which words may be missing, in order; the last may still be open.
    ``alarms`` are the first of each matter, ``understood`` is what each matter's words were last understood to mean,
    ``ratings`` what the caller last thought of the outcome of other tickets, by number, and when he said so.
    ``passing`` tells of the legs by which the call was passed on. ``opening`` is the text of the first prompt that was
    played. ``talked`` says that there is an entry that only a call that was answered has; ``cut`` says that the gateway
    died, or ended the call, before the hang-up: after it words may be lost, not the call.
    """

    heard: list[Utterance] = field(default_factory=list)
    matters: dict[int, Matter] = field(default_factory=dict)
    numbers: dict[int, str] = field(default_factory=dict)
    alarms: dict[int, Alarm] = field(default_factory=dict)
    understood: dict[int, entries.Understood] = field(default_factory=dict)
    ratings: dict[str, tuple[str, datetime]] = field(default_factory=dict)
    deaf: list[Window] = field(default_factory=list)
    passing: list[Entry] = field(default_factory=list)
    opening: str = ""
    talked: bool = False
    cut: bool = False
    _last: dict[type[Entry], Written] = field(default_factory=dict)

    @classmethod
    def gather(cls, written: Iterable[Written]) -> Self:
        """Sort a journal's entries."""
        gathered = cls()
        for one in written:
            if isinstance(one.entry, _PASSING):
                gathered.passing.append(one.entry)
            elif isinstance(one.entry, entries.Alarm):
                gathered._take_alarm(one.entry, one.wall)
            elif isinstance(one.entry, entries.Understood):
                gathered.understood[one.entry.matter] = one.entry
            elif isinstance(one.entry, entries.Rated):
                if can_be_issued(one.entry.ticket) and one.entry.rating in _RATINGS:
                    gathered.ratings[one.entry.ticket] = (one.entry.rating, one.wall)
            else:
                gathered._add(one)
            gathered.talked |= isinstance(one.entry, _OF_A_TALK)
        return gathered

    def last(self, kind: type[E]) -> E | None:
        """The last entry of a kind that is told once."""
        written = self._last.get(kind)
        return cast("E", written.entry) if written else None

    def has(self, kind: type[Entry]) -> bool:
        """Whether there is an entry of a kind that is told once."""
        return kind in self._last

    def wall(self, kind: type[Entry]) -> datetime | None:
        """When the last entry of a kind that is told once was written."""
        written = self._last.get(kind)
        return written.wall if written else None

    def pass_on(self, legs: Sequence[Leg], *, ended: bool) -> None:
        """Let the talks count as what was said of their matters, which is to be heard in the recording.

        Whoever was passed on, or hung up before that, is owed a matter, though the dialogue knew of none.
        """
        for leg in legs:
            index, talk = leg.matter, leg.window
            if index >= 0 and index not in self.matters and ended:
                self.matters[index] = Matter(index, call_back="" if leg.settled else _GAVE_UP)
            if talk is not None:
                self.deaf = sorted((*self.deaf, talk), key=lambda window: window.start)
        self.matters = {index: add_talks(matter, legs) for index, matter in self.matters.items()}

    def _add(self, written: Written) -> None:
        match written.entry:
            case entries.Heard() as heard:
                self.heard.append(read_utterance(heard))
            case entries.Matter(index=index) as matter if index >= 0:
                self.matters[index] = read_matter(matter)
            case entries.Number(matter=index, number=number) if index >= 0 and can_be_issued(number):
                self.numbers.setdefault(index, number)
            case entries.Played(text=text):
                self.opening = self.opening or text
            case entries.Deaf(at=at):
                self._lose_hearing(self._since_answer(written.wall) if at is None else at)
            case entries.Hearing(at=at):
                self._hear_again(at)
            case entries.EarLostEvent(at=at):
                self._lose_hearing(at)
            case entries.AnsweredEvent(hears=False):
                self._lose_hearing(0.0)
            case entry:
                self._last[type(entry)] = written
                if isinstance(entry, entries.Interrupted):
                    self.cut = not self.has(entries.HungUp)

    def _take_alarm(self, entry: entries.Alarm, wall: datetime) -> None:
        if entry.matter >= 0:
            self.alarms.setdefault(entry.matter, Alarm(wall, entry.risk, entry.words))

    def _lose_hearing(self, at: float) -> None:
        if not (self.deaf and self.deaf[-1].end is None):
            self.deaf.append(Window(at))

    def _hear_again(self, at: float) -> None:
        if self.deaf and self.deaf[-1].end is None:
            start = self.deaf[-1].start
            self.deaf[-1] = Window(start, max(start, at))

    def _since_answer(self, wall: datetime) -> float:
        answered = self.wall(entries.Answered)
        return max((wall - answered).total_seconds(), 0.0) if answered else 0.0
