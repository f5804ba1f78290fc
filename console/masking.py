"""Telephone numbers as they are shown: enough of one to know it again, not enough to call it."""

from __future__ import annotations

import re
from itertools import groupby
from typing import TYPE_CHECKING, Final

from tickets.numerals import DIGIT

if TYPE_CHECKING:
    from collections.abc import Iterable

_SHORT: Final = 7  # digits; a shorter one is a service's or an extension, and nobody's own
_PARTED: Final = "[，,、 -]"  # as a number is read back
_SAID: Final = re.compile(f"{DIGIT}(?:{_PARTED}?(?:{DIGIT}|[腰妖])){{{_SHORT - 1},}}")
_KEY: Final = "•"


def mask(number: str) -> str:
    """138****0001 for 13800000001; what is too short to be a person's own stays as it is."""
    return _shorten(number) if len(number) >= _SHORT and number.isdigit() else number


def mask_text(text: str) -> str:
    """The text with each number in it masked, written in figures or as it was said."""
    return _SAID.sub(lambda found: _shorten(re.sub(_PARTED, "", found[0])), text)


def mask_lines(lines: Iterable[tuple[str, str]]) -> list[str]:
    """The texts of a call's lines, each given with who says it, masked; of a number that was keyed no key is told."""
    masked: list[str] = []
    for who, several in groupby(lines, key=lambda line: line[0]):
        texts = [text for _, text in several]
        if who == "key" and len(texts) >= _SHORT:
            masked += [_KEY] * len(texts)
        else:
            masked += texts if who == "system" else map(mask_text, texts)
    return masked


def _shorten(number: str) -> str:
    return f"{number[:3]}****{number[-4:]}" if len(number) > _SHORT else f"****{number[-3:]}"
