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

    Run = Callable[..., subprocess.CompletedProcess[str]]

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
def run(tmp_path: Path) -> Run:
    data = tmp_path / "data"
    data.mkdir()
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    config = tmp_path / "gateway.yaml"
    settings = {
        "sip": {"host": "127.0.0.1", "port": port, "rtp_first_port": 0},
        "intake": {"secret": "whsec_bWluc2hlbmctaG90bGluZS1yZWZlcmVuY2UtaW50YWtlIQ=="},
    }
    config.write_text(yaml.safe_dump(settings))

    def run(*command: str) -> subprocess.CompletedProcess[str]:
        *before, name = command
        return subprocess.run(
            [sys.executable, *before, "--config", str(config), "--data", str(data), name],
            capture_output=True,
            text=True,
            env={**os.environ, "RUNTIME_DIRECTORY": str(tmp_path)},
            timeout=60,
            check=False,
        )

    return run


@pytest.mark.parametrize(
    ("process", "module", "kind", "name"),
    [
        ("gateway", "gateway.pump", "MediaPump", "the media pump"),
        ("worker", "tickets.courier", "Courier", "the courier"),
        ("worker", "tickets.late", "LateTranscriber", "late transcription"),
    ],
)
def test_a_process_ends_with_what_it_cannot_work_without(
    run: Run, tmp_path: Path, process: str, module: str, kind: str, name: str
) -> None:
    asyncio.run(migrate(f"sqlite:///{tmp_path / 'data' / 'hotline.db'}"))
    ended = run("-c", BREAK, module, kind, process)
    assert ended.returncode == 1, ended.stderr
    (line,) = [line for line in ended.stderr.splitlines() if '"critical"' in line]
    assert f"{name} ended unexpectedly" in line
    assert "broken for the test" in line
    assert (
        ended.stderr.splitlines()[-1] == f"错误 / Error: {name} ended unexpectedly, and this process with it"
    )


@pytest.mark.parametrize("process", ["gateway", "worker"])
def test_other_tables_are_refused_with_the_remedy(run: Run, process: str) -> None:
    ended = run("-m", "gateway", process)
    assert ended.returncode == 1
    assert "run `hotline migrate`" in ended.stderr
    assert "Traceback" not in ended.stderr
