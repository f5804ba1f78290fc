"""The words of the catalogue, found in what was said."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from itertools import accumulate
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from tickets.categories.grams import plain

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    import numpy.typing as npt

    from config.categories import CatalogueEntry

UNKNOWN_MARGIN = -1.0
"""The margin of a label that a classifier never learnt: that of one which does not fit."""
_WORD_MARGIN = 0.3
"""What a word adds to the margin of the label it speaks for, which is about 1 for a text that is known well."""
_REST = "其他"


class Hit(NamedTuple):
    """A word found, where it stands in the plain text, and the labels it speaks for."""

    word: str
    start: int
    end: int
    labels: tuple[str, ...]


def join(path: Iterable[str]) -> str:
    """A category as a label: its names joined by ``_``."""
    return "_".join(filter(None, path))


def list_words(catalogue: Sequence[CatalogueEntry]) -> list[tuple[str, str]]:
    """Every word with the label it speaks for; a category's own name is one, where it says anything."""
    words = []
    for entry in catalogue:
        label = join(entry.path)
        name = label.rpartition("_")[2]
        said = [*entry.words, *([] if name == _REST else [name])]
        words += [(word, label) for word in said]
    return words


class Rules:
    """Finds the words of a catalogue; ``version`` changes with them."""

    def __init__(self, words: Iterable[tuple[str, str]]) -> None:
        by_word: defaultdict[str, list[str]] = defaultdict(list)
        for word, label in words:
            spelled = plain(word)
            if len(spelled) > 1 and label not in by_word[spelled]:
                by_word[spelled].append(label)
        self._labels = {word: tuple(labels) for word, labels in by_word.items()}
        lengths: defaultdict[str, set[int]] = defaultdict(set)
        for word in by_word:
            lengths[word[:2]].add(len(word))
        self._lengths = {start: sorted(each, reverse=True) for start, each in lengths.items()}
        self.version = hashlib.sha256(repr(sorted(self._labels.items())).encode()).hexdigest()[:8]

    def find(self, text: str) -> list[Hit]:
        """The words in a text that `plain` made, in its order, each once; of those that overlap, what begins first."""
        found: dict[str, Hit] = {}
        at = 0
        while at < len(text):
            lengths = self._lengths.get(text[at : at + 2], ())
            word = next((text[at : at + n] for n in lengths if text[at : at + n] in self._labels), None)
            if word is None:
                at += 1
                continue
            found.setdefault(word, Hit(word, at, at + len(word), self._labels[word]))
            at += len(word)
        return list(found.values())


class Places:
    """Where each of ``labels``, and those under a label above them, stand in a row of margins."""

    def __init__(self, labels: Sequence[str]) -> None:
        under: defaultdict[str, list[int]] = defaultdict(list)
        for i, label in enumerate(labels):
            for above in accumulate(label.split("_"), "{}_{}".format):
                under[above].append(i)
        self._under = {above: np.array(places, np.int32) for above, places in under.items()}

    def add(
        self, margins: npt.NDArray[np.floating], hits: Iterable[Hit], unit: float, *, first: bool
    ) -> None:
        """Add to a row of margins what ``hits`` say, in units of ``unit``; ``first``: of first levels alone.

        A word that speaks for several labels says the less for each.
        """
        for hit in hits:
            named = dict.fromkeys(label.partition("_")[0] for label in hit.labels) if first else hit.labels
            for label in named:
                self.add_to(label, margins, _WORD_MARGIN * unit / len(named))

    def add_to(self, label: str, margins: npt.NDArray[np.floating], amount: float) -> None:
        """Add ``amount`` at a label and those under it, where there are any."""
        if (places := self._under.get(label)) is not None:
            margins[places] += amount
