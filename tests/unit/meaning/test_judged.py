"""The understanding on the hand-written texts in tests/understanding: the figures that it must reach."""

from __future__ import annotations

import pytest

from bench.understanding import measure, measure_kinds


@pytest.mark.parametrize("half", ["open", "closed"])
def test_the_texts_are_understood(half: str) -> None:
    figures = measure(half)
    print(figures)
    assert figures.kind >= 0.85  # people draw the boundary of 求助 and 投诉 differently
    assert figures.county >= 0.98
    assert figures.township >= 0.93
    assert figures.personal >= 0.98
    assert figures.recall == 1.0
    assert figures.false <= 0.03
    assert figures.danger_recall >= 0.97
    assert figures.danger_false <= 0.03
    assert figures.unexplained == 0
    assert figures.pairs >= 0.85


def test_kind_and_category_of_longer_dictations_are_told() -> None:
    kind, category = measure_kinds("third")
    print(kind, category)
    assert kind >= 0.89
    assert category >= 0.85
