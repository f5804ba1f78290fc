"""Each process of its own, where something it needs is not as it should be."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import os
import socket
import sqlite3
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
import yaml

from recordings.database import migrate, open_database
from recordings.nodes import claim_node

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Hotline = Callable[..., subprocess.Popen[str]]

EX_CONFIG = 78

BREAK = """
import importlib, sys
module, kind, *sys.argv[1:] = sys.argv[1:]
async def run(*_):
    raise RuntimeError("broken for the test")
getattr(importlib.import_module(module), kind).run = run
from gateway.cli import main
main()
"""


@pytest.fixture
def hotline(tmp_path: Path) -> Hotline:
    """Starts `hotline` with these arguments; its database, if it has one by then, lies in ``tmp_path/base``."""
    data = tmp_path / "data"
    data.mkdir()
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    config = tmp_path / "gateway.yaml"
    settings = {
        "sip": {"host": "127.0.0.1", "port": port, "rtp_first_port": 0},
        "intake": {"secret": "whsec_bWluc2hlbmctaG90bGluZS1yZWZlcmVuY2UtaW50YWtlIQ=="},
        "database": {"url": url(tmp_path)},
    }
    config.write_text(yaml.safe_dump(settings))

    def start(*command: str) -> subprocess.Popen[str]:
        *before, name = command
        return subprocess.Popen(
            [sys.executable, *before, "--config", str(config), "--data", str(data), name],
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, "RUNTIME_DIRECTORY": str(tmp_path)},
        )

    return start


def url(folder: Path) -> str:
    return f"sqlite:///{folder / 'base' / 'hotline.db'}"


def read_to_the_end(process: subprocess.Popen[str]) -> str:
    try:
        return process.communicate(timeout=60)[1]
    finally:
        process.kill()


@pytest.mark.parametrize(
    ("process", "module", "kind", "name"),
    [
        ("gateway", "gateway.sip.pump", "MediaPump", "the media pump"),
        ("worker", "tickets.courier", "Courier", "the courier"),
        ("worker", "tickets.jobs", "JobRunner", "late transcription"),
    ],
)
def test_a_process_ends_with_what_it_cannot_work_without(
    hotline: Hotline, tmp_path: Path, process: str, module: str, kind: str, name: str
) -> None:
    asyncio.run(migrate(url(tmp_path)))
    ended = hotline("-c", BREAK, module, kind, process)
    lines = read_to_the_end(ended).splitlines()
    assert ended.returncode == 1, lines
    (line,) = [line for line in lines if '"critical"' in line]
    assert f"{name} ended unexpectedly" in line
    assert "RuntimeError (message withheld)" in line  # it might quote a citizen
    assert lines[-1] == f"错误 / Error: {name} ended unexpectedly, and this process with it"


def set_revision(folder: Path, revision: str) -> None:
    with contextlib.closing(sqlite3.connect(folder / "base" / "hotline.db")) as db, db:
        db.execute("UPDATE alembic_version SET version_num = ?", (revision,))


def put_no_tables(folder: Path) -> None:
    (folder / "base").mkdir()


def put_older_tables(folder: Path) -> None:
    asyncio.run(migrate(url(folder)))
    set_revision(folder, "0001")


def put_newer_tables(folder: Path) -> None:
    asyncio.run(migrate(url(folder)))
    set_revision(folder, "9999")


@pytest.mark.parametrize("put", [put_no_tables, put_older_tables, put_newer_tables])
def test_other_tables_keep_no_gateway_from_answering(
    hotline: Hotline, tmp_path: Path, put: Callable[[Path], None]
) -> None:
    put(tmp_path)
    running = hotline("-m", "gateway", "gateway")
    assert running.stderr
    begun = list(itertools.takewhile(lambda line: '"ready"' not in line, running.stderr))
    assert running.poll() is None, begun
    assert sum("run `hotline migrate`" in line for line in begun) == 1, begun
    running.terminate()
    assert "Traceback" not in "".join(begun) + read_to_the_end(running)
    assert running.returncode == 0


@pytest.mark.parametrize("process", ["gateway", "worker"])
def test_a_node_of_another_folder_is_refused(hotline: Hotline, tmp_path: Path, process: str) -> None:
    asyncio.run(migrate(url(tmp_path)))
    other = tmp_path / "other"
    other.mkdir()

    async def take() -> None:
        db = open_database(url(tmp_path))
        await claim_node(db, 1, other)
        await db.close()

    asyncio.run(take())
    ended = hotline("-m", "gateway", process)
    assert "node 1 belongs to another data folder" in read_to_the_end(ended)
    assert ended.returncode == EX_CONFIG


def assert_a_worker_waits_for_migration(hotline: Hotline, data: Path) -> None:
    waiting = hotline("-m", "gateway", "worker")
    assert waiting.stderr
    assert any("tickets wait for the database" in line for line in waiting.stderr)
    asyncio.run(migrate(url(data)))
    assert any('"ready"' in line for line in waiting.stderr)
    waiting.terminate()
    assert "Traceback" not in read_to_the_end(waiting)
    assert waiting.returncode == 0


def test_a_worker_waits_for_its_tables(hotline: Hotline, tmp_path: Path) -> None:
    put_no_tables(tmp_path)
    assert_a_worker_waits_for_migration(hotline, tmp_path)


def test_a_worker_waits_for_its_database(hotline: Hotline, tmp_path: Path) -> None:
    told_to_stop = hotline("-m", "gateway", "worker")
    assert told_to_stop.stderr
    assert any("tickets wait for the database" in line for line in told_to_stop.stderr)
    told_to_stop.terminate()
    assert "Traceback" not in read_to_the_end(told_to_stop)
    assert told_to_stop.returncode == 0

    assert_a_worker_waits_for_migration(hotline, tmp_path)


LACKING = """
import sys
from pathlib import Path
from console import bundles
bundles.STATIC = Path("nowhere")
from gateway.cli import main
main()
"""


def test_a_page_without_its_scripts_stays_down(hotline: Hotline, tmp_path: Path) -> None:
    asyncio.run(migrate(url(tmp_path)))
    ended = hotline("-c", LACKING, "console")
    told = read_to_the_end(ended)
    assert "nowhere lacks console.js, console.css" in told
    assert ended.returncode == EX_CONFIG


def test_an_intake_without_a_usable_secret_stays_down(hotline: Hotline, tmp_path: Path) -> None:
    config = tmp_path / "gateway.yaml"
    config.write_text(config.read_text().replace("whsec_", "secret_"))
    ended = hotline("-m", "gateway", "intake")
    assert "correct intake.secret" in (told := read_to_the_end(ended)), told
    assert "Traceback" not in told
    assert ended.returncode == EX_CONFIG


@pytest.mark.parametrize(("deed", "code"), [("kill -9 $$", 1), ("exit 1", EX_CONFIG)])
def test_a_gateway_whose_voice_was_only_killed_may_try_again(
    hotline: Hotline, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, deed: str, code: int
) -> None:
    programs = tmp_path / "programs"
    programs.mkdir()
    voice = programs / "espeak-ng"
    voice.write_text(f"#!/bin/sh\n{deed}\n")
    voice.chmod(0o755)
    monkeypatch.setenv("PATH", str(programs), prepend=":")
    ended = hotline("-m", "gateway", "gateway")
    told = read_to_the_end(ended)
    assert ended.returncode == code, told
    assert "espeak-ng" in told
    assert "Traceback" not in told
