"""Run by `build.py` with the kept commit's interpreter: an agent accepts, corrects and sends back tickets.

Usage: deciding.py DATABASE-URL
"""

from __future__ import annotations

import asyncio
import json
import sys
from datetime import UTC, datetime

import sqlalchemy as sa

from recordings.database import open_database
from recordings.schema import tickets
from tickets.decisions import decide
from tickets.review import Correction, Fields, Sheet

DECIDED = 12


async def main(url: str) -> None:
    db = open_database(url)
    last: dict[str, tuple[str, int, dict]] = {}
    async with db.read() as connection:
        query = sa.select(tickets.c.call_id, tickets.c.number, tickets.c.revision, tickets.c.document)
        for row in await connection.execute(query.order_by(tickets.c.number, tickets.c.revision)):
            last[row.number] = (row.call_id, row.revision, json.loads(row.document))
    for n, (number, (call_id, revision, document)) in enumerate(sorted(last.items())[:DECIDED]):
        parts = {**document["appeal"], **document["place"], **document["caller"]}
        fields = {name: parts[name] for name in Fields.model_fields}
        words = [u for u in document["transcript"]["utterances"] if u["text"]]
        corrections = [Correction(start=u["start"], end=u["end"], text=u["text"] + "。") for u in words[:1]]
        if n == 0:
            sheet = Sheet(fields=Fields.model_validate(fields), corrections=(), reason="与他单重复")
            decision = "returned"
        else:
            fields["title"] = fields["title"] or "已电话核实"
            sheet = Sheet(fields=Fields.model_validate(fields), corrections=tuple(corrections), reason="")
            decision = "accepted"
        async with db.write() as connection:
            now = datetime.now(UTC)
            await decide(connection, call_id, number, revision, "agent-1", decision, sheet, now)
    await db.close()


asyncio.run(main(sys.argv[1]))
