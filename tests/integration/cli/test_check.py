"""``hotline check`` on a real database, as an operator runs it."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from recordings.database import migrate, open_database
from tickets import outbox

if TYPE_CHECKING:
    from collections.abc import Callable

ROOT = Path(__file__).parents[3]


@pytest.fixture
def put(tmp_path: Path) -> Callable[..., None]:
    """Put tickets of a given age into the outbox, with what the intake's last answer was."""
    url = f"sqlite:///{tmp_path / 'hotline.db'}"
    asyncio.run(migrate(url))

    async def enqueue(number: str, age: timedelta, reason: str) -> None:
        now = datetime.now(UTC)
        db = open_database(url)
        async with db.write() as connection:
            await outbox.enqueue(connection, number, 1, "{}", now - age)
            (parcel,) = await outbox.claim(connection, now, 30.0, 1)
            if reason.startswith("HTTP 422"):
                await outbox.bury(connection, parcel.id, reason, now)
            else:
                await outbox.postpone(connection, parcel.id, reason, now + timedelta(seconds=60), held=True)
        await db.close()

    return lambda number, age, reason: asyncio.run(enqueue(number, age, reason))


def check(data: Path) -> tuple[int, str]:
    command = [sys.executable, "-m", "gateway", "--data", str(data), "check"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout + done.stderr


def test_a_ticket_that_waits_for_an_hour_is_a_warning(put: Callable[..., None], tmp_path: Path) -> None:
    put("263280200019", timedelta(minutes=59), "HTTP 429")
    code, said = check(tmp_path)
    assert (code, "263280200019" in said) == (0, False), said
    for number in range(25):
        put(f"2632801{number:05}", timedelta(minutes=61), "HTTP 409")
    code, said = check(tmp_path)
    assert code == 0, said
    assert "on its way for more than an hour: 263280100000 第1版" in said
    assert said.count("HTTP 409") == 20
    assert "共 25 件" in said


def test_a_refused_ticket_is_an_error(put: Callable[..., None], tmp_path: Path) -> None:
    put("263280100019", timedelta(minutes=1), "HTTP 422: no such category")
    code, said = check(tmp_path)
    assert code == 1
    assert "dead letter: 263280100019 第1版: HTTP 422: no such category" in said
