from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recordings.search import list_terms, split


@pytest.mark.parametrize(
    ("text", "runs"),
    [
        ("人民西路漏水", ["人民西路漏水"]),
        ("人民西路,漏水。", ["人民西路", "漏水"]),
        ("ABC123", ["abc123"]),  # full width
        ("漏水\n三天 了", ["漏水", "三天", "了"]),
        ("100%_好", ["100", "好"]),  # nothing that LIKE reads as a pattern is left
        ("<script>", ["script"]),
        ("𠮷野家", ["𠮷野家"]),  # beyond the basic plane
        ("", []),
        ("。。", []),
    ],
)
def test_texts_are_cut_into_runs(text, runs):
    assert split(text) == runs


def test_the_terms_are_all_pairs_and_the_last_character():
    assert list_terms(["水管漏水"]) == {"水管", "管漏", "漏水", "水"}
    assert list_terms(["水", ""]) == {"水"}


@given(st.text(max_size=40), st.data())
def test_every_part_of_a_run_begins_with_one_of_its_terms(text, data):
    for run in split(text):
        start = data.draw(st.integers(0, len(run) - 1))
        length = data.draw(st.integers(1, 2))
        part = run[start : start + length]
        assert any(term.startswith(part) for term in list_terms([run]))
