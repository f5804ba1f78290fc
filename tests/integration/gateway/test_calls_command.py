from __future__ import annotations

import asyncio
import json
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import typer
from callfolder import CallFolder, heard, silence, stated
from typer.testing import CliRunner

from gateway.cli import app, calls
from recordings import entries, folders
from recordings.database import migrate, open_database
from tickets import outbox
from tickets.filing import file_call
from tickets.number import NumberBook

if TYPE_CHECKING:
    from click.testing import Result

LEAK = heard("颍上县慎城镇房子漏雨", 1.0, 3.0)
HANDBOOK = Path(__file__).parents[3] / "docs"
NOW = datetime(2026, 7, 1, 12, tzinfo=UTC)


@pytest.fixture
def call_id(tmp_path: Path) -> str:
    """A call on file, its ticket refused by the intake."""
    call = CallFolder(tmp_path).begin()
    call.note(entries.Played(id=1, name="opening", text="您好。", start=0.02)).hear(LEAK)
    call.note(entries.DigitEvent(at=3.4, key="#")).state(stated(0, LEAK, until=3.5))
    call.note(entries.Media(packets=400, lost=8, jitter_seconds=0.004)).record(silence(8)).hang_up(
        seconds=8.0
    )

    async def file() -> None:
        url = f"sqlite:///{tmp_path / 'hotline.db'}"
        await migrate(url)
        db = open_database(url)
        await file_call(db, NumberBook(tmp_path / "numbers", 1), call.folder)
        async with db.write() as connection:
            (parcel,) = await outbox.claim(connection, datetime.now(UTC), 30, 1)
            await outbox.bury(connection, parcel.id, "HTTP 422: [place]", datetime.now(UTC))
        await db.close()

    asyncio.run(file())
    folders.archive(call.folder, tmp_path)
    return call.call_id


def run(data: Path, *arguments: str) -> Result:
    return CliRunner().invoke(app, ["--data", str(data), "calls", *arguments])


def test_the_list(tmp_path: Path, call_id: str) -> None:
    told = run(tmp_path, "list")
    assert told.exit_code == 0
    assert call_id in told.stdout
    assert "被拒收 / refused" in told.stdout
    assert run(tmp_path, "list", "--interrupted").stdout == "没有这样的通话 / no such calls\n"
    (line,) = json.loads(run(tmp_path, "list", "--since", "1d", "--json").stdout)
    assert line["call"]["caller"] == "13855812345"
    assert datetime.fromisoformat(line["call"]["ended_at"]) <= datetime.now(UTC)
    assert line["tickets"][0]["delivery"] == "dead"


def test_the_story_in_order(tmp_path: Path, call_id: str) -> None:
    told = run(tmp_path, "show", call_id)
    assert told.exit_code == 0, told.output
    parts = (
        "13855812345 → 12345",
        "您好。",
        LEAK.text,
        "按键 / key  #",
        "400 包 / packets, 丢 / lost 8, 抖动 / jitter 4.0 ms",
        "caller, 8.0 s",
        "工单 / ticket",
        "被拒收 / refused  1 次 / attempts",
        "HTTP 422: [place]",
        f"calls/2026/07/01/{call_id}/audio.wav",
    )
    assert re.search(".*".join(map(re.escape, parts)), told.stdout, re.DOTALL), told.stdout
    document = json.loads(run(tmp_path, "show", call_id, "--json").stdout)
    assert document["transcripts"]["live"]["utterances"][0]["text"] == LEAK.text


def test_a_call_nobody_knows(tmp_path: Path, call_id: str) -> None:
    told = run(tmp_path, "show", call_id.replace("0", "1"))
    assert told.exit_code == 1
    assert told.stdout == ""


@pytest.mark.parametrize("language", ["en", "zh"])
def test_the_handbooks_commands_work(tmp_path: Path, call_id: str, language: str) -> None:
    text = (HANDBOOK / language / "observe.md").read_text()
    commands = re.findall(r"^hotline calls (.+)$", text, re.MULTILINE)
    assert len(commands) >= 3
    for command in commands:
        arguments = re.sub(r"\d{8}T\d{6}-[0-9a-f]{8}", call_id, command).split()
        assert run(tmp_path, *arguments).exit_code == 0, command


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("90m", NOW - timedelta(minutes=90)),
        ("7d", NOW - timedelta(days=7)),
        ("2026-07-01", datetime(2026, 6, 30, 16, tzinfo=UTC)),
        ("2026-07-01T08:30", datetime(2026, 7, 1, 0, 30, tzinfo=UTC)),
        ("2026-07-01T08:30+00:00", datetime(2026, 7, 1, 8, 30, tzinfo=UTC)),
    ],
)
def test_since_when(text: str, moment: datetime) -> None:
    assert calls.read_since(text, NOW) == moment


@pytest.mark.parametrize("text", ["last week", "5", "-1h", "2026-13-01", "0001-01-01"])
def test_since_when_nobody_knows(text: str) -> None:
    with pytest.raises(typer.BadParameter, match="12h"):
        calls.read_since(text, NOW)
