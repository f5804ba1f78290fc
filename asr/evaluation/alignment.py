"""Two texts laid against each other: what was heard, what otherwise, what not at all, and what nobody said."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable

Pair = tuple[str, str]
"""What was said and what was heard: a character, or "" on the side where there is none."""


_BOTH: Final = 0
_DELETE: Final = 1
_INSERT: Final = 2


@dataclass(frozen=True, slots=True)
class Errors:
    """Of ``characters`` said: how many were heard otherwise, how many not at all; and how many nobody said."""

    characters: int = 0
    substituted: int = 0
    deleted: int = 0
    inserted: int = 0

    def __add__(self, other: Errors) -> Errors:
        return Errors(
            self.characters + other.characters,
            self.substituted + other.substituted,
            self.deleted + other.deleted,
            self.inserted + other.inserted,
        )

    @property
    def rate(self) -> float | None:
        """The character error rate, which may exceed 1; None where nothing was said."""
        wrong = self.substituted + self.deleted + self.inserted
        return wrong / self.characters if self.characters else None


def align(said: str, heard: str) -> tuple[Pair, ...]:
    """The cheapest way from one text to the other (Levenshtein): of equally cheap ones, a substitution first.

    It takes a byte for each pair of their characters: an hour of speech is 12,000.
    """
    above = list(range(len(heard) + 1))
    ways = [bytearray([_INSERT]) * len(above)]
    for row, char in enumerate(said, 1):
        line, way = [row], bytearray([_DELETE])
        for column, other in enumerate(heard, 1):
            both = above[column - 1] + (char != other)
            less, more = above[column] + 1, line[column - 1] + 1
            cost = min(both, less, more)
            line.append(cost)
            way.append(_BOTH if cost == both else _DELETE if cost == less else _INSERT)
        ways.append(way)
        above = line
    pairs: list[Pair] = []
    row, column = len(said), len(heard)
    while row or column:
        way_here = ways[row][column]
        row -= way_here != _INSERT
        column -= way_here != _DELETE
        pairs.append(("" if way_here == _INSERT else said[row], "" if way_here == _DELETE else heard[column]))
    return tuple(reversed(pairs))


def count(pairs: Iterable[Pair]) -> Errors:
    """The errors in an alignment."""
    pairs = tuple(pairs)
    return Errors(
        characters=sum(said != "" for said, _ in pairs),
        substituted=sum("" not in pair and pair[0] != pair[1] for pair in pairs),
        deleted=sum(heard == "" for _, heard in pairs),
        inserted=sum(said == "" for said, _ in pairs),
    )
