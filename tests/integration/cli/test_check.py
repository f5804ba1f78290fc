"""``hotline check`` and ``hotline flow check``, as an operator runs them."""

from __future__ import annotations

import asyncio
import contextlib
import shutil
import sqlite3
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from hotlinecommand import run_hotline

from config.document import embedded
from recordings.database import migrate, open_database
from tickets import outbox

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable
    from pathlib import Path

EX_CONFIG = 78


@pytest.fixture
def hotline(tmp_path: Path):
    def run(*words: str, settings: str = "{}\n") -> subprocess.CompletedProcess[str]:
        config = tmp_path / "gateway.yaml"
        config.write_text(settings)
        return run_hotline("--config", str(config), "--data", str(tmp_path), *words)

    return run


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


def test_the_hotlines_file_is_proved(hotline) -> None:
    assert hotline("migrate").returncode == 0
    done = hotline("check")
    assert done.returncode == 0, done.stderr
    assert "flow: default, " in done.stdout
    assert "flow: psychological_aid, " in done.stdout
    assert "hotlines: 33; " in done.stdout
    assert "整体并入 12" in done.stdout
    assert "没有设置中继 / no trunks are set" in done.stdout
    assert done.stdout.count("anybody who reaches") == 1, "of an open door it warns once"
    assert done.stdout.count("whoever reaches") == 0
    assert "12356 卫生计生咨询举报: –2025-04-30, 今天无效 / not in force today" in done.stdout


def test_each_fault_of_it_is_told_at_its_line(hotline, tmp_path: Path) -> None:
    file = tmp_path / "hotlines.yaml"
    text = embedded("hotlines.yaml").read_text()
    text = text.replace("opening: opening_merged,", "opening: nothing,")
    file.write_text(text.replace("category: 政法}", "category: 政治}").replace("psychological_aid", "aid"))
    done = hotline("check", settings=f"dialogue: {{hotlines: {file}}}\n")
    assert done.returncode == EX_CONFIG
    lines = text.splitlines()
    law = next(n for n, line in enumerate(lines, start=1) if '"12348"' in line)
    merged = next(n for n, line in enumerate(lines, start=1) if line.startswith("  整体并入: "))
    assert f"{file}:{law}: 12348: the category '政治' is not in the catalogue" in done.stderr
    assert f"{file}:{merged}: 整体并入: the opening 'nothing' is no prompt" in done.stderr
    assert "12356: the flow 'flows/aid.yaml' is neither beside this file nor among" in done.stderr
    assert len(done.stderr.strip().splitlines()) == 3, "each fault once"


@pytest.mark.parametrize("name", ["default", "psychological_aid"])
def test_a_flow_is_proved_by_itself(hotline, tmp_path: Path, name: str) -> None:
    file = tmp_path / "own.yaml"
    shutil.copy(embedded(f"flows/{name}.yaml"), file)
    done = hotline("flow", "check", str(file))
    assert done.returncode == 0, done.stderr
    assert f"flow proved: {file}: {name}" in done.stdout


def test_a_ticket_that_waits_for_an_hour_is_a_warning(hotline, put: Callable[..., None]) -> None:
    put("263280200019", timedelta(minutes=59), "HTTP 429")
    done = hotline("check")
    assert (done.returncode, "263280200019" in done.stdout) == (0, False), done.stdout + done.stderr
    for number in range(25):
        put(f"2632801{number:05}", timedelta(minutes=61), "HTTP 409")
    done = hotline("check")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "on its way for more than an hour: 263280100000 第1版" in done.stdout
    assert done.stdout.count("HTTP 409") == 20
    assert "共 25 件" in done.stdout


def test_a_refused_ticket_is_an_error(hotline, put: Callable[..., None]) -> None:
    put("263280100019", timedelta(minutes=1), "HTTP 422: no such category")
    done = hotline("check")
    assert done.returncode == 1
    assert "dead letter: 263280100019 第1版: HTTP 422: no such category" in done.stdout


@pytest.mark.parametrize("command", ["migrate", "up", "gateway", "worker", "console", "check"])
def test_a_wrong_database_address_is_told_without_its_password(hotline, command: str) -> None:
    done = hotline(command, settings='database: {url: "mysql://hotline:GEHEIM@db/x"}\n')
    assert done.returncode == EX_CONFIG, done.stderr
    assert "'mysql' is no kind of database" in done.stderr
    assert "请改正 database.url" in done.stderr
    assert "GEHEIM" not in done.stdout + done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("command", ["migrate", "up", "console"])
def test_a_newer_database_is_told_in_one_message(hotline, tmp_path: Path, command: str) -> None:
    assert hotline("migrate").returncode == 0
    with contextlib.closing(sqlite3.connect(tmp_path / "hotline.db")) as db, db:
        db.execute("UPDATE alembic_version SET version_num = '9999'")
    done = hotline(command)
    assert done.returncode == EX_CONFIG, done.stderr
    assert done.stderr.count("9999") == 1
    assert "it was migrated by a newer version; install that version" in done.stderr
    assert "请安装" in done.stderr
    assert "Traceback" not in done.stderr
