"""Finding answers in what was said, by classes of words."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

PARTICLES = frozenset("的了吧呀啊呢嘛哦噢嗯呃唉")
"""Characters that carry no answer of their own."""

_BRIEF = {2: 6}
_ASIDE = 4  # characters after a word that leave its meaning alone
_BRIEF_OTHERWISE = 12  # characters: a longer phrase only answers a question by what it begins with

_DIGITS = {c: str(n) for n, c in enumerate("零一二三四五六七八九")} | {
    "〇": "0",
    "洞": "0",
    "幺": "1",
    "两": "2",
}

SPOKEN_DIGITS = ("零", "一", "幺", "二", "两", "三", "四", "五", "六", "七", "八", "九")
"""The phrases of a grammar for numbers said digit by digit."""


def normalise(text: str) -> str:
    """Without spaces and punctuation."""
    return "".join(c for c in text if c.isalnum())


def digits_in(text: str) -> str:
    """The digits said one by one: ``幺三八`` is ``138``."""
    return "".join(_DIGITS.get(c, c if c.isascii() and c.isdigit() else "") for c in text)


@dataclass(frozen=True, slots=True)
class Match:
    """A class of words found in a phrase, what was said before it, and what after it that is more than filler."""

    answer: str
    head: str
    rest: str


@dataclass(frozen=True, slots=True)
class Words:
    """The flow's classes of words. ``filler`` and ``greeting`` are classes that are never content."""

    classes: Mapping[str, tuple[str, ...]]

    def find(self, text: str, answers: Iterable[str]) -> Match | None:
        """The best answer among these classes: the longest word, then the earliest, then the first class.

        So 不对 is not 对, and 没错 is not 错了. A word of one character must be all that is said (行, 行的, 行行行,
        but not 银行); longer ones may stand anywhere in a brief phrase, and at the beginning of any.
        """
        phrase = normalise(text)
        found = [
            (-len(word), phrase.find(word), rank, answer)
            for rank, answer in enumerate(answers)
            for word in self.classes.get(answer, ())
            if _contains(phrase, word)
        ]
        if not found:
            return None
        length, position, _, answer = min(found)
        return Match(answer, phrase[:position], self._strip(phrase[position - length :], answer))

    def asks_for(self, text: str, answer: str) -> bool:
        """Whether the phrase is about nothing but this class: 转人工服务, but not 人工湖太脏了."""
        found = self.find(text, (answer,))
        return found is not None and len(found.rest) <= _ASIDE

    def is_only(self, text: str, answer: str) -> bool:
        """Whether the phrase is nothing but words of this class."""
        rest = normalise(text)
        for word in sorted(self.classes.get(answer, ()), key=len, reverse=True):
            rest = rest.replace(word, "")
        return not set(rest) - PARTICLES

    def phrases(self, answers: Iterable[str]) -> tuple[str, ...]:
        """All words of these classes, for a grammar; each once."""
        return tuple(dict.fromkeys(word for answer in answers for word in self.classes.get(answer, ())))

    def _strip(self, rest: str, answer: str) -> str:
        """What is left after the answer, its repetitions and the filler words."""
        openers = sorted(
            (*self.classes.get(answer, ()), *self.classes.get("filler", ()), *PARTICLES),
            key=len,
            reverse=True,
        )
        while rest and (opener := next((o for o in openers if rest.startswith(o)), None)):
            rest = rest[len(opener) :]
        return rest


def _contains(phrase: str, word: str) -> bool:
    if len(word) == 1:
        return word in phrase and not set(phrase) - PARTICLES - {word}
    brief = _BRIEF.get(len(word), _BRIEF_OTHERWISE)
    return word in phrase and (len(phrase) <= brief or phrase.startswith(word))
