"""What was not heard in the calls of a run, and what became of it: from their journals and the tickets on file."""

from __future__ import annotations

import asyncio
import json
import sqlite3
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from recordings import entries
from recordings.journal import read

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from recordings.entries import Written

_LOOKS, _PAUSE_SECONDS = 600, 1.0  # ten minutes for the words to follow from the recordings
_PENDING = """
    SELECT document FROM tickets AS t
    WHERE revision = (SELECT max(revision) FROM tickets WHERE number = t.number)
"""


@dataclass(frozen=True, slots=True)
class Deafness:
    """``stretches``: seconds from a loss of hearing to the next question that listens, or to the end of the call."""

    calls: int
    deaf_calls: int
    call_seconds: float
    stretches: tuple[float, ...]

    def describe(self) -> dict[str, Any]:
        """As JSON: how many, how long at most, and the share of the calls' time."""
        return {
            "calls": self.calls,
            "deaf_calls": self.deaf_calls,
            "stretches": len(self.stretches),
            "longest_seconds": round(max(self.stretches, default=0.0), 1),
            "share_of_time": round(sum(self.stretches) / self.call_seconds, 4) if self.call_seconds else 0.0,
        }


def measure_deafness(data: Path) -> Deafness:
    """Read every journal below DATA."""
    stretches: list[float] = []
    calls = deaf_calls = 0
    seconds = 0.0
    for journal in data.rglob("events.jsonl"):
        found, length = _read_stretches(read(journal.parent).entries)
        calls, deaf_calls, seconds = calls + 1, deaf_calls + bool(found), seconds + length
        stretches += found
    return Deafness(calls, deaf_calls, seconds, tuple(stretches))


def _read_stretches(journal: Iterable[Written]) -> tuple[list[float], float]:
    found: list[float] = []
    since, length = None, 0.0
    for written in journal:
        match written.entry:
            case entries.Deaf(at=at) if since is None and at is not None:
                since = at
            case entries.Hearing(at=at) if since is not None:
                found.append(at - since)
                since = None
            case entries.HungUp(media_seconds=seconds):
                length = seconds or 0.0
    if since is not None:
        found.append(max(0.0, length - since))
    return found, length


async def wait_for_words(data: Path) -> dict[str, Any]:
    """Wait until every recording that was to be transcribed is; what is on file then, and how long it took."""
    looked = 0
    for looked in range(_LOOKS):  # noqa: B007 - told below
        if not await asyncio.to_thread(_count_wanted, data):
            break
        await asyncio.sleep(_PAUSE_SECONDS)
    documents = await asyncio.to_thread(_read_tickets, data)
    return {
        "tickets": len(documents),
        "text_pending": sum(document["appeal"]["text_pending"] for document in documents),
        "transcripts_incomplete": sum(not document["transcript"]["complete"] for document in documents),
        "calls_not_transcribed": await asyncio.to_thread(_count_wanted, data),
        "transcribed_after_seconds": round(looked * _PAUSE_SECONDS),
    }


def _count_wanted(data: Path) -> int:
    (count,) = _ask(data, "SELECT count(*) FROM calls WHERE late = 'wanted'")[0]
    return int(count)


def _read_tickets(data: Path) -> list[dict[str, Any]]:
    return [json.loads(document) for (document,) in _ask(data, _PENDING)]


def _ask(data: Path, query: str) -> list[Any]:
    connection = sqlite3.connect(f"file:{data / 'hotline.db'}?mode=ro", uri=True, timeout=30)
    try:
        return connection.execute(query).fetchall()
    finally:
        connection.close()
