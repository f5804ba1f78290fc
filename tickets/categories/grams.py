"""A text cut into what the classifier counts: runs of one to three characters, and how two or three sound.

The sounds are there for the recogniser's mistakes (赔尝 for 赔偿): toneless, and without the differences that many
callers do not make (zh/z, ch/c, sh/s, ing/in …).
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache
from itertools import pairwise

_LEFT_OUT = re.compile(r"[^\u3400-\u9fffa-z0-9]+")
_NUMBER = re.compile(r"[0-9]{6,}")
_LONGEST = 3
_LONGEST_TEXT = 5000
"""Characters that are looked at: what somebody can say in a quarter of an hour."""


def plain(text: str) -> str:
    """The text without spaces and punctuation, telephone numbers and the like as 0; at most 5,000 characters of it."""
    narrow = unicodedata.normalize("NFKC", text[:_LONGEST_TEXT]).lower()
    return _NUMBER.sub("0", _LEFT_OUT.sub("", narrow))[:_LONGEST_TEXT]


def cut(text: str) -> list[str]:
    """Every gram of a text that `plain` made, as often as it stands there; a sound's name begins with ``~``."""
    sounds = [_sound(character) for character in text]
    pairs = [f"~{one} {other}" for one, other in pairwise(sounds)]
    grams = [*text]
    for n in range(2, _LONGEST + 1):
        grams += [text[i : i + n] for i in range(len(text) - n + 1)]
    grams += pairs
    grams += [f"{pair} {third}" for pair, third in zip(pairs, sounds[2:], strict=False)]
    return grams


def list_spans(text: str) -> list[tuple[int, int]]:
    """From where to where in the text each gram stands that `cut` finds in it, in the same order."""
    lengths = [*range(1, _LONGEST + 1), *range(2, _LONGEST + 1)]
    return [(i, i + n) for n in lengths for i in range(len(text) - n + 1)]


@lru_cache(maxsize=20_000)
def _sound(character: str) -> str:
    from pypinyin import Style, lazy_pinyin  # noqa: PLC0415 - takes a quarter of a second; see tickets.meaning.sound

    sound = lazy_pinyin(character, style=Style.NORMAL)[0]
    if sound[:2] in {"zh", "ch", "sh"}:
        sound = sound[0] + sound[2:]
    return sound.removesuffix("g") if sound.endswith("ng") else sound
