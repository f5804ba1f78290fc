"""Two texts laid against each other: what was heard, what otherwise, what not at all, and what nobody said."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

Pair = tuple[str, str]
"""What was said and what was heard: a character, or "" on the side where there is none."""


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
    """The cheapest way from one text to the other (Levenshtein): of equally cheap ones, a substitution first."""
    costs = [list(range(len(heard) + 1))]
    for row, char in enumerate(said, 1):
        above, line = costs[-1], [row]
        for column, other in enumerate(heard, 1):
            line.append(min(above[column - 1] + (char != other), above[column] + 1, line[column - 1] + 1))
        costs.append(line)
    pairs: list[Pair] = []
    row, column = len(said), len(heard)
    while row or column:
        cost = costs[row][column]
        if row and column and cost == costs[row - 1][column - 1] + (said[row - 1] != heard[column - 1]):
            row, column = row - 1, column - 1
            pairs.append((said[row], heard[column]))
        elif row and cost == costs[row - 1][column] + 1:
            row -= 1
            pairs.append((said[row], ""))
        else:
            column -= 1
            pairs.append(("", heard[column]))
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
