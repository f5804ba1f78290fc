"""A PostgreSQL server that takes a statement and never answers."""

from __future__ import annotations

import asyncio
import os
import signal
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa

from gateway.site.reach import AWAY
from recordings import database

if TYPE_CHECKING:
    from postgres import Postgres

PID = sa.text("SELECT pg_backend_pid()")


def test_a_server_that_falls_silent_is_given_up_and_asked_again(
    postgres: Postgres, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database, "_ANSWER_S", 1)
    name = postgres.create()
    stopped: list[int] = []

    async def ask(db: database.Database, *, fall_silent: bool = False) -> int:
        async with db.write() as connection:
            pid: int = await connection.scalar(PID)
            if fall_silent:
                os.kill(pid, signal.SIGSTOP)
                stopped.append(pid)
                await connection.execute(PID)
            return pid

    async def go() -> None:
        db = database.open_database(postgres.url(name))
        try:
            async with asyncio.timeout(20):
                with pytest.raises(AWAY):
                    await ask(db, fall_silent=True)
                assert await ask(db) not in stopped
        finally:
            for pid in stopped:
                os.kill(pid, signal.SIGCONT)
            await db.close()

    asyncio.run(go())
    postgres.drop(name)
