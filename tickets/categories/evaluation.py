"""How good a classifier is on texts whose labels are known."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tickets.categories.choice import Chooser

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tickets.categories.model import Classifier
    from tickets.categories.rules import Rules
    from tickets.categories.samples import Sample

_BINS = 10


@dataclass(frozen=True, slots=True)
class Answer:
    """What was expected of a text, what came, and how sure (0 to 1) it was of one, two and all levels of that."""

    expected: str
    given: str
    probabilities: tuple[float, float, float]

    @property
    def probability(self) -> float:
        """How sure it was of the label given, as far as that goes."""
        return self.probabilities[min(self.given.count("_"), 2)]

    def at(self, levels: int) -> Answer:
        """The same, looking at so many levels of both labels."""
        expected, given = ("_".join(label.split("_")[:levels]) for label in (self.expected, self.given))
        return Answer(expected, given, self.probabilities)


def answer(classifier: Classifier, rules: Rules, samples: Sequence[Sample]) -> list[Answer]:
    """What is given for each text, cut to as many levels as the label expected of it has."""
    chooser = Chooser(classifier, classifier.labels, rules)
    answers = []
    for sample in samples:
        choice = chooser.choose(sample.text, explained=False)
        levels = sample.label.count("_") + 1
        answers.append(Answer(sample.label, choice.label, choice.probabilities).at(levels))
    return answers


def judge(answers: Sequence[Answer]) -> dict[str, Any]:
    """The figures of `measure` for the labels as they stand; where they have levels, those of each level too."""
    deepest = max(each.expected.count("_") for each in answers) + 1
    levels = {str(n): measure_briefly([each.at(n) for each in answers]) for n in range(1, deepest + 1)}
    return {**measure(answers), **({"levels": levels} if deepest > 1 else {})}


def measure(answers: Sequence[Answer]) -> dict[str, Any]:
    """``macro_f1`` over the labels expected, ``accuracy``, ``calibration_error``, ``per_class`` and ``confusion``.

    ``confusion`` has, for each label expected, how often which label was given. A label that was never expected
    has no F1 of its own, but what was given wrongly counts against the label expected.
    """
    confusion: dict[str, Counter[str]] = {}
    for each in answers:
        confusion.setdefault(each.expected, Counter())[each.given] += 1
    given = Counter(each.given for each in answers)
    per_class = {}
    for label in sorted(confusion):
        right, support = confusion[label][label], confusion[label].total()
        precision = right / given[label] if given[label] else 0.0
        recall = right / support
        f1 = 2 * precision * recall / (precision + recall) if right else 0.0
        per_class[label] = {"precision": precision, "recall": recall, "f1": f1, "support": support}
    return {
        "texts": len(answers),
        "macro_f1": sum(each["f1"] for each in per_class.values()) / len(per_class),
        "accuracy": sum(each.expected == each.given for each in answers) / len(answers),
        "calibration_error": measure_calibration(answers),
        "per_class": per_class,
        "confusion": {label: dict(sorted(row.items())) for label, row in sorted(confusion.items())},
    }


def measure_calibration(answers: Sequence[Answer]) -> float:
    """The expected calibration error over ten equal bins: how far, on average, sureness is from being right."""
    error = 0.0
    for i in range(_BINS):
        inside = [a for a in answers if min(int(a.probability * _BINS), _BINS - 1) == i]
        error += abs(sum(a.probability - (a.expected == a.given) for a in inside))
    return error / len(answers)


def measure_briefly(answers: Sequence[Answer]) -> dict[str, float]:
    """The three figures of `measure` that stand for the whole."""
    whole = measure(answers)
    return {name: whole[name] for name in ("macro_f1", "accuracy", "calibration_error")}
