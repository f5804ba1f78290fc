"""What a caller on the nuisance list hears, and that he is not unheard."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from config.document import embedded
from ivr.compile import compile_flow

if TYPE_CHECKING:
    from conftest import Rehearsal

    from config.prompts import PromptTexts
    from ivr.hotline import Hotlines

Refuse = Callable[[str], "Rehearsal"]


@pytest.fixture
def refuse(hotlines: Hotlines, texts: PromptTexts, rehearse: Callable[..., Rehearsal]) -> Refuse:
    flow = compile_flow(embedded("flows/nuisance.yaml"), texts)
    line = replace(hotlines.front, flow=flow, openings={}, appeal=None)
    return lambda steps: rehearse(steps, line)


def test_who_says_nothing_hears_why_and_no_more(refuse: Refuse) -> None:
    call = refuse("[{wait: prompt}]")
    assert call.trace == ["nuisance", "goodbye"]
    assert call.submitted == []


def test_his_danger_is_passed_on_and_filed_at_once(refuse: Refuse) -> None:
    call = refuse('[{wait: prompt}, {press: "9"}, {wait: prompt}, hang_up]')
    assert "danger" in call.trace
    assert call.submitted[0].danger


def test_his_wish_for_a_person_is_one_message(refuse: Refuse) -> None:
    steps = '[{wait: prompt}, {press: "0"}, {wait: prompt}, {say: 河边的路灯不亮}, {pause: 12}]'
    call = refuse(steps)
    (matter,) = call.finished or ()
    assert matter.text == "河边的路灯不亮"
    assert "骚扰名单" in (matter.call_back or "")
    assert call.trace[-1] == "goodbye"
