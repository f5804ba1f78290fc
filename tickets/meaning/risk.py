"""Danger in a caller's words: which kind, and the words that tell of it. Pure, for finals and for partials.

A pattern that fits is not yet danger: it may be denied ("没有着火"), be an idiom ("跳楼价"), long over ("去年着过火"),
told by others ("网上说…"), or supposed ("如果着火…"). config/risk.yaml says how each of these is known.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from tickets.meaning.risk_rules import NAMES, open_rules
from tickets.meaning.words import Words, plain

if TYPE_CHECKING:
    import re
    from collections.abc import Iterator

    from tickets.meaning.risk_rules import RiskKind, RiskRules


_BEFORE = 22  # characters in front of the words in which the past, hearsay or a supposition is looked for
_BEHIND = 34  # and behind them, for what tells that it is over
_DENIED_NEAR = 5
_AHEAD = 2  # characters behind those that what is looked for there may look at
_NEAR = 16  # characters between two patterns that tell of danger together
_SETTLED = 2  # characters behind the words that a partial must have: the next ones may take them back


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


def _read(said: Words, rules: RiskRules) -> Words:
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
    rules: RiskRules,
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
    words: Words, kind: RiskKind, match: re.Match[str], idioms: list[tuple[int, int]], rules: RiskRules
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
