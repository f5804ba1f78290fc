"""A caller's words made plain: what the rules look at, and where phrases end in it."""

from __future__ import annotations

import re
import unicodedata
from bisect import bisect_right
from dataclasses import dataclass

LONGEST = 5000
"""Characters that are looked at: what somebody can say in a quarter of an hour."""

_BREAK = re.compile(r"[\s,,。、.!?!?;:;:…~\-—“”\"'《》()()]+")


@dataclass(frozen=True, slots=True)
class Words:
    """``text`` without spaces and punctuation; ``ends`` are the offsets in it before which a phrase ended.

    A recogniser writes no punctuation, so that a phrase may end where none is known.
    """

    text: str
    ends: tuple[int, ...]

    def phrase(self, position: int) -> int:
        """Which phrase the character at ``position`` belongs to."""
        return bisect_right(self.ends, position)

    def begin(self, position: int) -> int:
        """Where the phrase of the character at ``position`` begins."""
        at = bisect_right(self.ends, position)
        return self.ends[at - 1] if at else 0


def plain(text: str) -> Words:
    """The words of ``text``; at most `LONGEST` characters of it. Letters are capital, wide ones narrow."""
    narrow = unicodedata.normalize("NFKC", text[:LONGEST]).upper()
    ends, length, kept = [], 0, []
    for part in _BREAK.split(narrow):
        if part:
            if length:
                ends.append(length)
            kept.append(part)
            length += len(part)
    return Words("".join(kept), tuple(ends))
