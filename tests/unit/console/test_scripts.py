"""The page's scripts that know no page, tried by Node's own test runner."""

from __future__ import annotations

import subprocess
from pathlib import Path


def test_the_pages_scripts():
    files = sorted(str(file) for file in Path(__file__).parent.glob("*.test.mjs"))
    assert files
    done = subprocess.run(["node", "--test", *files], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
