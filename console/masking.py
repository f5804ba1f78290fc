"""Telephone numbers as they are shown: enough of one to know it again, not enough to call it."""

from __future__ import annotations

import re
from itertools import groupby
from typing import TYPE_CHECKING, Final

from tickets.numerals import DIGIT, LINK

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

_SHORT: Final = 7  # digits; a shorter one is a service's or an extension, and nobody's own
_BEGUN: Final = 3  # digits, from which on a number that is being said may be somebody's
_ONE: Final = f"(?:{DIGIT}|[腰妖\uff10-\uff19])"
# As a number is read back, where he thinks, and as it is said part by part.
_PARTED: Final = f"(?:[\uff0c,、 \u3000-]|{LINK})"
# One phrase ends in a number and the next goes on with it, whatever marks, sounds and small words stand between.
_LINKS: Final = "然后|后面|后头|后边|接着|接下来|前面|中间|最后|完了|那个"
_BETWEEN: Final = f"(?:[\uff0c,。、…\uff1b; ]|[嗯啊呃哦对是吧呢哈呀的再就]|{_LINKS})*"
_TURN: Final = f"(?:{_BETWEEN}\n)+{_BETWEEN}"
_HIDDEN: Final = "****"
_KEY: Final = "•"


def _match(digits: int) -> re.Pattern[str]:
    return re.compile(f"{_ONE}(?:(?:{_PARTED}*|{_TURN}){_ONE}){{{digits - 1},}}")


_MARK: Final = r"(?:[^\w\n]|_)"
# 138.1234.5678: eleven digits are somebody's whatever marks stand between.
_MOBILE: Final = (
    f"(?<![0-9])[1一幺](?={_MARK}{{0,2}}[3-9三四五六七八九])(?:{_MARK}{{0,2}}{_ONE}){{10}}(?!{_MARK}?{_ONE})"
)
_SAID: Final = re.compile(f"{_MOBILE}|{_match(_SHORT).pattern}")
_BEING_SAID: Final = _match(_BEGUN)
_PIECE: Final = re.compile(f"{_ONE}(?:{_PARTED}*{_ONE})*")


def mask(number: str) -> str:
    """138****0001 for 13800000001; what is too short to be a person's own stays as it is."""
    return _shorten(number) if len(number) >= _SHORT and number.isdigit() else number


def mask_text(text: str) -> str:
    """The text with each number in it masked, written in figures or as it was said."""
    return "\n".join(mask_phrases(text.split("\n")))


def mask_phrases(texts: Sequence[str]) -> list[str]:
    """What one person said phrase by phrase, masked; of a number that lies across several phrases nothing is left."""
    return _replace(_SAID, texts, lambda found: _shorten("".join(re.findall(_ONE, found))))


def mask_lines(lines: Iterable[tuple[str, str]]) -> list[str]:
    """The texts of a call's lines, each given with who says it, masked; of a number that was keyed no key is told."""
    told = list(lines)
    masked = [text for _, text in told]
    for who in {who for who, _ in told} - {"key", "system"}:
        places = [place for place, (other, _) in enumerate(told) if other == who]
        for place, text in zip(places, mask_phrases([masked[place] for place in places]), strict=True):
            masked[place] = text
    return _hide_keys(told, masked)


def hide_numbers(texts: Sequence[str]) -> list[str]:
    """What one person is saying phrase by phrase, without any number that has been begun.

    Of one that grows, as much as is shown of a whole one would in the end be all of it.
    """
    return _replace(_BEING_SAID, texts, lambda _: _HIDDEN)


def _replace(pattern: re.Pattern[str], texts: Sequence[str], shorten: Callable[[str], str]) -> list[str]:
    if not texts:
        return []

    def replace(found: re.Match[str]) -> str:
        return _PIECE.sub(_HIDDEN, found[0]) if "\n" in found[0] else shorten(found[0])

    return pattern.sub(replace, "\n".join(text.replace("\n", " ") for text in texts)).split("\n")


def _hide_keys(told: Sequence[tuple[str, str]], masked: Sequence[str]) -> list[str]:
    """Without the keys of a number: so many in a row that no menu asks for them."""
    hidden: list[str] = []
    for who, several in groupby(zip(told, masked, strict=True), key=lambda line: line[0][0]):
        texts = [text for _, text in several]
        hidden += [_KEY] * len(texts) if who == "key" and len(texts) >= _SHORT else texts
    return hidden


def _shorten(number: str) -> str:
    return f"{number[:3]}****{number[-4:]}" if len(number) > _SHORT else f"****{number[-3:]}"
