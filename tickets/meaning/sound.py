"""How words sound, as far as callers and recognisers tell it apart: for place names that were misheard.

Without tones, and without the differences that many in the city do not make: zh/z, ch/c, sh/s, n/l, ing/in, eng/en,
ang/an.
"""

from __future__ import annotations

import re
from functools import cache, lru_cache
from itertools import product

_INITIAL = re.compile(r"^(zh|ch|sh|[bpmfdtnlgkhjqxrzcsyw]?)(.*)$")
_SEVERAL = frozenset("行长会")  # characters of names here that callers read in more than one way
_MERGED = {"zh": "z", "ch": "c", "sh": "s", "n": "l"}

Sound = tuple[str, ...]
"""The syllables of a word, each ``initial-final``."""


def readings(name: str) -> tuple[Sound, ...]:
    """How a name may be read: a character may have more than one sound."""
    return tuple(product(*(_syllables(c) if c in _SEVERAL else _syllables(c)[:1] for c in name)))


@lru_cache(maxsize=4096)
def sound(words: str) -> Sound:
    """How ``words`` sound, each character as it is read by itself."""
    return tuple(_syllables(character)[0] for character in words)


def differ_little(one: Sound, two: Sound) -> bool:
    """Whether two words of one length sound alike but for half a syllable."""
    if len(one) != len(two):
        return False
    apart = [(a, b) for a, b in zip(one, two, strict=True) if a != b]
    if len(apart) != 1:
        return False
    (a_initial, _, a_final), (b_initial, _, b_final) = (syllable.partition("-") for syllable in apart[0])
    return (a_initial == b_initial) != (a_final == b_final)


@cache
def _syllables(character: str) -> tuple[str, ...]:
    from pypinyin import Style, pinyin  # noqa: PLC0415 - takes a quarter of a second: who has no text waits for none

    found = pinyin(character, style=Style.NORMAL, heteronym=True, errors="default")[0]
    return tuple(dict.fromkeys(_merge(syllable) for syllable in found)) or (character,)


def _merge(syllable: str) -> str:
    match = _INITIAL.match(syllable)
    if match is None:
        return syllable
    initial, final = match[1], match[2]
    return f"{_MERGED.get(initial, initial)}-{re.sub('ng$', 'n', final)}"
