"""Phrases without spaces, as an operator writes them, into the words of a model's vocabulary."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

UNKNOWNS = ("[unk]", "<UNK>", "<unk>", "[UNK]", "<SPOKEN_NOISE>")
"""What models call anything outside a grammar, or outside their vocabulary; Vosk's own documents say ``[unk]``."""

_MARKER = re.compile(r"\[[A-Za-z_]+\]|</?[A-Za-z_]+>|![A-Z]+|#\d+")
_LONGEST_WORD = 12


def is_marker(word: str) -> bool:
    """Whether WORD stands for silence, noise or nothing: ``<eps>``, ``[unk]``, ``!SIL``, ``#0``, ``[FIL]`` and such."""
    return _MARKER.fullmatch(word) is not None


def segment(phrase: str, knows: Callable[[str], bool]) -> tuple[str, ...] | None:
    """Split PHRASE into known words, longest first with backtracking; None when it cannot be done.

    Spaces in the phrase, where there are any, are word boundaries.
    """
    words: list[str] = []
    for part in phrase.split():
        found = _segment(part, knows)
        if found is None:
            return None
        words += found
    return tuple(words) or None


def _segment(text: str, knows: Callable[[str], bool]) -> list[str] | None:
    # ends[i] is where the first word of text[i:] ends, found from the back: every start is looked at once.
    ends: list[int | None] = [None] * len(text) + [len(text)]
    for start in range(len(text) - 1, -1, -1):
        for end in range(min(len(text), start + _LONGEST_WORD), start, -1):
            if ends[end] is not None and knows(text[start:end]):
                ends[start] = end
                break
    words, start = [], 0
    while start < len(text):
        end_of_word = ends[start]
        if end_of_word is None:
            return None
        words.append(text[start:end_of_word])
        start = end_of_word
    return words
