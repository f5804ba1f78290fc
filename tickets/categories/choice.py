"""A label for a text: what the classifier's weights, the catalogue's words and the line's preset say together."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from tickets.categories.explanation import find_words
from tickets.categories.grams import plain
from tickets.categories.model import share
from tickets.categories.rules import UNKNOWN_MARGIN, Places

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from tickets.categories.model import Classifier, Counted, Floats, Ids, Linear
    from tickets.categories.rules import Hit, Rules

_UNKNOWN_TEMPERATURE = 0.3
_PRESET_BONUS = 1.5
"""By how much likelier, as a logarithm of odds, a category is on the line that presets it."""


@dataclass(frozen=True, slots=True)
class Choice:
    """A label, the probability (0 to 1) of its first, its first two and all its levels, and what led to it.

    ``words`` are the runs of characters that spoke for its first level the most, ``hits`` the catalogue's words for it.
    """

    label: str
    probabilities: tuple[float, float, float]
    words: tuple[str, ...]
    hits: tuple[Hit, ...]


class Chooser:
    """Chooses among ``labels``; those that ``classifier`` never learnt can be chosen by their words alone."""

    def __init__(self, classifier: Classifier, labels: Iterable[str], rules: Rules) -> None:
        self._classifier, self._rules = classifier, rules
        below: defaultdict[str, list[str]] = defaultdict(list)
        for label in labels:
            below[label.partition("_")[0]].append(label)
        self._first = _Field(tuple(below), classifier.first)
        self._below = {name: _Field(tuple(deep), classifier.below.get(name)) for name, deep in below.items()}
        self.version = f"{classifier.version}-{rules.version}"

    def rank(self, text: str, limit: int) -> list[Choice]:
        """The likeliest ``limit`` labels of all, by the words alone, the likeliest first."""
        said = plain(text)
        counted = self._classifier.vocabulary.count(said)
        hits = self._rules.find(said)
        shares = self._first.share(counted, hits, (), first=True)
        found: list[tuple[float, str, str, float, float]] = []
        for best in np.argsort(-shares, kind="stable")[:limit]:
            name, sure = self._first.labels[best], float(shares[best])
            below = self._below[name]
            inner = below.share(counted, hits, (), first=False)
            found += [
                (sure * float(inner[i]), below.labels[i], name, sure, sure * below.sum_second(inner, i))
                for i in map(int, np.argsort(-inner, kind="stable")[:limit])
            ]
        found.sort(key=lambda one: -one[0])
        words = {name: find_words(said, self._classifier, counted, name) for _, _, name, *_ in found[:limit]}
        return [
            Choice(
                label=label,
                probabilities=self._classifier.believe(first, second, third),
                words=words[name],
                hits=tuple(hit for hit in hits if label in hit.labels),
            )
            for third, label, name, first, second in found[:limit]
        ]

    def choose(
        self, text: str, preset: Sequence[str] = (), within: str = "", *, explained: bool = True
    ) -> Choice:
        """The likeliest label.

        ``preset`` are the levels of the line's category, which are the likelier for it, () where it has none;
        ``within`` is the first level to choose under, "" for the likeliest. What is not ``explained`` has no words.
        """
        said = plain(text)
        counted = self._classifier.vocabulary.count(said)
        hits = self._rules.find(said)
        shares = self._first.share(counted, hits, preset[:1], first=True)
        best = self._first.labels.index(within) if within else int(shares.argmax())
        name, sure = self._first.labels[best], float(shares[best])
        below = self._below[name]
        inner = below.share(counted, hits, preset, first=False)
        chosen, sure_second = below.pick(inner)
        return Choice(
            label=below.labels[chosen],
            probabilities=self._classifier.believe(sure, sure * sure_second, sure * float(inner[chosen])),
            words=find_words(said, self._classifier, counted, name) if explained else (),
            hits=tuple(hit for hit in hits if name in map(_first, hit.labels)),
        )


class _Field:
    """The labels to choose among, and where the classifier has its numbers for them."""

    def __init__(self, labels: tuple[str, ...], linear: Linear | None) -> None:
        self.labels, self._linear = labels, linear
        known = linear.classes if linear else ()
        pairs = [(i, known.index(label)) for i, label in enumerate(labels) if label in known]
        self._here: Ids = np.array([i for i, _ in pairs], np.int32)
        self._there: Ids = np.array([j for _, j in pairs], np.int32)
        self._temperature = linear.temperature if linear else _UNKNOWN_TEMPERATURE
        self._places = Places(labels)
        seconds = ["_".join(label.split("_")[:2]) for label in labels]
        names = list(dict.fromkeys(seconds))
        self._seconds = np.array([names.index(second) for second in seconds], np.int32)

    def share(self, counted: Counted, hits: Sequence[Hit], preset: Sequence[str], *, first: bool) -> Floats:
        """The probability of each label; ``first``: the labels are those of the first level.

        Where no known gram was said, the classifier would only tell of which label it had the most examples.
        """
        scores = np.full(len(self.labels), UNKNOWN_MARGIN / self._temperature, np.float32)
        if self._linear and len(counted.ids):
            scores[self._here] = self._linear.score(counted)[self._there]
        self._places.add(scores, hits, 1 / self._temperature, first=first)
        if preset:
            self._places.add_to("_".join(preset), scores, _PRESET_BONUS)
        return share(scores)

    def sum_second(self, shares: Floats, label: int) -> float:
        """How likely the second level of a label is, by its number."""
        return float(shares[self._seconds == self._seconds[label]].sum())

    def pick(self, shares: Floats) -> tuple[int, float]:
        """The likeliest label of the likeliest second level, and how likely that second level is."""
        seconds = np.bincount(self._seconds, shares)
        best = int(seconds.argmax())
        return int(np.where(self._seconds == best, shares, -1).argmax()), float(seconds[best])


def _first(label: str) -> str:
    return label.partition("_")[0]
