"""From a call's tickets and words to its row in the agents' work list.

What needs a look first stands first; the order is that of ``RANKS``, and within one rank the oldest call comes
first, so that none is left lying:

0. 特急: the caller's life or property may be in danger
1. 紧急
2. interrupted: the gateway died in the call, its end may be missing
3. the caller waits to be called back
4. low confidence: what stands in the ticket may not be what was said
5. the place is missing from a matter that needs one
6. everything else
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

import sqlalchemy as sa

from asr.transcript import Transcript
from recordings import search
from recordings import worklist as rows
from recordings.schema import calls, tickets, transcripts, worklist
from recordings.worklist import State, WorkRow
from tickets import merging
from tickets.deciding import PLACELESS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from sqlalchemy.ext.asyncio import AsyncConnection

    from recordings.database import Database

RANKS: Final = ("特急", "紧急", "通话中断", "须回电", "识别存疑", "缺地点", "一般")
_SURE: Final = 0.7  # mean confidence (0..1) of a call's characters, below which it is doubtful
_BATCH: Final = 200


def summarise(
    call_id: str,
    hotline: str,
    started_at: datetime,
    duration_s: float | None,
    *,
    interrupted: bool,
    documents: Sequence[Mapping[str, Any]],
    transcript: Transcript,
    missed: str = "",
    tries: int = 1,
) -> WorkRow:
    """The row of an ended call. ``documents`` are its tickets, each in its last revision (``Ticket.to_json``).

    ``missed`` is how its caller was missed, see `tickets.missed`.
    """
    appeals = [document["appeal"] for document in documents]
    places = [document["place"] for document in documents]
    urgency = min((appeal["urgency"] for appeal in appeals), key=_rank_urgency, default="一般")
    call_back = any(document["caller"]["call_back"] for document in documents)
    doubtful = any(appeal["text_pending"] for appeal in appeals) or _is_doubtful(transcript)
    lost = any(map(_lacks_place, documents))
    flags = (urgency == "特急", urgency == "紧急", interrupted, call_back, doubtful, lost, True)
    return WorkRow(
        call_id=call_id,
        hotline=hotline,
        started_at=started_at,
        duration_s=duration_s,
        title=";".join(appeal["title"] for appeal in appeals),
        appeal=_join(appeal["type"] or "" for appeal in appeals),
        county=_join(place["county"] for place in places),
        township=_join(place["township"] for place in places),
        urgency=urgency,
        interrupted=interrupted,
        call_back=call_back,
        low_confidence=doubtful,
        place_missing=lost,
        rank=flags.index(True),
        state=_find_state(documents),
        missed=missed,
        tries=tries,
    )


async def store(connection: AsyncConnection, work: Sequence[WorkRow], texts: Mapping[str, str]) -> None:
    """List calls, and make their titles and ``texts`` (by call id) searchable; in the transaction that stores these."""
    await rows.store(connection, work)
    await search.index(connection, texts, {row.call_id: row.title for row in work})


async def relist(connection: AsyncConnection, call_ids: Sequence[str]) -> None:
    """Bring the rows of ended calls up to date with their tickets on file; a probe's has none."""
    work, heard = [], {}
    ended = calls.c.ended_at.is_not(None)
    wanted = sa.select(calls).where(calls.c.call_id.in_(call_ids), ended, ~calls.c.test)
    found = (await connection.execute(wanted)).all()
    documents = await _read_tickets(connection, call_ids)
    spoken = await _read_transcripts(connection, call_ids)
    listed = sa.select(worklist.c.call_id, worklist.c.missed, worklist.c.tries).where(
        worklist.c.call_id.in_(call_ids)
    )
    missed = {row.call_id: (row.missed, row.tries) for row in await connection.execute(listed)}
    for call in found:
        transcript = spoken.get(call.call_id, Transcript(None, ()))
        told = documents.get(call.call_id, [])
        how, tries = missed.get(call.call_id, ("", 1))
        heard[call.call_id] = read_text(told) if told else transcript.text
        work.append(
            summarise(
                call.call_id,
                call.hotline,
                call.started_at,
                call.duration_s,
                interrupted=call.interrupted,
                documents=told,
                transcript=transcript,
                missed=how,
                tries=tries,
            )
        )
    await store(connection, work, heard)


async def backfill(db: Database) -> int:
    """List the calls that were filed before there was a list; returns how many. Repeatable, by any process."""
    unlisted = ~sa.exists().where(worklist.c.call_id == calls.c.call_id)
    missing = (
        sa.select(calls.c.call_id)
        .where(calls.c.ended_at.is_not(None), ~calls.c.test, unlisted)
        .order_by(calls.c.call_id)
        .limit(_BATCH)
    )
    count = 0
    while True:
        async with db.read() as connection:
            call_ids = list(await connection.scalars(missing))
        if not call_ids:
            return count
        async with db.write() as connection:
            await relist(connection, call_ids)
        count += len(call_ids)


async def _read_tickets(
    connection: AsyncConnection, call_ids: Sequence[str]
) -> dict[str, list[dict[str, Any]]]:
    """Each call's tickets in their last revision, by matter; one that another call went on with is that one's."""
    newer = tickets.alias()
    over = sa.exists().where(
        newer.c.number == tickets.c.number,
        newer.c.revision > tickets.c.revision,
        newer.c.call_id != tickets.c.call_id,
    )
    query = (
        sa.select(tickets.c.call_id, tickets.c.matter, tickets.c.document)
        .where(tickets.c.call_id.in_(call_ids), ~over)
        .order_by(tickets.c.matter, tickets.c.revision)
    )
    last: dict[str, dict[int, str]] = {}
    for row in await connection.execute(query):
        last.setdefault(row.call_id, {})[row.matter] = row.document
    return {call_id: [json.loads(d) for d in matters.values()] for call_id, matters in last.items()}


async def _read_transcripts(connection: AsyncConnection, call_ids: Sequence[str]) -> dict[str, Transcript]:
    query = sa.select(transcripts).where(transcripts.c.call_id.in_(call_ids))
    kept: dict[str, dict[str, Transcript]] = {}
    for row in await connection.execute(query):
        kept.setdefault(row.call_id, {})[row.source] = Transcript.from_json(json.loads(row.document))
    return {call_id: merging.combine(by_source) for call_id, by_source in kept.items()}


def read_text(documents: Sequence[Mapping[str, Any]]) -> str:
    """What was said in the call, one phrase a line, as its tickets tell it: an agent may have corrected it.

    The tickets of a call tell it in the same words but for those corrections: the one reviewed last is the best.
    """
    best = max(documents, key=lambda document: (document.get("review") or {}).get("at", ""))
    return "\n".join(u["text"] for u in best["transcript"]["utterances"] if u["text"])


def _find_state(documents: Sequence[Mapping[str, Any]]) -> State:
    """What waits for an agent as long as one of the tickets does."""
    if not documents:
        return State.EMPTY
    reviews = [document.get("review") for document in documents]
    if any(review is None or review["later_words"] for review in reviews):
        return State.OPEN
    returned = all(document["status"] == State.RETURNED for document in documents)
    return State.RETURNED if returned else State.ACCEPTED


def _lacks_place(document: Mapping[str, Any]) -> bool:
    place, kind = document["place"], document["appeal"]["type"]
    if place["county"] or place["township"] or kind in PLACELESS:
        return False
    # An anonymous line asks for none, and nothing of its calls could tell one.
    if not document["caller"]["anonymous"]:
        return True
    return bool(document["recording"] or document["transcript"]["utterances"])


def _is_doubtful(transcript: Transcript) -> bool:
    spoken = [u for u in transcript.utterances if u.text]
    characters = sum(len(u.text) for u in spoken)
    sure = sum(len(u.text) * u.confidence for u in spoken)
    return not transcript.complete or bool(characters and sure / characters < _SURE)


def _rank_urgency(urgency: str) -> int:
    return ("特急", "紧急", "一般").index(urgency)


def _join(names: Any) -> str:
    """Each name once, in order."""
    return "、".join(dict.fromkeys(name for name in names if name))
