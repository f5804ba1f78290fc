"""A text cut into what the classifier counts: runs of one to three characters, and how two or three sound.

The sounds are there for the recogniser's mistakes (赔尝 for 赔偿): toneless, and without the differences that many
callers do not make (zh/z, ch/c, sh/s, ing/in …).
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

from pypinyin import Style, lazy_pinyin

_LEFT_OUT = re.compile(r"[^\u3400-\u9fffa-z0-9]+")
_NUMBER = re.compile(r"[0-9]{6,}")
_LONGEST = 3
_LONGEST_TEXT = 5000
"""Characters that are looked at: what somebody can say in a quarter of an hour."""


Gram = tuple[str, int, int]
"""One thing counted, and from where to where it stands in the plain text. A sound's name begins with ``~``."""


def plain(text: str) -> str:
    """The text without spaces and punctuation, telephone numbers and the like as 0; at most 5,000 characters of it."""
    narrow = unicodedata.normalize("NFKC", text[:_LONGEST_TEXT]).lower()
    return _NUMBER.sub("0", _LEFT_OUT.sub("", narrow))[:_LONGEST_TEXT]


def cut(text: str) -> list[Gram]:
    """Every gram of a text that `plain` made, in the order of their lengths."""
    length = len(text)
    grams = [(text[i : i + n], i, i + n) for n in range(1, _LONGEST + 1) for i in range(length - n + 1)]
    sounds = [_sound(character) for character in text]
    for i in range(length - 1):
        two = f"~{sounds[i]} {sounds[i + 1]}"
        grams.append((two, i, i + 2))
        if i + 2 < length:
            grams.append((f"{two} {sounds[i + 2]}", i, i + 3))
    return grams


@lru_cache(maxsize=20_000)
def _sound(character: str) -> str:
    sound = lazy_pinyin(character, style=Style.NORMAL)[0]
    if sound[:2] in {"zh", "ch", "sh"}:
        sound = sound[0] + sound[2:]
    return sound.removesuffix("g") if sound.endswith("ng") else sound
