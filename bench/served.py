"""What becomes of made-up calls: tickets with what they are about, decisions, legs to people, calls back."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

import sqlalchemy as sa

from config.categories import read_categories
from recordings.callbacks import Result, call_backs
from recordings.matters import matters
from recordings.schema import legs, reviews, tickets
from recordings.worklist import State
from tickets.matters import hour_of_week

if TYPE_CHECKING:
    import random
    from collections.abc import Iterable, Mapping

    from sqlalchemy.ext.asyncio import AsyncConnection

    from recordings.worklist import WorkRow

_PASSED: Final = 0.2  # of the calls
_WRONG: Final = 0.3  # of the drafts
_TOPICS: Final = ("停水", "停电", "噪音", "物业", "欠薪", "道路", "垃圾", "燃气")

Rows = dict[sa.Table, list[dict[str, Any]]]


def make_rest(work: Iterable[WorkRow], dice: random.Random) -> Rows:
    """The rows that follow these calls, table by table in the order in which they refer to each other."""
    categories = read_categories()
    rows: Rows = {table: [] for table in (tickets, matters, reviews, legs, call_backs)}
    for row in work:
        ended = row.started_at + timedelta(seconds=row.duration_s or 0)
        if dice.random() < _PASSED:
            rows[legs].append(_pass_on(row, dice))
        if row.call_back and row.state is not State.OPEN:
            at = ended + timedelta(minutes=dice.uniform(1, 300))
            rows[call_backs].append(
                {"call_id": row.call_id, "at": at, "agent": "bench", "result": Result.REACHED, "note": ""}
            )
        if row.state is State.EMPTY:
            continue
        number = number_of(row.call_id)
        ticket = {"number": number, "call_id": row.call_id, "revision": 1, "created_at": ended}
        rows[tickets].append({**ticket, "matter": 0, "document": "{}", "content_sha256": ""})
        rows[matters].append(_describe(row, number, "_".join(filter(None, dice.choice(categories))), dice))
        if row.state is not State.OPEN:
            rows[reviews].append({**ticket, **_review(dice), "created_at": _later(row, dice)})
    return rows


def number_of(call_id: str) -> str:
    """The number of a made-up call's ticket, digits alone."""
    return f"9{call_id[2:8]}{int(call_id[-8:], 16):06}"


def caller_of(call_id: str) -> str:
    """The telephone a made-up call comes from: each calls two or three times in 100,000."""
    return f"138{int(call_id[-8:], 16) * 7919 % 40_009:08}"


async def store_rest(connection: AsyncConnection, rows: Mapping[sa.Table, list[dict[str, Any]]]) -> None:
    """Insert them, in the transaction of their calls."""
    for table, some in rows.items():
        if some:
            await connection.execute(sa.insert(table), some)


def _later(row: WorkRow, dice: random.Random) -> Any:
    return row.started_at + timedelta(seconds=row.duration_s or 0, minutes=dice.uniform(1, 600))


def _describe(row: WorkRow, number: str, category: str, dice: random.Random) -> dict[str, Any]:
    return {
        "number": number,
        "call_id": row.call_id,
        "at": row.started_at,
        "hour": hour_of_week(row.started_at),
        "hotline": row.hotline,
        "caller": caller_of(row.call_id),
        "topic": dice.choice(_TOPICS),
        "category": category,
        "county": row.county,
        "township": row.township,
        "code": "",
        "urgency": row.urgency,
        "words": " ".join(dice.sample(_TOPICS, 3)),
        "urged": "",
    }


def _review(dice: random.Random) -> dict[str, Any]:
    wrong = dice.choice(("type", "category", "place", "type place")) if dice.random() < _WRONG else ""
    told = {"review": 1, "agent": "bench", "decision": "accepted", "document": "{}", "words_sha256": ""}
    return {**told, "corrected": wrong}


def _pass_on(row: WorkRow, dice: random.Random) -> dict[str, Any]:
    began, taken = row.started_at + timedelta(seconds=10), dice.random() < 0.9  # noqa: PLR2004 - most are taken
    return {
        "call_id": row.call_id,
        "leg": 1,
        "direction": "out",
        "target": "agents",
        "uri": "sip:agents",
        "reason": "person",
        "sip_call_id": f"leg-{row.call_id}",
        "began_at": began,
        "answered_at": began + timedelta(seconds=dice.uniform(2, 30)) if taken else None,
        "ended_at": began + timedelta(seconds=40),
        "ended_by": "target" if taken else "caller",
        "cause": "200 OK",
    }
