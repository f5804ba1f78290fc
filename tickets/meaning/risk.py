"""Danger in a caller's words: which kind, and the words that tell of it. Pure, for finals and for partials.

A pattern that fits is not yet danger: it may be denied ("没有着火"), be an idiom ("跳楼价"), long over ("去年着过火"),
told by others ("网上说…"), or supposed ("如果着火…"). config/risk.yaml says how each of these is known.
"""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from dataclasses import dataclass, replace
from functools import cache
from typing import TYPE_CHECKING, Final, Literal, get_args

from pydantic import BaseModel, ConfigDict

from config.document import embedded, load
from tickets.meaning.words import Words, plain

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

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

_BEFORE = 22  # characters in front of the words in which the past, hearsay or a supposition is looked for
_BEHIND = 34  # and behind them, for what tells that it is over
_DENIED_NEAR = 5
_AHEAD = 2  # characters behind those that what is looked for there may look at
_NEAR = 16  # characters between two patterns that tell of danger together
_SETTLED = 2  # characters behind the words that a partial must have: the next ones may take them back


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
class Risk:
    """Danger of a ``kind``, in the caller's ``words``, which begin ``start`` characters into the plain text.

    ``learnt``: no rule tells of it, the words are like those of others in such danger.
    """

    kind: RiskKind
    words: str
    start: int
    end: int
    learnt: bool = False

    @property
    def name(self) -> str:
        """The kind as an agent reads it."""
        return NAMES[self.kind]

    @property
    def told(self) -> str:
        """The same, and that it is no rule's where it is not."""
        return f"{'听着像' if self.learnt else ''}{self.name}"


@dataclass(frozen=True, slots=True)
class _Rules:
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


def spot(text: str) -> Risk | None:
    """The first danger that ``text`` tells of, those to life from the caller's own hand before others; or None."""
    return next(_spot(plain(text)), None)


def spot_all(words: Words) -> tuple[Risk, ...]:
    """Every danger that the words tell of, one of a kind at most."""
    return tuple(_spot(words))


def spot_partial(text: str) -> Risk | None:
    """As `spot`, in a phrase that is still being said: only what the next words will hardly take back."""
    words = plain(text)
    return next((risk for risk in _spot(words) if risk.end <= len(words.text) - _SETTLED), None)


def press(words: Words) -> str:
    """The first words that tell of what cannot wait, though nobody is in danger yet; "" for none."""
    rules = open_rules()
    read = _read(words, rules)
    for pattern in rules.pressing:
        for match in pattern.finditer(read.text):
            if _holds(read, "medical", match, [], rules):
                return words.text[slice(*match.span())]
    return ""


@cache
def phrases() -> tuple[str, ...]:
    """What a recogniser that knows only a question's answers is given besides, so that it can hear danger at all."""
    return _document().phrases


def _read(said: Words, rules: _Rules) -> Words:
    """What was said as the rules call it, each character where it stood."""
    return replace(said, text=rules.otherwise.sub(lambda match: rules.heard[match[0]], said.text))


def _spot(said: Words) -> Iterator[Risk]:
    rules = open_rules()
    words = _read(said, rules)
    text = words.text
    idioms = [match.span() for match in rules.idiom.finditer(text)]
    for kind, pattern in rules.kinds:
        found = next((m for m in pattern.finditer(text) if _holds(words, kind, m, idioms, rules)), None)
        if found is not None:
            yield Risk(kind, said.text[slice(*found.span())], *found.span())
            continue
        near = next(
            (r for pair in rules.together.get(kind, ()) if (r := _near(words, kind, pair, idioms, rules))),
            None,
        )
        if near is not None:
            yield replace(near, words=said.text[near.start : near.end])


def _near(
    words: Words,
    kind: RiskKind,
    pair: tuple[re.Pattern[str], re.Pattern[str]],
    idioms: list[tuple[int, int]],
    rules: _Rules,
) -> Risk | None:
    """Both of a pair, neither inside the other, near each other; both must hold."""
    text = words.text
    ones = list(pair[0].finditer(text))
    seconds = list(pair[1].finditer(text)) if ones else []
    begins = [two.start() for two in seconds]
    reach = _NEAR + max((two.end() - two.start() for two in seconds), default=0)
    for one in ones:
        beside = slice(bisect_left(begins, one.start() - reach), bisect_right(begins, one.end() + _NEAR))
        near = [two for two in seconds[beside] if 0 <= _part(one, two) <= _NEAR]
        if not near or not _holds(words, kind, one, idioms, rules):
            continue
        for two in near:
            if _holds(words, kind, two, idioms, rules):
                start, end = min(one.start(), two.start()), max(one.end(), two.end())
                return Risk(kind, text[start:end], start, end)
    return None


def _part(one: re.Match[str], two: re.Match[str]) -> int:
    """Characters between the two; below 0 where they overlap."""
    return max(one.start(), two.start()) - min(one.end(), two.end())


def _holds(
    words: Words, kind: RiskKind, match: re.Match[str], idioms: list[tuple[int, int]], rules: _Rules
) -> bool:
    text, (start, end) = words.text, match.span()
    if any(a < end and start < b for a, b in idioms):
        return False
    near = text[max(words.begin(start), start - _DENIED_NEAR) : start]
    if rules.denied.search(near) or rules.denied_words.match(text, end) or rules.after.match(text, end):
        return False
    if rules.undone.search(match[0]):
        return False
    begin = max(0, start - _BEFORE)
    lifted = (
        *(() if rules.lasts.search(text, start, end + _BEHIND) else ((rules.past, rules.present),)),
        (rules.hearsay, rules.own),
        *(
            ()
            if kind == "self_harm" and rules.threat.search(match[0])
            else ((rules.supposed, rules.present),)
        ),
        *(() if kind in rules.suffered else ((rules.habit, rules.present),)),
    )
    for told, lifts in lifted:
        # When it was may be said amid the words that tell of it.
        said = _last(told, text, begin, end if told is rules.past and kind != "self_harm" else start)
        if said is not None and not lifts.search(text, said.end(), end):
            return False
    over = rules.over.search(text, end, end + _BEHIND)
    return over is None or rules.present.search(text, end, over.start()) is not None


def _last(pattern: re.Pattern[str], text: str, begin: int, end: int) -> re.Match[str] | None:
    """The last match within these, which may look at what stands around them ("老(?=打)" right before 打)."""
    found = None
    for match in pattern.finditer(text, begin, end + _AHEAD):
        if match.end() > end:
            break
        found = match
    return found


@cache
def _document() -> RiskDocument:
    return load(RiskDocument, embedded("risk.yaml"))


@cache
def open_rules() -> _Rules:
    """The rules of config/risk.yaml, read once. Raises config.document.ConfigError, re.error."""
    document = _document()
    lists = {name: f"(?:{'|'.join(_longest_first(words))})" for name, words in document.words.items()}

    def fill(pattern: str) -> str:
        return re.sub(r"<([a-z]+)>", lambda match: lists[match[1]], pattern)

    # A word is heard otherwise in some surroundings only, which are not part of it.
    return _Rules(
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
