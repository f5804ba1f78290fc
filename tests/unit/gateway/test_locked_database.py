"""A database that another process has to itself holds up no opening: what is known of the caller is not waited for."""

from __future__ import annotations

import asyncio
import sqlite3
from typing import TYPE_CHECKING, Any

from gateway.calls.beside import Beside
from gateway.calls.inquiring import Inquiring
from ivr.actions import Inquire
from recordings.database import migrate, open_database
from tickets.inquiry import Inquiries

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

    from ivr.events import Informed


async def test_a_caller_is_answered_while_the_database_is_anothers(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    file = tmp_path / "hotline.db"
    await migrate(f"sqlite:///{file}")
    other = sqlite3.connect(file, isolation_level=None)
    other.execute("PRAGMA locking_mode = EXCLUSIVE")
    other.execute("BEGIN EXCLUSIVE")
    db, told = open_database(f"sqlite:///{file}"), asyncio.Queue[Any]()
    scribe: Any = None
    asking = set[asyncio.Task[Any]]()

    async def ask(inquiry: Inquire) -> Informed:
        own = asyncio.current_task()
        assert own
        asking.add(own)
        return await Inquiries(db).answer(inquiry)

    now = asyncio.get_running_loop().time
    inquiring = Inquiring(ask, scribe, Beside(), told.put_nowait, now)
    inquiring.perform(Inquire(1, "past", "13800000001"))
    async with asyncio.timeout(20):
        assert (await told.get()).outcome == "away"
    # Else SQLite had waited for its own five seconds, and said that the database is locked.
    assert "nobody could be asked about a ticket within 0.3 s" in caplog.text
    assert other.in_transaction
    other.close()
    async with asyncio.timeout(20):
        outcome = "away"
        while outcome == "away":  # a machine that is slow takes more than 0.3 s now and then
            inquiring.perform(Inquire(1, "past", "13800000001"))
            outcome = (await told.get()).outcome
        assert outcome == "none"
    await asyncio.wait(asking, timeout=60)  # SQLite waits on where nobody does any more
    await db.close()
