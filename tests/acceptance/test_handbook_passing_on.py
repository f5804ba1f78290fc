"""The handbook's chapter on passing calls on: its hotlines file names whom it says, its command proves a flow."""

from __future__ import annotations

import subprocess
import sys
from datetime import date
from typing import TYPE_CHECKING

import yaml
from handbook import read_blocks
from pydantic import TypeAdapter

from config.calendar import Calendar, read_calendar
from config.categories import read_categories
from config.document import embedded, load
from config.prompts import PromptTexts
from gateway.site.trunks import TrunkSettings
from ivr.compile import compile_flow
from ivr.hotlines import read_hotlines
from ivr.targets import TargetsPart, make_targets

if TYPE_CHECKING:
    from pathlib import Path

CHAPTER = "passing-on.md"


def test_the_file_and_the_command_of_the_chapter(tmp_path: Path) -> None:
    file, calendar, trunks, three, command = read_blocks("en", CHAPTER.removesuffix(".md"))
    (tmp_path / "hotlines.yaml").write_text(file.text)
    texts = load(PromptTexts, embedded("prompts.yaml"))
    flow = compile_flow(embedded("flows/default.yaml"), texts)
    front, tax = read_hotlines(tmp_path / "hotlines.yaml", texts, flow, read_categories())
    assert [target.name for target in front.targets["person"]] == ["人工坐席", "值班手机"]
    assert [target.ticket for target in front.targets["person"]] == ["theirs", "ours"]
    assert front.targets["person"][1].kind == "personal"
    assert {reason: [t.name for t in listed] for reason, listed in tax.targets.items()} == {
        "person": ["人工坐席", "值班手机"],
        "danger": ["应急指挥席"],
        "centre": ["税务热线"],
    }
    (tmp_path / "calendar.yaml").write_text(calendar.text)
    kept = read_calendar(tmp_path / "calendar.yaml")
    assert [kept.is_workday(date(2027, 1, day)) for day in (1, 4, 9)] == [False, True, True]
    (pbx,) = yaml.safe_load(trunks.text)["trunks"]
    assert TrunkSettings(**pbx).transfers == ("refer", "redirect")
    named = make_targets(
        TypeAdapter(TargetsPart).validate_python(yaml.safe_load(three.text)["targets"]), Calendar()
    )
    assert (named["person"][0].three_way, named["third"][0].name) == (True, "税务专家")
    (tmp_path / "flow.yaml").write_text(embedded("flows/default.yaml").read_text())
    typed = command.text.split()
    assert typed[0] == "hotline"
    done = subprocess.run(
        [sys.executable, "-m", "gateway", *typed[1:-1], str(tmp_path / "flow.yaml")],
        capture_output=True,
        text=True,
        check=True,
    )
    assert "every way there does one or the other" in done.stdout
