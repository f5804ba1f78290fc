"""The rules by which danger is told, as config/risk.yaml has them: kinds, patterns, and what takes a pattern back."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Final, Literal, get_args

from pydantic import BaseModel, ConfigDict

from config.document import embedded, load

if TYPE_CHECKING:
    from collections.abc import Iterable

RiskKind = Literal[
    "self_harm",
    "fire",
    "gas",
    "violence",
    "medical",
    "collapse",
    "drowning",
    "electric",
    "traffic",
    "mass",
]
KINDS: Final[tuple[RiskKind, ...]] = get_args(RiskKind)
NAMES: Final[dict[RiskKind, str]] = {
    "self_harm": "轻生",
    "fire": "火灾",
    "gas": "燃气",
    "violence": "暴力",
    "medical": "急病重伤",
    "collapse": "坍塌",
    "drowning": "溺水",
    "electric": "触电",
    "traffic": "车祸",
    "mass": "群体事件",
}
"""What an agent reads."""


class RiskDocument(BaseModel):
    """The file."""

    model_config = ConfigDict(defer_build=True, frozen=True)

    phrases: tuple[str, ...]
    heard: dict[str, tuple[str, ...]]
    words: dict[str, tuple[str, ...]]
    kinds: dict[RiskKind, tuple[str, ...]]
    together: dict[RiskKind, tuple[tuple[str, str], ...]]
    pressing: tuple[str, ...]
    idioms: tuple[str, ...]
    denied: str
    undone: str
    denied_words: str
    past: str
    hearsay: str
    supposed: str
    habit: str
    present: str
    lasts: str
    own: str
    threat: str
    suffered: tuple[RiskKind, ...]
    after: str
    over: str


@dataclass(frozen=True, slots=True)
class RiskRules:
    """The same, ready to be looked for."""

    heard: dict[str, str]
    otherwise: re.Pattern[str]
    kinds: tuple[tuple[RiskKind, re.Pattern[str]], ...]
    together: dict[RiskKind, tuple[tuple[re.Pattern[str], re.Pattern[str]], ...]]
    pressing: tuple[re.Pattern[str], ...]
    idiom: re.Pattern[str]
    denied: re.Pattern[str]
    undone: re.Pattern[str]
    denied_words: re.Pattern[str]
    past: re.Pattern[str]
    hearsay: re.Pattern[str]
    supposed: re.Pattern[str]
    habit: re.Pattern[str]
    present: re.Pattern[str]
    lasts: re.Pattern[str]
    own: re.Pattern[str]
    threat: re.Pattern[str]
    suffered: frozenset[RiskKind]
    after: re.Pattern[str]
    over: re.Pattern[str]


@cache
def phrases() -> tuple[str, ...]:
    """What a recogniser that knows only a question's answers is given besides, so that it can hear danger at all."""
    return _document().phrases


@cache
def _document() -> RiskDocument:
    return load(RiskDocument, embedded("risk.yaml"))


@cache
def open_rules() -> RiskRules:
    """The rules of config/risk.yaml, read once. Raises config.document.ConfigError, re.error."""
    document = _document()
    lists = {name: f"(?:{'|'.join(_longest_first(words))})" for name, words in document.words.items()}

    def fill(pattern: str) -> str:
        return re.sub(r"<([a-z]+)>", lambda match: lists[match[1]], pattern)

    # A word is heard otherwise in some surroundings only, which are not part of it.
    return RiskRules(
        heard={
            re.sub(r"\(\?[^)]*\)", "", other): word
            for word, others in document.heard.items()
            for other in others
        },
        otherwise=re.compile(
            "|".join(_longest_first(o for others in document.heard.values() for o in others))
        ),
        kinds=tuple(
            (kind, re.compile("|".join(f"(?:{fill(pattern)})" for pattern in patterns)))
            for kind, patterns in document.kinds.items()
        ),
        together={
            kind: tuple((re.compile(fill(one)), re.compile(fill(two))) for one, two in pairs)
            for kind, pairs in document.together.items()
        },
        pressing=tuple(re.compile(fill(pattern)) for pattern in document.pressing),
        idiom=re.compile("|".join(f"(?:{fill(idiom)})" for idiom in document.idioms)),
        denied=re.compile(f"(?:{document.denied})[^不没]{{0,2}}$"),
        undone=re.compile(document.undone),
        denied_words=re.compile(document.denied_words),
        past=re.compile(document.past),
        hearsay=re.compile(document.hearsay),
        supposed=re.compile(document.supposed),
        habit=re.compile(document.habit),
        present=re.compile(document.present),
        lasts=re.compile(document.lasts),
        own=re.compile(document.own),
        threat=re.compile(document.threat),
        suffered=frozenset(document.suffered),
        after=re.compile(document.after),
        over=re.compile(document.over),
    )


def _longest_first(words: Iterable[str]) -> list[str]:
    return sorted(words, key=len, reverse=True)
