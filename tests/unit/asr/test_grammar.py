from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from asr.grammar import UNKNOWNS, is_marker, segment

WORDS = {
    "不",
    "不对",
    "对",
    "转人工",
    "转",
    "人工",
    "重",
    "重复",
    "复",
    "研究",
    "研究生",
    "生命",
    "转人",
    "[unk]",
}


@pytest.mark.parametrize(
    ("phrase", "words"),
    [
        ("不对", ("不对",)),
        ("对不", ("对", "不")),
        ("转人工", ("转人工",)),
        ("研究生命", ("研究", "生命")),
        ("转人工不对", ("转人工", "不对")),
        ("转 人工", ("转", "人工")),
        ("[unk]", ("[unk]",)),
        ("没这词", None),
        ("不对吗", None),
        ("", None),
        ("  ", None),
    ],
)
def test_phrases_become_words(phrase, words):
    assert segment(phrase, WORDS.__contains__) == words


@given(st.lists(st.sampled_from(sorted(WORDS)), min_size=1, max_size=20))
def test_whatever_is_made_of_words_can_be_split(words):
    text = "".join(words)
    found = segment(text, WORDS.__contains__)
    assert found is not None
    assert "".join(found) == text
    assert set(found) <= WORDS


def test_hopeless_phrases_do_not_take_for_ever():
    began = time.process_time()
    assert segment("不" * 80_000 + "没", WORDS.__contains__) is None
    assert time.process_time() - began < 5


@pytest.mark.parametrize("word", [*UNKNOWNS, "<eps>", "!SIL", "#0", "#12", "[FIL]", "[SPK]", "<s>", "</s>"])
def test_what_stands_for_noise_silence_or_nothing_is_no_word(word):
    assert is_marker(word)


@pytest.mark.parametrize("word", ["路灯", "NO", "[10]", "!", "#", "<", "A", "5"])
def test_what_is_said_is_a_word(word):
    assert not is_marker(word)
