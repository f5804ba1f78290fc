"""Trains a classifier with scikit-learn (the extra ``classify``); nothing that runs in a call imports this module."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize_scalar
from scipy.sparse import csr_matrix
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.naive_bayes import MultinomialNB
from sklearn.pipeline import make_pipeline
from sklearn.svm import LinearSVC

from tickets.categories.evaluation import Answer, answer
from tickets.categories.grams import cut, plain
from tickets.categories.model import Belief, Classifier, Linear, Vocabulary, to_odds
from tickets.categories.rules import UNKNOWN_MARGIN, Places, Rules
from tickets.categories.samples import Sample, SamplesError, deal

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from tickets.categories.model import Counted
    from tickets.categories.rules import Hit

Numbers = npt.NDArray[np.float64]

_FEWEST_TEXTS = 2
"""In how many texts a gram must stand to be learnt from."""
_SHORT = 8
"""A text of so few characters is nothing but matter: its characters are learnt from though no other text has them."""
_MOST_GRAMS = 200_000
_SOUND_WEIGHT = 0.6
"""How much a sound counts against the characters themselves."""
_FOLDS = 4
_STRENGTH, _GENTLY = 1.0, 0.3
"""How closely support vectors follow their texts: more gently where no class has others below it."""
_OFTEN, _SMOOTH = 0.1, 0.05
"""What naive Bayes counts for beside support vectors, and what it adds to each count."""
_BELIEF = 100.0
"""How freely the probabilities of texts held back may be bent to how often they were right."""


def train(
    samples: Sequence[Sample], words: Iterable[tuple[str, str]] = (), turns: Iterable[Sample] = ()
) -> Classifier:
    """A classifier for the labels of ``samples``; the same samples make the same classifier.

    ``words`` (each with the category it speaks for, see `rules.list_words`) and ``turns`` of speech (see
    `samples.read_turns`) are further examples of the label that names the category or, if none does, one above it.
    Raises SamplesError for fewer than two labels.
    """
    labels = {sample.label for sample in samples}
    if len(labels) <= 1:
        raise SamplesError("至少要有两种标签 / at least two different labels are needed")
    named = sorted({Sample(word, label) for word, path in words for label in _find_label(path, labels)})
    turned = sorted({Sample(turn, label) for turn, path in turns for label in _find_label(path, labels)})
    everything = [*samples, *named, *turned]
    vocabulary = _learn_vocabulary([sample.text for sample in everything])
    counted = [vocabulary.count(plain(sample.text)) for sample in everything]
    course = _Course(
        vocabulary,
        _stack(counted, len(vocabulary.idf)),
        [sample.label for sample in everything],
        np.array([*deal(samples, _FOLDS), *([-1] * (len(everything) - len(samples)))]),
    )
    rules = Rules(named)
    hits = [rules.find(plain(sample.text)) for sample in samples]
    parts = [_learn(course, np.flatnonzero(course.folds != fold)) for fold in range(_FOLDS)]
    whole = _learn(course, np.arange(len(everything)))
    held = [[i for i in range(len(samples)) if course.folds[i] == fold] for fold in range(_FOLDS)]
    temperatures = {
        name: _find_temperature(
            linear,
            [
                (part.below.get(name) if name else part.first, counted[i], hits[i], _name(samples[i], name))
                for part, rows in zip(parts, held, strict=True)
                for i in rows
                if not name or samples[i].label.partition("_")[0] == name
            ],
            first=not name,
        )
        for name, linear in {"": whole.first, **whole.below}.items()
    }
    answers = [
        each
        for part, rows in zip(parts, held, strict=True)
        for each in answer(_cooled(part, temperatures), rules, [samples[i] for i in rows])
    ]
    return replace(_cooled(whole, temperatures), beliefs=_find_beliefs(answers))


def _find_label(path: str, labels: set[str]) -> list[str]:
    names = path.split("_")
    above = ("_".join(names[:depth]) for depth in range(len(names), 0, -1))
    return [label for label in above if label in labels][:1]


def _name(sample: Sample, below: str) -> str:
    return sample.label if below else sample.label.partition("_")[0]


@dataclass(frozen=True, slots=True)
class _Course:
    """What is learnt from: the counted texts, their labels, and the fold that holds each back (-1: none)."""

    vocabulary: Vocabulary
    matrix: csr_matrix
    labels: Sequence[str]
    folds: npt.NDArray[np.int64]


def _learn_vocabulary(texts: Sequence[str]) -> Vocabulary:
    found: Counter[str] = Counter()
    matter: set[str] = set()
    for text in texts:
        said = plain(text)
        grams = set(cut(said))
        found.update(grams)
        if len(said) <= _SHORT:
            matter.update(gram for gram in grams if gram[0] != "~")
    often = sorted(
        (key for key, n in found.items() if n >= _FEWEST_TEXTS or key in matter),
        key=lambda key: (-found[key], key),
    )
    keys = sorted(often[:_MOST_GRAMS])
    idf = [
        (1 + math.log((1 + len(texts)) / (1 + found[key]))) * (_SOUND_WEIGHT if key[0] == "~" else 1)
        for key in keys
    ]
    return Vocabulary({key: i for i, key in enumerate(keys)}, np.array(idf, np.float32))


def _stack(counted: Sequence[Counted], grams: int) -> csr_matrix:
    starts = np.cumsum([0, *(len(each.ids) for each in counted)])
    values = np.concatenate([each.values for each in counted])
    ids = np.concatenate([each.ids for each in counted])
    return csr_matrix((values, ids, starts), shape=(len(counted), grams))


def _learn(course: _Course, rows: npt.NDArray[np.int64]) -> Classifier:
    """A classifier of the texts numbered ``rows``, not yet as sure as it may be."""
    labels = [course.labels[i] for i in rows]
    firsts = [label.partition("_")[0] for label in labels]
    seconds = ["_".join(label.split("_")[:2]) for label in labels]
    first = _fit(course.matrix[rows], firsts, seconds)
    below = {}
    for name in first.classes:
        inside = [i for i, each in enumerate(firsts) if each == name]
        deep = [labels[i] for i in inside]
        if len(set(deep)) > 1:
            below[name] = _fit(course.matrix[rows[inside]], deep)
        elif deep[0] != name:
            below[name] = _only(deep[0], len(course.vocabulary.idf))
    return Classifier(course.vocabulary, first, below, "")


def _fit(matrix: csr_matrix, labels: Sequence[str], seconds: Sequence[str] = ()) -> Linear:
    """A linear model of ``labels``, its temperature 1.

    Those of a first level come with ``seconds``, what lies below each: then it has a column for each of these.
    """
    classes = sorted(set(labels))
    names = sorted(set(zip(labels, seconds or labels, strict=True)))
    of = np.array([classes.index(name) for name, _ in names])
    starts = np.searchsorted(of, np.arange(len(classes))).astype(np.int32)
    number = {name: i for i, name in enumerate(names)}
    columns = np.array([number[name] for name in zip(labels, seconds or labels, strict=True)])
    if len(classes) == 1:
        return _only(classes[0], matrix.shape[1])
    weights, bias = _separate(matrix, columns, of, first=bool(seconds))
    used = np.flatnonzero(np.abs(weights).max(axis=1) > 0)
    rows = np.full(len(weights), -1, np.int32)
    rows[used] = np.arange(len(used), dtype=np.int32)
    return Linear.make(tuple(classes), starts, rows, weights[used], bias, 1.0)


def _find_temperature(
    linear: Linear, held: Sequence[tuple[Linear | None, Counted, Sequence[Hit], str]], *, first: bool
) -> float:
    """The temperature of ``linear`` at which texts held back are the likeliest.

    ``held`` are, for each, what was learnt without it (None: nothing), itself, its hits and its class. A class that
    was not learnt without it has the margin of one unknown, as when it runs.
    """
    places, number = Places(linear.classes), {name: i for i, name in enumerate(linear.classes)}
    scores, truths = [], []
    for learnt, counted, hits, name in held:
        if learnt is not None:
            row = np.full(len(number), UNKNOWN_MARGIN)
            row[[number[each] for each in learnt.classes]] = learnt.measure(counted)
            places.add(row, hits, 1.0, first=first)
            scores.append(row)
            truths.append(number[name])
    return _cool(np.array(scores), np.array(truths)) if scores and len(number) > 1 else 1.0


def _cooled(classifier: Classifier, temperatures: Mapping[str, float]) -> Classifier:
    below = {
        name: replace(linear, temperature=temperatures[name]) for name, linear in classifier.below.items()
    }
    return replace(classifier, first=replace(classifier.first, temperature=temperatures[""]), below=below)


def _find_beliefs(answers: Sequence[Answer]) -> tuple[Belief, ...]:
    """For each level, by how much its probability is to be raised or lowered to be right as often as it says."""
    beliefs = []
    for level in range(3):
        asked = [each for each in answers if each.expected.count("_") >= level]
        right = [each.at(level + 1).expected == each.at(level + 1).given for each in asked]
        if len(set(right)) > 1:
            odds = np.array([[to_odds(each.probabilities[level])] for each in asked])
            found = LogisticRegression(C=_BELIEF).fit(odds, right)
            beliefs.append(Belief(float(found.coef_[0, 0]), float(found.intercept_[0])))
        else:
            beliefs.append(Belief(1.0, 0.0))
    return tuple(beliefs)


def _separate(
    matrix: csr_matrix, columns: npt.NDArray[np.int64], of: npt.NDArray[np.int64], *, first: bool
) -> tuple[Numbers, Numbers]:
    """Weights (grams × columns) and bias; ``of`` says of which class each column is.

    Those of a ``first`` level count alike however many texts each has; of two texts below it nothing more is made.
    There each column says what its class and what itself is like by support vectors, and a little by how often its
    grams stand in its texts (naive Bayes): each is wrong about other texts.
    """
    flat = first and len(of) == of[-1] + 1
    weights, bias = _support(matrix, columns, len(of), alike=first, strength=_GENTLY if flat else _STRENGTH)
    if first:
        weights += _count(matrix, columns, len(of))
        if not flat:
            above, above_bias = _support(matrix, of[columns], int(of[-1]) + 1, alike=True)
            above += _count(matrix, of[columns], int(of[-1]) + 1)
            weights, bias = weights + above[:, of], bias + above_bias[of]
    return weights, bias


def _count(matrix: csr_matrix, numbers: npt.NDArray[np.int64], classes: int) -> Numbers:
    """Weights (grams × classes) by naive Bayes: how often a class has a gram, set against how often others have it."""
    often = MultinomialNB(alpha=_SMOOTH, fit_prior=False).fit(matrix, numbers)
    logs = often.feature_log_prob_.T
    weights = np.zeros((matrix.shape[1], classes))
    weights[:, often.classes_] = _OFTEN * (logs - logs.mean(axis=1, keepdims=True))
    return weights


def _support(
    matrix: csr_matrix,
    numbers: npt.NDArray[np.int64],
    classes: int,
    *,
    alike: bool,
    strength: float = _STRENGTH,
) -> tuple[Numbers, Numbers]:
    """Weights (grams × classes) and bias of linear support vectors, one class against the rest."""
    weight = "balanced" if alike else None
    machine = LinearSVC(C=strength, class_weight=weight, random_state=0, tol=1e-3).fit(matrix, numbers)
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
