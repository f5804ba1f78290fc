"""`hotline check` and `hotline flow check`, as an operator runs them."""

from __future__ import annotations

import shutil
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from config.document import embedded

if TYPE_CHECKING:
    from pathlib import Path

EX_CONFIG = 78


@pytest.fixture
def hotline(tmp_path: Path):
    def run(*words: str, settings: str = "{}\n") -> subprocess.CompletedProcess[str]:
        config = tmp_path / "gateway.yaml"
        config.write_text(settings)
        command = [sys.executable, "-m", "gateway", "--config", str(config), "--data", str(tmp_path / "data")]
        return subprocess.run([*command, *words], capture_output=True, text=True, timeout=120, check=False)

    return run


def test_the_hotlines_file_is_proved(hotline) -> None:
    assert hotline("migrate").returncode == 0
    done = hotline("check")
    assert done.returncode == 0, done.stderr
    assert "flow: default, " in done.stdout
    assert "flow: psychological_aid, " in done.stdout
    assert "hotlines: 33; " in done.stdout
    assert "整体并入 12" in done.stdout
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
    assert f"{file}:{law}: 12348: the category '政治' is not among `categories`" in done.stderr
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
