"""Danger in what a caller is saying: spotted in words that still come, phrase by phrase, and told once a phrase."""

from __future__ import annotations

from typing import Final

from tickets.meaning.risk import Risk, spot, spot_partial

_BEFORE: Final = 60
"""Characters of what was said before that may bear on a phrase: they turn it ("去年…"), or begin what it ends."""
_STEP: Final = 2
"""Characters by which words must have grown to be looked at again: a partial counts with as many behind it."""


class Watch:
    """Listens along from one question on; a phrase is known by where it ``start``s in the recording."""

    def __init__(self) -> None:
        self._before = ""
        self._told: float | None = None  # the phrase that was told of last
        self._looked_at = 0  # characters of the phrase's words that were looked at last

    def follow(self, words: str, start: float, *, settled: bool) -> Risk | None:
        """The danger in a phrase as far as it is understood; ``settled``: the caller rests, all that he said is known.

        While he speaks on, only what the next words will hardly take back counts.
        """
        grown = len(words) - self._looked_at
        if self._told == start or not (settled or grown >= _STEP or grown < 0):
            return None
        self._looked_at = len(words)
        return self._look(words, start, settled=settled)

    def suspects(self, words: str) -> bool:
        """Whether danger would be told of, were these words of an open phrase, or of one that has ended, right."""
        return spot(f"{self._before},{words}") is not None

    def end(self, words: str, start: float) -> Risk | None:
        """The danger in a phrase that has ended, unless it has been told."""
        risk = None if self._told == start else self._look(words, start, settled=True)
        self._before, self._looked_at = f"{self._before},{words}"[-_BEFORE:], 0
        return risk

    def _look(self, words: str, start: float, *, settled: bool) -> Risk | None:
        # A long phrase was looked at as it grew.
        said = f"{self._before},{words}"[-2 * _BEFORE :]
        risk = spot(said) if settled else spot_partial(said)
        if risk is not None:
            self._told = start
        return risk
