"""Trains a classifier with scikit-learn (the extra ``classify``); nothing that runs in a call imports this module."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize_scalar
from scipy.sparse import csr_matrix
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.naive_bayes import MultinomialNB
from sklearn.pipeline import make_pipeline
from sklearn.svm import LinearSVC

from tickets.categories.evaluation import Answer
from tickets.categories.grams import cut, plain
from tickets.categories.model import Classifier, Linear, Vocabulary
from tickets.categories.rules import UNKNOWN_MARGIN, Hit, Places, Rules
from tickets.categories.samples import Sample, SamplesError, deal

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

Numbers = npt.NDArray[np.float64]

_FEWEST_TEXTS = 2
"""In how many texts a gram must stand to be learnt from."""
_MOST_GRAMS = 200_000
_SOUND_WEIGHT = 0.6
"""How much a sound counts against the characters themselves."""
_FOLDS = 4
_STRENGTH = 1.0
_OFTEN, _SMOOTH = 0.04, 0.05
"""What naive Bayes counts for beside support vectors, and what it adds to each count."""
_CAUTION = 1.3
"""By how much more the choice below a first level is cooled: with few texts a label, what is found is too sure."""


def train(samples: Sequence[Sample], words: Iterable[tuple[str, str]] = ()) -> Classifier:
    """A classifier for the labels of ``samples``; the same samples make the same classifier.

    ``words`` (each with the category it speaks for, see `rules.list_words`) are further examples of the label that
    names the category or, if none does, one above it. Raises SamplesError for fewer than two labels.
    """
    labels = {sample.label for sample in samples}
    if len(labels) <= 1:
        raise SamplesError("至少要有两种标签 / at least two different labels are needed")
    named = sorted({Sample(word, label) for word, path in words for label in _find_label(path, labels)})
    everything = [*samples, *named]
    vocabulary = _learn_vocabulary([sample.text for sample in everything])
    rules = Rules(named)
    course = _Course(
        _weigh(vocabulary, [sample.text for sample in everything]),
        [sample.label for sample in everything],
        [*deal(samples, _FOLDS), *([-1] * len(named))],
        [*(rules.find(plain(sample.text)) for sample in samples), *([] for _ in named)],
    )
    firsts = [label.partition("_")[0] for label in course.labels]
    first = _fit(course, firsts, ["_".join(label.split("_")[:2]) for label in course.labels])
    below = {}
    for name in first.classes:
        inside = course.pick([i for i, each in enumerate(firsts) if each == name])
        if len(set(inside.labels)) > 1:
            below[name] = _fit(inside, inside.labels)
        elif inside.labels[0] != name:
            below[name] = _only(inside.labels[0], len(vocabulary.idf))
    return Classifier(vocabulary, first, below, "")


def _find_label(path: str, labels: set[str]) -> list[str]:
    names = path.split("_")
    above = ("_".join(names[:depth]) for depth in range(len(names), 0, -1))
    return [label for label in above if label in labels][:1]


@dataclass(frozen=True, slots=True)
class _Course:
    """What is learnt from: the counted texts, their labels, the fold that holds each back (-1: none), their hits."""

    matrix: csr_matrix
    labels: Sequence[str]
    folds: Sequence[int]
    hits: Sequence[Sequence[Hit]]

    def pick(self, rows: Sequence[int]) -> _Course:
        return _Course(
            self.matrix[rows],
            [self.labels[i] for i in rows],
            [self.folds[i] for i in rows],
            [self.hits[i] for i in rows],
        )


def _learn_vocabulary(texts: Sequence[str]) -> Vocabulary:
    found: Counter[str] = Counter()
    for text in texts:
        found.update(set(cut(plain(text))))
    often = sorted(
        (key for key, n in found.items() if n >= _FEWEST_TEXTS), key=lambda key: (-found[key], key)
    )
    keys = sorted(often[:_MOST_GRAMS])
    idf = [
        (1 + math.log((1 + len(texts)) / (1 + found[key]))) * (_SOUND_WEIGHT if key[0] == "~" else 1)
        for key in keys
    ]
    return Vocabulary({key: i for i, key in enumerate(keys)}, np.array(idf, np.float32))


def _weigh(vocabulary: Vocabulary, texts: Sequence[str]) -> csr_matrix:
    counted = [vocabulary.count(plain(text)) for text in texts]
    starts = np.cumsum([0, *(len(each.ids) for each in counted)])
    values = np.concatenate([each.values for each in counted])
    ids = np.concatenate([each.ids for each in counted])
    return csr_matrix((values, ids, starts), shape=(len(texts), len(vocabulary.idf)))


def _fit(course: _Course, labels: Sequence[str], seconds: Sequence[str] = ()) -> Linear:
    """A linear model of ``labels``, its temperature found on the folds held back.

    Those of a first level come with ``seconds``, what lies below each: then it has a column for each of these.
    """
    classes = sorted(set(labels))
    names = sorted(set(zip(labels, seconds or labels, strict=True)))
    of = np.array([classes.index(name) for name, _ in names])
    starts = np.searchsorted(of, np.arange(len(classes))).astype(np.int32)
    columns = np.array([names.index(name) for name in zip(labels, seconds or labels, strict=True)])
    first = bool(seconds)
    folds, places = np.array(course.folds), Places(classes)
    scores, truths = [], []
    for fold in range(_FOLDS):
        held, rest = np.flatnonzero(folds == fold), np.flatnonzero(folds != fold)
        if len(held) and len(set(of[columns[rest]])) > 1:
            weights, bias = _separate(course.matrix[rest], columns[rest], of, first=first)
            margins = np.maximum.reduceat(course.matrix[held] @ weights + bias, starts, axis=1)
            for row, i in zip(margins, held.tolist(), strict=True):
                places.add(row, course.hits[i], 1.0, first=first)
            scores.append(margins)
            truths.append(of[columns[held]])
    temperature = _cool(np.concatenate(scores), np.concatenate(truths)) if scores else 1.0
    temperature *= 1.0 if first else _CAUTION
    weights, bias = _separate(course.matrix, columns, of, first=first)
    used = np.flatnonzero(np.abs(weights).max(axis=1) > 0)
    rows = np.full(len(weights), -1, np.int32)
    rows[used] = np.arange(len(used), dtype=np.int32)
    return Linear.make(tuple(classes), starts, rows, weights[used], bias, temperature)


def _separate(
    matrix: csr_matrix, columns: npt.NDArray[np.int64], of: npt.NDArray[np.int64], *, first: bool
) -> tuple[Numbers, Numbers]:
    """Weights (grams × columns) and bias; ``of`` says of which class each column is.

    Those of a ``first`` level count alike however many texts each has; of two texts below it nothing more is made.
    There each column says what its class and what itself is like by support vectors, and a little by how often its
    grams stand in its texts (naive Bayes): each is wrong about other texts.
    """
    weights, bias = _support(matrix, columns, len(of), alike=first)
    if first:
        if len(of) > of[-1] + 1:
            above, above_bias = _support(matrix, of[columns], int(of[-1]) + 1, alike=True)
            weights, bias = weights + above[:, of], bias + above_bias[of]
        often = MultinomialNB(alpha=_SMOOTH, fit_prior=False).fit(matrix, columns)
        logs = often.feature_log_prob_.T
        weights[:, often.classes_] += _OFTEN * (logs - logs.mean(axis=1, keepdims=True))
    return weights, bias


def _support(
    matrix: csr_matrix, numbers: npt.NDArray[np.int64], classes: int, *, alike: bool
) -> tuple[Numbers, Numbers]:
    """Weights (grams × classes) and bias of linear support vectors, one class against the rest."""
    weight = "balanced" if alike else None
    machine = LinearSVC(C=_STRENGTH, class_weight=weight, random_state=0, tol=1e-3).fit(matrix, numbers)
    found, found_bias = machine.coef_.T, machine.intercept_
    if len(machine.classes_) == 2:  # noqa: PLR2004 - scikit-learn gives one column for two classes
        found, found_bias = np.hstack([-found, found]), np.concatenate([-found_bias, found_bias])
    weights, bias = np.zeros((matrix.shape[1], classes)), np.full(classes, UNKNOWN_MARGIN)
    weights[:, machine.classes_], bias[machine.classes_] = found, found_bias
    return weights, bias


def _cool(scores: Numbers, truths: npt.NDArray[np.int64]) -> float:
    """The temperature at which the shares of texts held back are the likeliest."""

    def cost(log_temperature: float) -> float:
        cooled = scores / math.exp(log_temperature)
        cooled -= cooled.max(axis=1, keepdims=True)
        logs = cooled - np.log(np.exp(cooled).sum(axis=1, keepdims=True))
        return -float(logs[np.arange(len(truths)), truths].mean())

    return math.exp(minimize_scalar(cost, bounds=(-4, 3), method="bounded").x)


def _only(label: str, grams: int) -> Linear:
    """The choice of the only label there is."""
    rows = np.full(grams, -1, np.int32)
    return Linear.make((label,), np.zeros(1, np.int32), rows, np.zeros((0, 1)), np.zeros(1), 1.0)


def answer_plainly(samples: Sequence[Sample], held: Sequence[Sample]) -> list[Answer]:
    """What the plainest classifier of characters gives for the texts ``held`` back: the one ours must not fall behind.

    It is as sure of everything as can be.
    """
    if len({sample.label for sample in samples}) == 1:
        return [Answer(sample.label, samples[0].label, (1.0, 1.0, 1.0)) for sample in held]
    characters = TfidfVectorizer(analyzer="char", ngram_range=(1, 3), sublinear_tf=True)
    machine = make_pipeline(characters, LinearSVC(random_state=0))
    machine.fit([sample.text for sample in samples], [sample.label for sample in samples])
    given = machine.predict([sample.text for sample in held])
    return [Answer(s.label, str(label), (1.0, 1.0, 1.0)) for s, label in zip(held, given, strict=True)]
