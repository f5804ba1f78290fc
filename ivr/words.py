"""Finding answers in what was said, by classes of words."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

PARTICLES = frozenset("的了吧呀啊呢嘛哦噢嗯呃唉哎")
"""Characters that carry no answer of their own."""

EMPTY = ("aside", "filler", "polite", "done", "yes", "greeting")
"""Classes of words that tell nothing of a matter by themselves."""

_BRIEF = {2: 6}
_BRIEF_OTHERWISE = 12  # characters: a longer phrase only answers a question by what it begins with
_CONTENT = 2  # characters: less says nothing
_STATEMENT = 4  # characters: so many before a request for a person may be about something else
_ENDINGS = tuple("吧呀啊呢嘛哦噢")
_DENYING = "不没"  # open many words that deny nothing to the question: 不亮, 没人
_DENIED = re.compile(
    "(?:(?<![要用想是需])不(?:要|用|想|是|需要|必)|(?<!特)别|^我?不)(?:再|给我|帮我|要|想|找|叫)*$"
)

_DIGITS = {c: str(n) for n, c in enumerate("零一二三四五六七八九")} | {
    "〇": "0",
    "洞": "0",
    "幺": "1",
    "两": "2",
}

SPOKEN_DIGITS = ("零", "一", "幺", "二", "两", "三", "四", "五", "六", "七", "八", "九")
"""The phrases of a grammar for numbers said digit by digit."""

CHECK_NAMES = ("艾克斯", "爱克斯", "埃克斯", "叉")
"""How one says X, the last of some identity numbers."""


def normalise(text: str) -> str:
    """Without spaces and punctuation."""
    return "".join(c for c in text if c.isalnum())


def digits_in(text: str) -> str:
    """The digits said one by one: ``幺三八`` is ``138``."""
    return "".join(_DIGITS.get(c, c if c.isascii() and c.isdigit() else "") for c in text)


@dataclass(frozen=True, slots=True)
class Match:
    """An answer found in a phrase, and what was said beside it.

    ``rest`` is what follows the answer, ``beside`` all that is to be kept: the rest, or the whole phrase if something
    comes before the answer too. Both are empty when there is nothing but words that say nothing.
    """

    answer: str
    rest: str
    beside: str


@dataclass(frozen=True, slots=True)
class Words:
    """The flow's classes of words. Those of `EMPTY` say nothing by themselves."""

    classes: Mapping[str, tuple[str, ...]]

    def find(self, text: str, answers: Iterable[str]) -> Match | None:
        """The best answer among these classes: the longest word, then the earliest, then the first class.

        So 不对 is not 对, and 没错 is not 错了. A word of one character must be all that is said (行, 行的, 行行行, but
        not 银行), or open a phrase and have an ending or a word that says nothing behind it (对啊…, 对就是…, but not
        对面…). Longer ones may stand anywhere in a brief phrase, and at the beginning of any.
        """
        phrase = normalise(text)
        found = [
            (-len(word), position, rank, answer)
            for rank, answer in enumerate(answers)
            for word in self.classes.get(answer, ())
            if (position := self._position(phrase, word)) is not None
        ]
        if not found:
            return None
        length, position, _, answer = min(found)
        return self._match(phrase, position, position - length, answer)

    def find_request(self, text: str) -> Match | None:
        """Whether the phrase asks for a person, and what was said beside that.

        Words of ``person`` do so unless they are denied, or something else is spoken of before and after them. Words
        of ``somebody`` do so only when nothing but a request, or a cry for help, is said: not 人工湖太脏, nor
        找人修水管.
        """
        phrase = normalise(text)
        for word in sorted(self.classes["person"], key=len, reverse=True):
            head, found, rest = phrase.partition(word)
            brief = len(head) < _STATEMENT or not self.is_content(head)
            if found and not _DENIED.search(head) and (brief or not self.is_content(rest)):
                return self._match(phrase, len(head), len(head) + len(word), "person", "somebody")
        others = (*EMPTY, "person", "help")
        if self.is_only(phrase, "somebody", *others) and not self.is_only(phrase, *others):
            cry = "" if self.is_only(phrase, "somebody", *EMPTY) else phrase
            return Match("person", cry, cry)
        return None

    def is_only(self, text: str, *answers: str) -> bool:
        """Whether the phrase is nothing but words of these classes."""
        rest = normalise(text)
        words = {word for answer in answers for word in self.classes.get(answer, ())}
        for word in sorted(words, key=len, reverse=True):
            rest = rest.replace(word, "")
        return not set(rest) - PARTICLES

    def is_content(self, text: str, *nothing: str) -> bool:
        """Whether the phrase says something, words of the classes NOTHING being nothing either."""
        return len(text) >= _CONTENT and not self.is_only(text, *EMPTY, *nothing)

    def phrases(self, answers: Iterable[str]) -> tuple[str, ...]:
        """All words of these classes, for a grammar; each once."""
        return tuple(dict.fromkeys(word for answer in answers for word in self.classes.get(answer, ())))

    def _match(self, phrase: str, start: int, end: int, answer: str, *nothing: str) -> Match:
        rest = self._strip(phrase[end:], answer)
        rest = rest if self.is_content(rest, *nothing) else ""
        return Match(answer, rest, phrase if self.is_content(phrase[:start], "no", *nothing) else rest)

    def _position(self, phrase: str, word: str) -> int | None:
        """Where the word stands in the phrase as an answer."""
        opening = phrase.lstrip("".join(PARTICLES - {word}))
        opens = opening.startswith(word)
        if len(word) == 1:
            alone = word in phrase and not set(phrase) - PARTICLES - {word}
            meant = alone or (opens and self._goes_on(opening[1:], word))
        else:
            meant = word in phrase and (len(phrase) <= _BRIEF.get(len(word), _BRIEF_OTHERWISE) or opens)
        return phrase.find(word) if meant else None

    def _goes_on(self, rest: str, word: str) -> bool:
        """Whether what follows a word of one character shows that it was one."""
        if word in _DENYING:
            return False
        return rest.startswith((word, *_ENDINGS, *(w for w in self.phrases((*EMPTY, "more")) if len(w) > 1)))

    def _strip(self, rest: str, answer: str) -> str:
        """What is left after the answer, its repetitions and the filler words."""
        polite = (word for word in self.phrases(("yes", "done", "polite")) if len(word) > 1)
        openers = sorted(
            (*self.phrases((answer, "filler")), *polite, *PARTICLES),
            key=len,
            reverse=True,
        )
        while rest and (opener := next((o for o in openers if rest.startswith(o)), None)):
            rest = rest[len(opener) :]
        return rest
