"""Danger that no rule has words for: what a caller says is like what callers say who are in danger. Pure.

A classifier that has learnt from tickets/meaning/dangers/samples.csv (`hotline classify train` makes it anew): dangers
in words of the country and in a recogniser's wrong characters, what only sounds like them, and ordinary calls (`NONE`).
It adds to the rules of `tickets.meaning.risk` and takes nothing from them.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Final

from tickets.categories.explanation import find_words
from tickets.categories.grams import plain
from tickets.categories.storage import load
from tickets.meaning.risk import Risk
from tickets.meaning.risk_rules import NAMES

if TYPE_CHECKING:
    from tickets.categories.model import Classifier
    from tickets.meaning.words import Words

MODEL: Final = Path(__file__).parent / "dangers"
NONE: Final = "无"
"""Its label where there is none."""
_KINDS: Final = {name: kind for kind, name in NAMES.items()}
_LONGEST: Final = 120
"""Characters: who tells of danger does not tell a long story, and one of many words is like anything."""


def resemble(words: Words) -> Risk | None:
    """The danger that these words are like, by their strongest words; None for none, and for a long story."""
    said = plain(words.text)
    if not said or len(said) > _LONGEST:
        return None
    classifier = open_classifier()
    counted = classifier.vocabulary.count(said)
    margins = classifier.first.measure(counted)
    name = classifier.first.classes[int(margins.argmax())]
    if name == NONE:
        return None
    alike = next(iter(find_words(said, classifier, counted, name)), said).upper()
    start = max(words.text.find(alike), 0)
    return Risk(_KINDS[name], alike, start, start + len(alike), learnt=True)


@cache
def open_classifier() -> Classifier:
    """The classifier, read once. Raises tickets.categories.storage.ModelError."""
    return load(MODEL)
