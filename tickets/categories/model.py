"""The classifier as it runs: linear models over grams, one for the first level and one for what lies below each.

Numpy alone; `tickets.categories.training` makes it, `tickets.categories.storage` keeps it.
"""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import numpy.typing as npt

from tickets.categories.grams import cut, list_spans

if TYPE_CHECKING:
    from collections.abc import Mapping

Floats = npt.NDArray[np.float32]
Ids = npt.NDArray[np.int32]
Bytes = npt.NDArray[np.int8]

_STEPS = 127  # of a weight, which is one byte
_HARDLY = 1e-6


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
    """One choice among ``classes``: a weight for each of its grams (``rows`` finds them, -1: none) and each column.

    ``starts`` has the first column of each class: one of several kinds of matters has several, and counts by its best.
    A weight is one byte, in steps of its column's ``scale``. ``temperature`` turns scores into shares that can be
    believed: it was found on texts held back in training.
    """

    classes: tuple[str, ...]
    starts: Ids
    rows: Ids
    weights: Bytes
    scale: Floats
    bias: Floats
    temperature: float

    @classmethod
    def make(
        cls,
        classes: tuple[str, ...],
        starts: Ids,
        rows: Ids,
        weights: npt.NDArray[np.float64],
        bias: npt.NDArray[np.float64],
        temperature: float,
    ) -> Linear:
        """One of weights as they were found."""
        scale = np.abs(weights).max(axis=0, initial=0.0) / _STEPS
        steps = np.rint(weights / np.where(scale == 0, 1, scale)).astype(np.int8)
        return cls(
            classes, starts, rows, steps, scale.astype(np.float32), bias.astype(np.float32), temperature
        )

    def score(self, counted: Counted) -> Floats:
        """The score of each class; `share` makes probabilities of scores."""
        return self.measure(counted) / np.float32(self.temperature)

    def measure(self, counted: Counted) -> Floats:
        """The margin of each class: about 1 for one that surely fits, -1 for one that surely does not."""
        best: Floats = np.maximum.reduceat(self._measure(*self._find(counted)), self.starts)
        return best

    def explain(self, counted: Counted, chosen: int) -> dict[int, float]:
        """What each gram, by its number, says for the class numbered ``chosen`` against the others on average."""
        ids, values, steps = self._find(counted)
        weights = steps * self.scale
        columns = np.arange(*[*self.starts, weights.shape[1]][chosen : chosen + 2])
        best = columns[self._measure(ids, values, steps)[columns].argmax()]
        others = weights.shape[1] - len(columns)
        rest = (weights.sum(axis=1) - weights[:, columns].sum(axis=1)) / max(others, 1)
        said = values * (weights[:, best] - rest)
        return dict(zip(ids.tolist(), said.tolist(), strict=True))

    def _find(self, counted: Counted) -> tuple[Ids, Floats, Floats]:
        """The grams of a text that have weights here, their values, and the steps of these weights."""
        rows = self.rows[counted.ids]
        known = rows >= 0
        return counted.ids[known], counted.values[known], self.weights[rows[known]].astype(np.float32)

    def _measure(self, _ids: Ids, values: Floats, steps: Floats) -> Floats:
        total: Floats = (values @ steps) * self.scale + self.bias
        return total


def share(scores: Floats) -> Floats:
    """The scores as shares of 1."""
    raised = np.exp(scores - scores.max())
    shares: Floats = raised / raised.sum()
    return shares


class Belief(NamedTuple):
    """What is made of the odds, as a logarithm, of a probability: ``slope`` times them, and ``shift`` more."""

    slope: float
    shift: float

    def of(self, probability: float) -> float:
        """The probability that is right as often as it says."""
        return 1 / (1 + math.exp(-(self.slope * to_odds(probability) + self.shift)))


def to_odds(probability: float) -> float:
    """The logarithm of the odds of a probability; those of what is as good as certain end at a million to one."""
    inside = min(max(probability, _HARDLY), 1 - _HARDLY)
    return math.log(inside / (1 - inside))


@dataclass(frozen=True, slots=True)
class Classifier:
    """A label, whose levels are joined by ``_``, for a text: ``first`` chooses its first level.

    ``below`` chooses the whole label among those of a first level, by whose name it is found. ``beliefs`` has, for
    each of the three levels, what is to be believed of its probability.
    """

    vocabulary: Vocabulary
    first: Linear
    below: Mapping[str, Linear]
    version: str
    beliefs: tuple[Belief, ...] = (Belief(1.0, 0.0),) * 3

    def believe(self, first: float, second: float, third: float) -> tuple[float, float, float]:
        """The probabilities of a label's levels as they turned out; none is likelier than the one above it."""
        one, two, three = (
            belief.of(each) for belief, each in zip(self.beliefs, (first, second, third), strict=True)
        )
        return one, min(one, two), min(one, two, three)

    @property
    def labels(self) -> list[str]:
        """Every label it can give."""
        below = [self.below[name].classes if name in self.below else (name,) for name in self.first.classes]
        return [label for classes in below for label in classes]
