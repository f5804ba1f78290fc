"""The kind of an appeal (诉求类型) from what was said, not only from a key. Pure.

A classifier that has learnt from tickets/meaning/kinds/samples.csv (`hotline classify train` makes it anew) weighs how
it is said; the rules of config/appeals.yaml what is said in so many words.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, cast, get_args

from pydantic import BaseModel, ConfigDict, Field

from config.document import embedded, load
from ivr.matter import AppealType
from tickets.categories.explanation import find_words
from tickets.categories.grams import plain as spell
from tickets.categories.storage import load as load_classifier

if TYPE_CHECKING:
    from tickets.categories.model import Classifier, Counted
    from tickets.meaning.words import Words

MODEL = Path(__file__).parent / "kinds"

_SHOWN = 3  # reasons
_LEARNT = 6.0  # what a margin of the classifier counts for: about 1 lies between a kind that fits and one that does not
_LONG, _END = 200, 40  # characters: of a long telling, and of what is taken for its end

Weight = Annotated[float, Field(gt=0)]


class AppealsDocument(BaseModel):
    """The file."""

    model_config = ConfigDict(defer_build=True, frozen=True)

    default: AppealType
    preset: Weight
    says: Weight
    speaker: str
    weights: dict[AppealType, tuple[tuple[Weight, str], ...]]


@dataclass(frozen=True, slots=True)
class Kind:
    """The kind, and the words that led to it, the weightiest first; ``outright``: the caller named it himself."""

    appeal: AppealType
    reasons: tuple[str, ...]
    outright: bool


@dataclass(frozen=True, slots=True)
class _Rules:
    default: AppealType
    preset: float
    says: float
    outright: re.Pattern[str]
    named: re.Pattern[str]
    weights: tuple[tuple[AppealType, tuple[tuple[float, re.Pattern[str]], ...]], ...]


_DANGER = 24.0  # whoever is in danger asks for help, whatever else he says
_ORDER: tuple[AppealType, ...] = ("投诉", "举报", "求助", "咨询", "建议", "表扬")  # of equals the first
_DENIED = re.compile(r"(?:不是|不|没有?|并非|别)(?:想|要|来|去|是)*$")


def name_kind(words: Words, preset: AppealType | None = None, *, danger: str = "") -> Kind:
    """The kind that ``words`` speak for most; ``preset`` is that of the line, ``danger`` words of danger."""
    rules = open_rules()
    score: dict[AppealType, float] = dict.fromkeys(_ORDER, 0.0)
    reasons: dict[AppealType, list[tuple[float, str]]] = {kind: [] for kind in score}
    named = _name_outright(words, rules)
    if named is not None:
        kind, said = named
        score[kind] += rules.says
        reasons[kind].append((rules.says, said))
    for kind, patterns in rules.weights:
        for weight, pattern in patterns:
            match = next(
                (m for m in pattern.finditer(words.text) if not _is_denied(words.text, m, rules)), None
            )
            if match is not None:
                score[kind] += weight
                reasons[kind].append((weight, match[0]))
    if danger:
        score["求助"] += _DANGER
        reasons["求助"].append((_DANGER, danger))
    if preset is not None:
        score[preset] += rules.preset
        reasons[preset].append((rules.preset, f"热线预设{preset}"))
    if not words.text:
        return Kind(preset or rules.default, (), outright=False)
    said = spell(words.text)
    classifier = open_classifier()
    counted = classifier.vocabulary.count(said)
    for name, margin in zip(classifier.first.classes, _measure(said, classifier, counted), strict=True):
        score[cast("AppealType", name)] += _LEARNT * margin
    best = max(score, key=lambda kind: score[kind])
    if not reasons[best]:
        alike = find_words(said, classifier, counted, best)
        reasons[best] += [(0.0, f"说法像{best}:{word}") for word in alike] or [(0.0, f"说法像{best}")]
    told = [said for _, said in sorted(reasons[best], reverse=True)[:_SHOWN]]
    return Kind(best, tuple(told), outright=named is not None and named[0] == best)


def _measure(said: str, classifier: Classifier, counted: Counted) -> list[float]:
    """The margin of each kind; in a long telling half of it is that of its end, where callers say what they want."""
    whole = classifier.first.measure(counted)
    if len(said) <= _LONG:
        return cast("list[float]", whole.tolist())
    end = classifier.first.measure(classifier.vocabulary.count(said[-_END:]))
    return cast("list[float]", ((whole + end) / 2).tolist())


def _name_outright(words: Words, rules: _Rules) -> tuple[AppealType, str] | None:
    """The first kind that the caller names as his own ("我要投诉"), not one he denies."""
    for match in rules.outright.finditer(words.text):
        if not _DENIED.search(match[1]) and not _DENIED.search(words.text[: match.start()]):
            return cast("AppealType", match[2]), match[0]
    return None


@cache
def open_classifier() -> Classifier:
    """The classifier of kinds, read once. Raises tickets.categories.storage.ModelError."""
    return load_classifier(MODEL)


def _is_denied(text: str, match: re.Match[str], rules: _Rules) -> bool:
    """Whether a kind is named only to say that it is none ("我不是投诉")."""
    return rules.named.search(match[0]) is not None and _DENIED.search(text[: match.start()]) is not None


@cache
def open_rules() -> _Rules:
    """The rules, read once. Raises config.document.ConfigError, re.error."""
    document = load(AppealsDocument, embedded("appeals.yaml"))
    kinds = "|".join(get_args(AppealType))
    return _Rules(
        default=document.default,
        preset=document.preset,
        says=document.says,
        outright=re.compile(f"({document.speaker}(?:不是|不)?(?:想|要|来)?)({kinds})(?!电话|过|热线|信)"),
        named=re.compile(kinds),
        weights=tuple(
            (kind, tuple((weight, re.compile(pattern)) for weight, pattern in patterns))
            for kind, patterns in document.weights.items()
        ),
    )
