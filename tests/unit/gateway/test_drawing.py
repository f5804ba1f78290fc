from __future__ import annotations

import re
from itertools import combinations
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from config.document import embedded, load
from config.prompts import PromptTexts
from gateway.cli.drawing.chart import chart
from gateway.cli.drawing.layout import WIDTH, abbreviate, lay_out, wrap
from gateway.cli.drawing.svg import draw
from ivr.compile import compile_flow

FLOWS = ("default", "psychological_aid", "placed_follow_up", "placed_care", "placed_missed")


@pytest.mark.parametrize("name", FLOWS)
def test_every_box_is_drawn_once_and_every_answer_leads_to_one(name: str) -> None:
    texts = load(PromptTexts, embedded("prompts.yaml"))
    drawn = chart(compile_flow(embedded(f"flows/{name}.yaml"), texts), texts)
    layout = lay_out(drawn)
    assert layout.placed.keys() == drawn.boxes.keys()
    assert sorted(one.number for one in layout.placed.values()) == list(range(1, len(drawn.boxes) + 1))
    svg = draw(layout, "来电流程")
    ids = re.findall(r'id="(n\d+)"', svg)
    assert len(ids) == len(set(ids)) == len(drawn.boxes)
    assert set(re.findall(r'href="#(n\d+)"', svg)) <= set(ids)
    exits = sum(len(box.exits) for box in drawn.boxes.values())
    assert svg.count('class="way"') + svg.count('class="goto"') == exits
    assert ET.fromstring(svg).tag.endswith("svg")  # noqa: S314 - our own


def test_the_handbooks_picture_is_of_the_flow_as_it_is() -> None:
    texts = load(PromptTexts, embedded("prompts.yaml"))
    picture = draw(
        lay_out(chart(compile_flow(embedded("flows/default.yaml"), texts), texts)), "来电流程 default"
    )
    shown = Path(__file__).parents[3] / "docs" / "flow" / "default.svg"
    assert shown.read_text() == picture, f"run: hotline flow show --to {shown}"


@pytest.mark.parametrize("name", FLOWS)
def test_no_box_covers_another(name: str) -> None:
    texts = load(PromptTexts, embedded("prompts.yaml"))
    layout = lay_out(chart(compile_flow(embedded(f"flows/{name}.yaml"), texts), texts))
    for one, other in combinations(layout.placed.values(), 2):
        beside = one.x + WIDTH <= other.x or other.x + WIDTH <= one.x
        assert beside or one.y + one.height <= other.y or other.y + other.height <= one.y
    assert max(one.y + one.height for one in layout.placed.values()) <= layout.height


def test_text_is_cut_by_its_width_and_no_line_begins_with_a_full_stop() -> None:
    assert abbreviate("工单编号", 8) == "工单编号"
    assert abbreviate("工单编号", 7) == "工单…"
    assert wrap("您请说,是什么事?", 4, 9) == ("您请", "说,", "是什", "么事?")
    assert wrap("一二三四五六", 4, 2) == ("一二", "三…")
