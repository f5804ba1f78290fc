"""Each process of its own, where something it needs is not as it should be."""

from __future__ import annotations

import asyncio
import os
import socket
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
import yaml

from recordings.database import migrate

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Hotline = Callable[..., subprocess.Popen[str]]

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
        ("gateway", "gateway.pump", "MediaPump", "the media pump"),
        ("worker", "tickets.courier", "Courier", "the courier"),
        ("worker", "tickets.late", "LateTranscriber", "late transcription"),
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
    assert "broken for the test" in line
    assert lines[-1] == f"错误 / Error: {name} ended unexpectedly, and this process with it"


@pytest.mark.parametrize("process", ["gateway", "worker"])
def test_other_tables_are_refused_with_the_remedy(hotline: Hotline, tmp_path: Path, process: str) -> None:
    (tmp_path / "base").mkdir()
    ended = hotline("-m", "gateway", process)
    told = read_to_the_end(ended)
    assert ended.returncode == 1
    assert "run `hotline migrate`" in told
    assert "Traceback" not in told


def test_a_worker_waits_for_its_database(hotline: Hotline, tmp_path: Path) -> None:
    told_to_stop = hotline("-m", "gateway", "worker")
    assert told_to_stop.stderr
    assert any("tickets wait for the database" in line for line in told_to_stop.stderr)
    told_to_stop.terminate()
    assert "Traceback" not in read_to_the_end(told_to_stop)
    assert told_to_stop.returncode == 0

    waiting = hotline("-m", "gateway", "worker")
    assert waiting.stderr
    assert any("tickets wait for the database" in line for line in waiting.stderr)
    asyncio.run(migrate(url(tmp_path)))
    assert any('"ready"' in line for line in waiting.stderr)
    waiting.terminate()
    assert "Traceback" not in read_to_the_end(waiting)
    assert waiting.returncode == 0
