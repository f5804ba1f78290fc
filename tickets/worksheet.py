"""What agents are still working on: one sheet a call, saved as they type, until every ticket of it is decided."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

import sqlalchemy as sa
from pydantic import BaseModel, ConfigDict, Field

from recordings.schema import worksheets
from tickets.review import Correction, Text

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from sqlalchemy.ext.asyncio import AsyncConnection

    from tickets.review import Review


class WorksheetMoved(RuntimeError):  # noqa: N818 - the name says the error
    """The sheet was saved by somebody else, or from another window; the message says so in Chinese."""


class Edits(BaseModel):
    """Unfinished work on a call.

    ``tickets`` holds, by ticket number, only those fields that were changed (names as in
    ``tickets.review.Fields``): the others follow what later revisions bring. Half-written values are allowed.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    corrections: Annotated[tuple[Correction, ...], Field(max_length=2000)] = ()
    tickets: Annotated[
        dict[
            Annotated[str, Field(pattern=r"^[0-9]{12,20}$")],
            dict[
                Annotated[str, Field(max_length=30)], Annotated[Text, Field(max_length=10_000)] | bool | None
            ],
        ],
        Field(max_length=50),
    ] = {}


@dataclass(frozen=True, slots=True)
class Worksheet:
    """A saved sheet; ``version`` counts its savings, ``agent`` is the id of who saved last."""

    version: int
    agent: str
    edits: dict[str, Any]
    updated_at: datetime


NEW = 0
"""The version of a sheet that was never saved."""


async def read(connection: AsyncConnection, call_id: str) -> Worksheet | None:
    """The call's sheet, None when nobody has begun one."""
    row = (await connection.execute(sa.select(worksheets).where(worksheets.c.call_id == call_id))).first()
    return Worksheet(row.version, row.agent, json.loads(row.document), row.updated_at) if row else None


async def save(
    connection: AsyncConnection, call_id: str, version: int, agent: str, edits: Edits, now: datetime
) -> int:
    """Save over ``version`` (``NEW`` for the first time); returns the new version. Raises WorksheetMoved."""
    values = {
        "version": version + 1,
        "agent": agent,
        "document": edits.model_dump_json(),
        "updated_at": now,
    }
    if version == NEW:
        try:
            async with connection.begin_nested():
                await connection.execute(sa.insert(worksheets).values(call_id=call_id, **values))
        except sa.exc.IntegrityError:
            raise _moved() from None
        return version + 1
    changed = await connection.execute(
        sa.update(worksheets)
        .where(worksheets.c.call_id == call_id, worksheets.c.version == version)
        .values(values)
    )
    if not changed.rowcount:
        raise _moved()
    return version + 1


async def clear(connection: AsyncConnection, call_id: str, number: str, now: datetime) -> int:
    """Forget the edits of one ticket, which has been decided; returns the sheet's version then.

    With the last of the edits the sheet goes, corrections and all: the reviews hold those.
    """
    sheet = await read(connection, call_id)
    if sheet is None:
        return NEW
    left = {n: edits for n, edits in sheet.edits["tickets"].items() if n != number and edits}
    if left:
        edits = Edits.model_validate({**sheet.edits, "tickets": left})
        return await save(connection, call_id, sheet.version, sheet.agent, edits, now)
    await connection.execute(sa.delete(worksheets).where(worksheets.c.call_id == call_id))
    return NEW


async def restore(
    connection: AsyncConnection,
    call_id: str,
    number: str,
    review: Review,
    before: Mapping[str, Any],
    now: datetime,
) -> None:
    """Make what a review has decided unfinished work again; ``before`` are the fields it was laid over.

    What somebody has typed since for the call's other tickets stays, corrections with it.
    """
    sheet = await read(connection, call_id)
    decided = review.sheet.fields.model_dump()
    changed = {name: value for name, value in decided.items() if value != before[name]}
    edits = (
        Edits.model_validate({**sheet.edits, "tickets": {**sheet.edits["tickets"], number: changed}})
        if sheet
        else Edits(corrections=review.sheet.corrections, tickets={number: changed})
    )
    await save(connection, call_id, sheet.version if sheet else NEW, review.agent, edits, now)


def _moved() -> WorksheetMoved:
    return WorksheetMoved(
        "这通电话的草稿已在别处(另一个窗口或另一位坐席)保存过,这里的修改没有存上。请重新载入后再改。"
    )
