from __future__ import annotations

import asyncio

import pytest

from asr.endpoint import Ended, Endpointer
from gateway.caller.cough import cough
from gateway.prompts.voice import speak

QUIET = bytes(8000)
LEVELS = (-20.0, -32.0)


def phrases(pcm: bytes) -> list[Ended]:
    endpointer = Endpointer(0.4)
    events = endpointer.feed(QUIET + pcm + QUIET) + endpointer.finish()
    return [event for event in events if isinstance(event, Ended)]


@pytest.mark.parametrize("level", LEVELS)
def test_the_shortest_answers_have_a_voice(level: float) -> None:
    for text in (
        "是",
        "对",
        "不",
        "行",
        "好",
        "一",
        "四",
        "七",
        "喂",
        "是的",
        "不对",
        "没有",
        "人工",
        "谢谢",
    ):
        assert any(phrase.pitched for phrase in phrases(asyncio.run(speak(text, level=level)))), text


@pytest.mark.parametrize("level", LEVELS)
def test_coughs_have_none(level: float) -> None:
    heard = [phrase for seed in range(40) for phrase in phrases(cough(seed, level))]
    assert len(heard) > 20
    assert not any(phrase.pitched for phrase in heard)


def test_a_cough_is_the_same_each_time_and_as_loud_as_it_is_wanted() -> None:
    assert cough(3, -20.0) == cough(3, -20.0) != cough(8, -20.0)
    levels = [phrase.level for seed in range(20) for phrase in phrases(cough(seed, -26.0))]
    assert all(-36 < level < -20 for level in levels), levels
