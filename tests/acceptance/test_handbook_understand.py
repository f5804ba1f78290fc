"""The handbook's chapter on understanding: each of its commands does what it says, with the files it shows."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from handbook import read_blocks

from gateway.site.settings import DEFAULT_FILE

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[2]
CHAPTER = "understand.md"


class Desk:
    """Types the chapter's commands; what it shows of files is put where it says they are."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.etc = folder / "etc" / "hotline"
        self.etc.mkdir(parents=True)
        (self.etc / "gateway.yaml").write_text(DEFAULT_FILE.read_text())
        self._blocks: Iterator[tuple[str, str]] = iter(
            [(block.kind, block.text) for block in read_blocks("en", CHAPTER.removesuffix(".md"))]
        )

    def shown(self, kind: str) -> str:
        told, text = next(self._blocks)
        assert told == kind
        return text

    def type(self) -> str:
        """Run the next block; it must succeed."""
        return self.run(self.shown("sh").replace("/etc/hotline", str(self.etc)))

    def run(self, text: str) -> str:
        hotline = f'hotline() {{ {sys.executable} -m gateway "$@"; }}\n'
        done = subprocess.run(
            ["sh", "-euc", hotline + text],
            cwd=self.folder,
            env={
                **os.environ,
                "PYTHONPATH": str(ROOT),
                "HOTLINE_CONFIG": str(self.etc / "gateway.yaml"),
                "HOTLINE_DATA": str(self.folder / "data"),
                "RUNTIME_DIRECTORY": str(self.folder / "run"),
            },
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def end(self) -> None:
        assert list(self._blocks) == []


@pytest.mark.soak
def test_the_commands_of_the_chapter(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    desk.run("hotline migrate")
    assert "清河街道" in desk.type()
    (tmp_path / "texts.jsonl").write_text(desk.shown("json"))
    (tmp_path / "pairs.jsonl").write_text(desk.shown("json"))
    village, kitchen, pair = map(json.loads, desk.type().splitlines())
    assert (village["township"], village["village"], len(village["rivals"])) == ("", "王寨村", 9)
    assert kitchen["type"] == "举报"
    assert pair["same"]

    (desk.etc / "dispatch.yaml").write_text(desk.shown("yaml"))
    told = desk.type()
    assert "清河街道办事处" in told
    assert "颍州区城市管理局" in told
    (desk.etc / "points.csv").write_text(desk.shown("csv"))
    told = desk.type()
    assert "points: 1" in told
    assert "115.8123" in told
    samples = [
        f"{text}{number},{label}"
        for text, label in (("路灯不亮", "城乡建设"), ("学校乱收费", "教育文体"), ("河水发臭", "环境保护"))
        for number in "一二三四五六七八九十"
    ]
    (tmp_path / "samples.csv").write_text("\n".join(["text,label", *samples]))
    assert "macro" in desk.type()
    (desk.etc / "divisions.tsv").write_text(desk.shown("tsv"))
    (desk.etc / "gazetteer.yaml").write_text(desk.shown("yaml"))
    told = desk.type()
    assert "包河区" in told
    assert "太湖社区" in told
    desk.end()
