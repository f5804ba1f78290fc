import random
from collections import Counter
from itertools import pairwise
from pathlib import Path

import pytest

from asr.demo_model.grammar import GrammarError, load_grammar, spell_digits, spell_mobile, spell_number
from asr.demo_model.texts import HELD_OUT, draw_language, draw_training, hold_out
from asr.demo_model.vocabulary import UNKNOWN, Vocabulary, load_vocabulary

VOCABULARY = load_vocabulary()
GRAMMAR = load_grammar(VOCABULARY)


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (1, "一"),
        (10, "十"),
        (12, "十二"),
        (20, "二十"),
        (110, "一百一十"),
        (105, "一百零五"),
        (128, "一百二十八"),
        (1005, "一千零五"),
        (1050, "一千零五十"),
        (9999, "九千九百九十九"),
    ],
)
def test_numbers_are_said_as_people_say_them(value: int, said: str) -> None:
    assert "".join(spell_number(value)) == said


def test_digits_and_mobile_numbers() -> None:
    rng = random.Random(1)
    for _ in range(200):
        digits = spell_digits(rng, 5)
        assert len(digits) == 5
        assert not ("一" in digits and "幺" in digits)
        mobile = spell_mobile(rng)
        assert len(mobile) == 11
        assert mobile[0] in "一幺"
        assert mobile[1] in "三四五六七八九"


def test_the_same_seed_draws_the_same_sentences_and_only_known_words() -> None:
    first, second = ([GRAMMAR.draw(rng) for _ in range(3000)] for rng in (random.Random(5), random.Random(5)))
    assert first == second
    assert {word for text in first for word in text} <= set(VOCABULARY.words)
    assert len({tuple(text) for text in first}) > 1500


def test_sentences_use_nearly_the_whole_vocabulary() -> None:
    used = {word for text in draw_language(GRAMMAR, 60000, 12345) for word in text}
    assert len(used) / len(VOCABULARY.words) > 0.95


def test_held_out_sentences_stay_out() -> None:
    held = set(hold_out(GRAMMAR))
    assert len(held) == HELD_OUT
    assert not held & set(draw_language(GRAMMAR, 20000, 1))
    assert not held & set(draw_training(GRAMMAR, VOCABULARY, 3000, 1))


def test_training_texts_are_mixed() -> None:
    texts = draw_training(GRAMMAR, VOCABULARY, 4000, 3)
    assert len(texts) == 4000
    counts = Counter(word for text in texts for word in text)
    assert () in texts
    assert counts[UNKNOWN] > 100
    assert sum(word in counts for word in VOCABULARY.words) / len(VOCABULARY.words) > 0.98
    assert not any(a == b == UNKNOWN for text in texts for a, b in pairwise(text))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("sentence: [好 坏]", "sentence: '好 坏': the word '坏' is not in vocabulary.yaml"),
        ("sentence: [<other>]", "there is no rule 'other'"),
        ("sentence: ['<any b>']", "vocabulary.yaml has no group 'b'"),
        ("sentence: ['<digits 3>']", "<digits 3> is none of"),
    ],
)
def test_mistakes_are_named(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "sentences.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(GrammarError, match=message):
        load_grammar(Vocabulary(("好",), {"a": ("好",)}, {"好": ""}, ()), path)


def test_a_rule_that_contains_itself_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "sentences.yaml"
    path.write_text("sentence: [好 <sentence>]", encoding="utf-8")
    grammar = load_grammar(Vocabulary(("好",), {"a": ("好",)}, {"好": ""}, ()), path)
    with pytest.raises(GrammarError, match="recursive"):
        grammar.draw(random.Random(1))
