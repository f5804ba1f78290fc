"""Calls that begin otherwise: passed to a person at once, or offered one because nobody can hear."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from config.document import ConfigError, embedded, load
from config.prompts import PromptTexts
from ivr.actions import Connect, Play
from ivr.compile import compile_flow
from ivr.events import Answered, PromptEnded
from ivr.machine import advance, start

if TYPE_CHECKING:
    from ivr.flow import Flow

TEXTS = load(PromptTexts, embedded("prompts.yaml"))
DEFAULT = embedded("flows/default.yaml")


def begin(flow: Flow, *, hears: bool = True, reasons: frozenset[str] = frozenset(), **how: bool) -> list[str]:
    """The prompts that a silent caller hears first, and what is done: at most four."""
    state, actions = advance(
        flow, start(flow, reasons=reasons, **how), Answered(0.0, "13855812345", "12345", hears=hears)
    )
    told: list[str] = []
    at = 0.0
    while len(told) < 4:
        told += [
            a.prompt.name if isinstance(a, Play) else a.reason
            for a in actions
            if isinstance(a, Play | Connect)
        ]
        if state.playing is None:
            break
        at += 3.0
        state, actions = advance(flow, state, PromptEnded(at, state.playing))
    return told[:4]


@pytest.fixture(scope="module")
def flow() -> Flow:
    return compile_flow(DEFAULT, TEXTS)


def test_who_is_passed_on_at_once_hears_no_question_first(flow: Flow) -> None:
    assert begin(flow, at_once=True)[0] == "on_duty"
    assert "opening" not in begin(flow, at_once=True)
    assert "person" in begin(flow, at_once=True, reasons=frozenset({"person"}))
    assert begin(flow)[0] == "opening"


def test_the_lines_own_people_come_before_those_of_the_duty_switch(flow: Flow) -> None:
    reasons = frozenset({"centre", "person"})
    assert begin(flow, reasons=reasons) == begin(flow, reasons=reasons, at_once=True)


def test_who_cannot_be_heard_for_long_is_offered_a_person_before_the_keys(flow: Flow) -> None:
    assert begin(flow, hears=False, offer_person=True)[:2] == ["offer_person", "opening_by_keys"]
    assert begin(flow, hears=False)[0] == "opening_by_keys"
    assert begin(flow, hears=False, offer_person=True, at_once=True)[0] == "on_duty"


def test_a_flow_without_duty_begins_where_key_0_leads() -> None:
    text = DEFAULT.read_text().replace("\nduty: on_duty", "\n#").replace("  on_duty:\n", "  person_again:\n")
    without = text[: text.index("  person_again:")] + text[text.index("  person_busy:") :]
    assert compile_flow(without, TEXTS).duty == "person"


def test_a_duty_that_asks_before_it_leads_to_a_person_is_refused() -> None:
    text = DEFAULT.read_text().replace("\nduty: on_duty", "\nduty: safety")
    with pytest.raises(
        ConfigError, match=r"duty leads to 'safety', and not where 'person' does — lead it there"
    ):
        compile_flow(text, TEXTS)
