"""Made-up calls of a year, as filing would leave them: in the work list, in words, and in the index of these."""

from __future__ import annotations

import random
from collections import defaultdict
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Self

from asr.transcript import Transcript, Utterance
from bench.complaints import Complaint, make_complaint
from bench.served import caller_of
from config.document import embedded, load
from console.asking import list_counties
from ivr.hotlines import HotlinesFile
from recordings.search import list_terms, split
from recordings.worklist import State, WorkRow
from tickets.worklist import summarise

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

_LAST = datetime(2026, 11, 24, 12, tzinfo=UTC)
_APART = timedelta(minutes=5)  # so that a year has 100,000
_WAITING = 0.04  # the share of calls that nobody has reviewed yet


@dataclass(frozen=True, slots=True)
class Call:
    """A call in the work list, and what was said."""

    row: WorkRow
    text: str


@dataclass(frozen=True, slots=True)
class Made:
    """Made-up calls, and what is searched for in their words."""

    calls: Sequence[Call]
    texts: Sequence[tuple[str, str, str]]  # call id, words, title
    postings: Mapping[str, Sequence[str]]

    @classmethod
    def make(cls, count: int) -> Self:
        """So many, the oldest first; the same ones each time."""
        made = list(_make_calls(count))
        postings: dict[str, list[str]] = defaultdict(list)
        texts = []
        for call in made:
            runs, title = split(call.text), split(call.row.title)
            texts.append((call.row.call_id, "\n".join(runs), "\n".join(title)))
            for term in list_terms([*runs, *title]):
                postings[term].append(call.row.call_id)
        return cls(made, texts, postings)

    @property
    def terms(self) -> int:
        """How many terms the index of their words has."""
        return sum(map(len, self.postings.values()))


def read_hotlines() -> HotlinesFile:
    """The embedded lines."""
    return load(HotlinesFile, embedded("hotlines.yaml"))


def describe(row: WorkRow) -> dict[str, Any]:
    """The row of the catalogue."""
    return {
        "call_id": row.call_id,
        "sip_call_id": row.call_id,
        "caller": caller_of(row.call_id),
        "called": row.hotline,
        "hotline": row.hotline,
        "flow": "default",
        "node": 1,
        "started_at": row.started_at,
        "answered_at": row.started_at,
        "ended_at": row.started_at + timedelta(seconds=row.duration_s or 0),
        "duration_s": row.duration_s,
        "hung_up_by": "caller",
        "cause": "200 OK",
        "interrupted": row.interrupted,
        "folder": f"calls/{row.call_id}",
        "late": "none",
    }


def _make_calls(count: int) -> Iterator[Call]:
    """Made-up calls, the oldest first; the same ones each time."""
    dice = random.Random(12345)
    lines, counties = [line.number for line in read_hotlines().hotlines], list_counties()
    for n in range(count):
        moment = _LAST - (count - n) * _APART
        complaint = make_complaint(dice, counties)
        phrase = Utterance(complaint.text, (), 1.0, 20.0, dice.betavariate(9, 1.5), -20.0)
        row = summarise(
            f"{moment:%Y%m%dT%H%M%S}-{n:08x}",
            "12345" if dice.random() < 0.6 else dice.choice(lines),  # noqa: PLR2004 - most dial the front door
            moment,
            dice.uniform(20, 300),
            interrupted=dice.random() < 0.01,  # noqa: PLR2004 - some calls break off
            documents=[_draft(complaint)],
            transcript=Transcript(None, (phrase,)),
        )
        yield Call(_decide(row, dice), complaint.text)


def _decide(row: WorkRow, dice: random.Random) -> WorkRow:
    """Most calls have been reviewed, and every 特急: it would be the next one to be opened, for ever."""
    if dice.random() < _WAITING and row.urgency != "特急":
        return row
    state = dice.choices((State.ACCEPTED, State.RETURNED, State.EMPTY), (90, 5, 5))[0]
    return WorkRow(**{name: getattr(row, name) for name in row.__slots__} | {"state": state})


def _draft(complaint: Complaint) -> dict[str, Any]:
    return {
        "appeal": {
            "type": complaint.kind,
            "title": complaint.title,
            "urgency": complaint.urgency,
            "text_pending": False,
        },
        "place": {"county": complaint.county, "township": complaint.township},
        "caller": {"call_back": "" if complaint.urgency == "一般" else "来电人要求回电", "anonymous": False},
    }
