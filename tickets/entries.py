"""The entries of a call's journal, read back as the types they were written from."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any, Self

from asr.transcript import Utterance, Word
from ivr.matter import Matter, Spoken, Window

if TYPE_CHECKING:
    from collections.abc import Iterable


@dataclass(slots=True)
class Entries:
    """A journal's entries by kind: the last of those that come once, all of those that come often.

    ``deaf_at`` is the time in the recording from which on words may be missing, None when none are. ``opening`` is
    the text of the first prompt that was played.
    """

    last: dict[str, dict[str, Any]] = field(default_factory=dict)
    heard: list[Utterance] = field(default_factory=list)
    matters: dict[int, Matter] = field(default_factory=dict)
    numbers: dict[int, str] = field(default_factory=dict)
    deaf_at: float | None = None
    opening: str = ""

    @classmethod
    def gather(cls, entries: Iterable[dict[str, Any]]) -> Self:
        """Sort a journal's entries."""
        gathered = cls()
        for entry in entries:
            gathered._add(entry)
        return gathered

    def wall(self, kind: str) -> datetime | None:
        """When the last entry of that kind was written."""
        entry = self.last.get(kind)
        return _read_wall(entry) if entry else None

    def _add(self, entry: dict[str, Any]) -> None:
        match entry["kind"]:
            case "heard":
                self.heard.append(_read_utterance(entry))
            case "matter":
                matter = _read_matter(entry)
                self.matters[matter.index] = matter
            case "number":
                self.numbers.setdefault(entry["matter"], entry["number"])
            case "played":
                self.opening = self.opening or entry["text"]
            case "deaf":
                self._lose_hearing(self._since_answer(entry))
            case "event" if entry["name"] == "EarLost":
                self._lose_hearing(entry["at"])
            case "event" if entry["name"] == "Answered" and not entry["hears"]:
                self._lose_hearing(0.0)
            case kind:
                self.last[kind] = entry

    def _lose_hearing(self, at: float) -> None:
        self.deaf_at = at if self.deaf_at is None else min(at, self.deaf_at)

    def _since_answer(self, entry: dict[str, Any]) -> float:
        answered = self.wall("answered")
        return max((_read_wall(entry) - answered).total_seconds(), 0.0) if answered else 0.0


def read_number(text: str) -> str:
    """A telephone number of ASCII digits, as a ticket may hold it; "" for one of any others, which nobody can dial.

    Such came in by P-Asserted-Identity while the door let every script's digits through.
    """
    return text if re.fullmatch("[0-9]*", text) else ""


def _read_wall(entry: dict[str, Any]) -> datetime:
    return datetime.fromisoformat(entry["wall"])


def _read_utterance(entry: dict[str, Any]) -> Utterance:
    return Utterance(
        text=entry["text"],
        words=tuple(Word(**w) for w in entry["words"]),
        start=entry["start"],
        end=entry["end"],
        confidence=entry["confidence"],
        level=entry["level"],
        confirmed=entry["confirmed"],
    )


def _read_matter(entry: dict[str, Any]) -> Matter:
    fields = {key: value for key, value in entry.items() if key not in {"n", "wall", "kind"}}
    fields["spoken"] = tuple(Spoken(**s) for s in fields["spoken"])
    fields["contact"] = read_number(fields["contact"])
    fields["windows"] = tuple(Window(**w) for w in fields["windows"])
    return Matter(**fields)
