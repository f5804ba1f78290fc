"""What a start does without: each of these takes a tenth of a second or more, which whoever restarts waits for."""

from __future__ import annotations

import subprocess
import sys

import pytest

LARGE = ("aiohttp", "alembic", "numpy", "pjsua2", "pypinyin", "sqlalchemy", "structlog", "tickets", "vosk")


@pytest.mark.parametrize(
    ("module", "needed"),
    [
        ("gateway.cli.calls", "sqlalchemy tickets"),
        ("gateway.cli.showing", "sqlalchemy structlog tickets"),
        ("gateway.service.process.asr", "aiohttp numpy tickets vosk"),
        ("gateway.service.process.worker", "aiohttp numpy sqlalchemy structlog tickets"),
    ],
)
def test_a_process_loads_what_it_needs_and_no_more(module: str, needed: str):
    program = f"import sys, {module}; print(*sorted({{*{LARGE}}} & {{*sys.modules}}))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.split() == needed.split()
