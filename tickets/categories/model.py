"""The classifier as it runs: linear models over grams, one for the first level and one for what lies below each.

Numpy alone; `tickets.categories.training` makes it, `tickets.categories.storage` keeps it.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from tickets.categories.grams import cut, list_spans

if TYPE_CHECKING:
    from collections.abc import Mapping

Floats = npt.NDArray[np.float32]
Ids = npt.NDArray[np.int32]


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """The grams a model knows: each one's number, and ``idf``, how much its presence says."""

    numbers: Mapping[str, int]
    idf: Floats

    def count(self, text: str) -> Counted:
        """The known grams of a text that `grams.plain` made, weighted and of length 1 together."""
        counts = Counter(map(self.numbers.get, cut(text)))
        counts.pop(None, None)
        ids = np.fromiter(counts, np.int32, len(counts))
        values = self.idf[ids] * (1 + np.log(np.fromiter(counts.values(), np.float32, len(counts))))
        length = float(np.sqrt(values @ values))
        return Counted(ids, values / length if length else values)

    def locate(self, text: str) -> list[tuple[int, int, int]]:
        """The number of each known gram of the text, and from where to where it stands in it."""
        find = self.numbers.get
        return [
            (number, start, end)
            for key, (start, end) in zip(cut(text), list_spans(text), strict=True)
            if (number := find(key)) is not None
        ]


@dataclass(frozen=True, slots=True)
class Counted:
    """A text as numbers of grams, each once, and the value of each."""

    ids: Ids
    values: Floats


@dataclass(frozen=True, slots=True)
class Linear:
    """One choice among ``classes``: a weight for each of its grams (``rows`` finds them, -1: none) and each class.

    ``temperature`` turns its scores into shares that can be believed: it was found on texts held back in training.
    """

    classes: tuple[str, ...]
    rows: Ids
    weights: Floats
    bias: Floats
    temperature: float

    def score(self, counted: Counted) -> Floats:
        """The score of each class; `share` makes probabilities of scores."""
        return self.measure(counted) / np.float32(self.temperature)

    def measure(self, counted: Counted) -> Floats:
        """The margin of each class: about 1 for one that surely fits, -1 for one that surely does not."""
        rows = self.rows[counted.ids]
        known = rows >= 0
        total: Floats = counted.values[known] @ self.weights[rows[known]] + self.bias
        return total

    def explain(self, counted: Counted, chosen: int) -> dict[int, float]:
        """What each gram, by its number, says for the class numbered ``chosen`` against the others on average."""
        rows = self.rows[counted.ids]
        known = rows >= 0
        weights = self.weights[rows[known]]
        ours = weights[:, chosen]
        said = counted.values[known] * (ours - (weights.sum(axis=1) - ours) / max(len(self.classes) - 1, 1))
        return dict(zip(counted.ids[known].tolist(), said.tolist(), strict=True))


def share(scores: Floats) -> Floats:
    """The scores as shares of 1."""
    raised = np.exp(scores - scores.max())
    shares: Floats = raised / raised.sum()
    return shares


@dataclass(frozen=True, slots=True)
class Classifier:
    """A label, whose levels are joined by ``_``, for a text: ``first`` chooses its first level.

    ``below`` chooses the whole label among those of a first level, by whose name it is found.
    """

    vocabulary: Vocabulary
    first: Linear
    below: Mapping[str, Linear]
    version: str

    @property
    def labels(self) -> list[str]:
        """Every label it can give."""
        below = [self.below[name].classes if name in self.below else (name,) for name in self.first.classes]
        return [label for classes in below for label in classes]
