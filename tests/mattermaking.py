"""Matters as filing leaves them, each with its call, for tests of what is common to many."""

from __future__ import annotations

from typing import TYPE_CHECKING

import sqlalchemy as sa

from recordings import matters as rows
from recordings.matters import MatterRow
from recordings.schema import calls
from tickets.matters import hour_of_week

if TYPE_CHECKING:
    from datetime import datetime

    from recordings.database import Database


def told(n: int, at: datetime, topic: str, place: tuple[str, str], words: str = "") -> MatterRow:
    return MatterRow(
        number=f"{n:012}",
        call_id=f"{at:%Y%m%dT%H%M%S}-{n:08x}",
        at=at,
        hour=hour_of_week(at),
        hotline="12345",
        caller="13855812345",
        topic=topic,
        category="城乡建设",
        county=place[0],
        township=place[1],
        code="341202",
        urgency="一般",
        words=words or topic,
        urged="",
    )


async def enter(database: Database, made: list[MatterRow]) -> None:
    async with database.write() as connection:
        await connection.execute(
            sa.insert(calls),
            [
                {
                    "call_id": row.call_id,
                    "sip_call_id": "x",
                    "caller": row.caller,
                    "called": "12345",
                    "hotline": "12345",
                    "flow": "default",
                    "node": 1,
                    "started_at": row.at,
                    "cause": "",
                    "interrupted": False,
                    "folder": "x",
                    "late": "none",
                }
                for row in made
            ],
        )
        await rows.store(connection, made)
