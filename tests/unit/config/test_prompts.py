from __future__ import annotations

import pytest

from config.document import ConfigError, embedded, load
from config.prompts import PromptTexts, split


def test_the_embedded_prompts_are_read():
    texts = load(PromptTexts, embedded("prompts.yaml"))
    assert texts.slots("confirm") == {"place", "brief"}
    assert texts.slots("beep") == frozenset()
    assert "录音" in str(texts.prompts["opening"])


def test_what_is_said_is_written_for_the_ear():
    texts = load(PromptTexts, embedded("prompts.yaml"))
    for name, text in texts.prompts.items():
        assert not any(c.isascii() and c.isdigit() for c in str(text) if isinstance(text, str)), name


def test_a_text_is_split_at_its_slots():
    assert split("我记的是:{place},对吗?") == (("我记的是:", "place"), (",对吗?", ""))
    assert split("您好") == (("您好", ""),)


@pytest.mark.parametrize("text", ["{", "a}b", "{}", "{a.b}", "{a!r}", "{a:3}", "{Ä}"])
def test_a_bad_slot_is_refused(text: str):
    with pytest.raises(ConfigError, match="<text>:"):
        load(PromptTexts, f"prompts:\n  a: '{text}'")


@pytest.mark.parametrize("body", ["A: x", "'': x", "a: ' '", "a: {tone: 50, seconds: 1}", "a: {tone: 500}"])
def test_a_bad_prompt_is_refused(body: str):
    with pytest.raises(ConfigError, match="<text>:"):
        load(PromptTexts, f"prompts:\n  {body}")
