"""A database that was restored from a backup: what is decided afterwards is above all that the intake has."""

from __future__ import annotations

import asyncio
import json
import shutil
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import aiohttp
import pytest
import sqlalchemy as sa
from callfolder import CallFolder, heard, silence, stated

from recordings.database import open_database
from recordings.nodes import claim_node, take_node
from recordings.schema import outbox, tickets
from tickets.bell import SOCKET, wake
from tickets.client import IntakeClient
from tickets.courier import Courier
from tickets.decisions import decide
from tickets.filing import file_call
from tickets.number import NumberBook
from tickets.review import Sheet, read_fields

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from recordings.database import Database

LEAK = heard("颍上县慎城镇房子漏雨", 1.0, 3.0)


@pytest.fixture
def back_up(database_url: str, request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[], str]:
    """Copy the database, which nobody has open; the copy's address."""

    def copy() -> str:
        if database_url.startswith("sqlite"):
            file = tmp_path / "backup.db"
            shutil.copy(database_url.removeprefix("sqlite:///"), file)
            return f"sqlite:///{file}"
        server = request.getfixturevalue("postgres")
        name = server.create(sa.make_url(database_url).database)
        request.addfinalizer(lambda: server.drop(name))
        return str(server.url(name))

    return copy


async def accept(db: Database, number: str, title: str) -> int:
    async with db.write() as connection:
        query = sa.select(tickets).where(tickets.c.number == number).order_by(tickets.c.revision.desc())
        row = (await connection.execute(query)).first()
        assert row
        fields = {**read_fields(json.loads(row.document)), "title": title}
        sheet = Sheet.model_validate({"fields": fields, "corrections": [], "reason": ""})
        now = datetime.now(UTC)
        return await decide(connection, row.call_id, number, row.revision, "张敏", "accepted", sheet, now)


async def deliver(db: Database, intake: str, secret: str, data: Path) -> list[tuple[str, str | None]]:
    """Post until nothing waits; how each revision fared."""
    client, stop = IntakeClient(f"{intake}/v1/tickets", secret, 10.0), asyncio.Event()
    task = asyncio.create_task(Courier(db, client, data / SOCKET).run(stop))
    waiting = sa.select(sa.func.count()).select_from(outbox).where(outbox.c.state == "pending")
    async with asyncio.timeout(60):
        while True:
            async with db.read() as connection:
                if not await connection.scalar(waiting):
                    break
            wake(data)
            await asyncio.sleep(0.02)
    stop.set()
    await task
    await client.close()
    async with db.read() as connection:
        rows = await connection.execute(sa.select(outbox.c.state, outbox.c.last_error).order_by(outbox.c.id))
        return [(row.state, row.last_error) for row in rows]


async def test_decisions_after_a_restoration_are_above_what_the_intake_took_before_it(
    database_url, back_up, intake, secret, tmp_path
):
    numbers = NumberBook(tmp_path / "numbers", 1)
    call = CallFolder(tmp_path).begin().hear(LEAK)
    call.state(stated(0, LEAK, until=3.5, complete=True, appeal="求助")).record(silence(8)).hang_up(
        seconds=8.0
    )
    db = open_database(database_url)
    await claim_node(db, 1, tmp_path)
    (number,) = (await file_call(db, numbers, call.folder)).numbers
    await deliver(db, intake, secret, tmp_path)
    await db.close()
    copied = await asyncio.to_thread(back_up)
    db = open_database(database_url)
    assert [await accept(db, number, "漏雨"), await accept(db, number, "房子漏雨")] == [2, 3]
    await deliver(db, intake, secret, tmp_path)
    await db.close()

    db = open_database(copied)
    await take_node(db, 1, tmp_path)
    again = await accept(db, number, "恢复之后")
    assert again > 3
    assert not (await file_call(db, numbers, call.folder)).changed
    assert await deliver(db, intake, secret, tmp_path) == [("accepted", None), ("accepted", None)]
    assert await accept(db, number, "再改") == again + 1
    await db.close()
    async with aiohttp.ClientSession() as http, http.get(f"{intake}/v1/tickets/{number}") as answer:
        held = (await answer.json())["revisions"]
    assert [(one["revision"], one["ticket"]["appeal"]["title"]) for one in held[1:]] == [
        (2, "漏雨"),
        (3, "房子漏雨"),
        (again, "恢复之后"),
    ]
