"""Words to text, as Chinese and the Latin letters in it are written."""

from __future__ import annotations

import re

from asr.grammar import is_marker

_LATIN_END, _LATIN_BEGIN = re.compile("[A-Za-z']$"), re.compile("[A-Za-z]")


def join(words: list[str]) -> str:
    """Words to text: Chinese has no spaces, and what was not understood, or is no text at all, is left out.

    A blank keeps Latin words apart; letters that are said one by one (ETC, a number plate) stand together.
    """
    text = before = ""
    for word in words:
        if is_marker(word) or not word.isprintable():
            continue
        text += part(before, word) + word
        before = word
    return text


def part(before: str, word: str) -> str:
    """What stands between two words: a blank between Latin ones."""
    latin = _LATIN_END.search(before) and _LATIN_BEGIN.match(word)
    return " " if latin and not len(before) == len(word) == 1 else ""
