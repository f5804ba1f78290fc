"""Which of the words that were said led the classifier to its choice."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tickets.categories.model import Classifier, Counted

_SHOWN = 3
_LONGEST = 8
_ENOUGH = 0.35
"""A character belongs to a word shown if it says at least so much of what the strongest one says."""


def find_words(said: str, classifier: Classifier, counted: Counted, name: str) -> tuple[str, ...]:
    """The up to three runs of two to eight characters of ``said`` that spoke the most for the first level ``name``.

    The strongest comes first. None where no known gram was said, or none spoke for it.
    """
    if name not in classifier.first.classes:
        return ()
    says = classifier.first.explain(counted, classifier.first.classes.index(name))
    strength = [0.0] * len(said)
    for number, start, end in classifier.vocabulary.locate(said):
        if number in says:
            part = says[number] / (end - start)
            for i in range(start, end):
                strength[i] += part
    runs = [(start, end) for start, end in _list_runs(strength) if end - start > 1]
    if not runs and len(said) > 1 and max(strength) > 0:
        at = max(range(len(said) - 1), key=lambda i: strength[i] + strength[i + 1])
        runs = [(at, at + 2)]
    runs.sort(key=lambda run: -sum(strength[run[0] : run[1]]))
    return tuple(dict.fromkeys(said[start:end] for start, end in runs[:_SHOWN]))


def _list_runs(strength: Sequence[float]) -> Iterator[tuple[int, int]]:
    enough = max(strength, default=0.0) * _ENOUGH
    start = None
    for i, each in enumerate([*strength, float("-inf")]):
        inside = each >= enough > 0
        if inside and start is None:
            start = i
        elif start is not None and (not inside or i - start == _LONGEST):
            yield start, i
            start = i if inside else None
