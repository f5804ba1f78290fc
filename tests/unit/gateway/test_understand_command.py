"""``hotline understand`` with files that are not as they should be: what is wrong, in which line, and what to do."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from typer.testing import CliRunner

from config.fault import Fault
from gateway.cli import app, understand

if TYPE_CHECKING:
    from pathlib import Path

GOOD = '{"text": "清河街道路灯不亮"}'
assert understand


def run(file: Path, *words: str) -> tuple[list[dict[str, object]], str]:
    """The objects that are written, and what is wrong."""
    done = CliRunner().invoke(app, ["understand", str(file), "--json", *words])
    if done.exception:
        assert isinstance(done.exception, Fault), done.exception
    return [json.loads(line) for line in done.stdout.splitlines()], str(done.exception or "")


@pytest.mark.parametrize(
    ("line", "wrong"),
    [
        ("{}", "the text 'text' is missing"),
        ('{"text": 5}', "text 5 不是文字 / is no text"),
        ('{"text": null}', "the text 'text' is missing"),
        ('{"text": "路灯\\ud800"}', "character 3 is none (U+D800)"),
        ("[1]", "not a JSON object"),
        ("{", "not a JSON object"),
        ("[" * 100_000, "not a JSON object"),
        ('{"text": "停水", "hotline": "99999"}', "hotline '99999'"),
        ('{"text": "停水", "at": "明天"}', "at '明天'"),
        ('{"text": "停水", "at": "0001-01-01T00:00:00+14:00"}', "is no moment"),
        ('{"text": "前天停水", "at": "0001-01-01T00:00:00"}', "is no moment"),
    ],
)
def test_what_is_wrong_is_said_with_its_line_and_the_lines_before_are_told(
    line: str, wrong: str, tmp_path: Path
) -> None:
    file = tmp_path / "texts.jsonl"
    file.write_text(f"{GOOD}\n\n{line}\n")
    told, said = run(file)
    assert [one["township"] for one in told] == ["清河街道"]
    assert said.startswith(f"{file}:3: ")
    assert wrong in said


def test_each_object_is_told_in_order_whatever_its_text_holds(tmp_path: Path) -> None:
    file = tmp_path / "texts.jsonl"
    long = json.dumps({"text": "停水" * 50_000})
    odd = json.dumps({"text": "停水\u2028\x85\x00了"}, ensure_ascii=False)
    file.write_text(f'\ufeff{GOOD}\r\n{long}\n{odd}\n{GOOD[:-1]}, "hotline": 12333}}', newline="")
    told, said = run(file)
    assert said == ""
    assert [one["township"] for one in told] == ["清河街道", "", "", "清河街道"]


def test_a_pair_needs_both(tmp_path: Path) -> None:
    file = tmp_path / "pairs.jsonl"
    file.write_text('{"a": "停水", "b": "没水"}\n{"a": "停水"}\n')
    told, said = run(file, "--pairs")
    assert [sorted(one) for one in told] == [["reasons", "same", "score"]]
    assert said.startswith(f"{file}:2: ")
