"""What a ticket says of its category: a pure function of the words, the line's preset and a versioned catalogue."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from config.categories import read_catalogue
from tickets.categories import grams
from tickets.categories.choice import Chooser
from tickets.categories.rules import Rules, join, list_words
from tickets.categories.storage import load

if TYPE_CHECKING:
    from collections.abc import Sequence

    from config.categories import CatalogueEntry
    from tickets.categories.choice import Choice
    from tickets.categories.model import Classifier

SHIPPED_MODEL = Path(__file__).parent / "model"
_SURE = 0.6
"""From what probability a level is written on the ticket; below it the agent decides."""


@dataclass(frozen=True, slots=True)
class Suggestion:
    """The best guess of a category, and how much of it a ticket may show.

    ``category_1`` to ``category_3`` are names of each level ("" where the catalogue has none that deep),
    ``confidence`` the probability of the first (0 to 1), ``depth`` how many levels are sure enough to be shown (0: the
    ticket says 待分类). ``reasons`` say in Chinese what led to it, ``words`` are those of the caller's among them.
    ``code`` is that of GB/T 39666, "" where the catalogue gives none.
    """

    category_1: str
    category_2: str
    category_3: str
    confidence: float
    depth: int
    reasons: tuple[str, ...]
    words: tuple[str, ...]
    code: str = ""

    @property
    def decided(self) -> bool:
        """Whether the ticket shows a category."""
        return self.depth > 0

    @property
    def shown(self) -> tuple[str, str, str]:
        """The levels that a ticket shows, "" for the others."""
        names = (self.category_1, self.category_2, self.category_3)
        first, second, third = (name if i < self.depth else "" for i, name in enumerate(names))
        return first, second, third


class Categorizer:
    """Suggests categories of one catalogue; ``version`` tells which catalogue, words and classifier it goes by."""

    def __init__(self, classifier: Classifier, catalogue: Sequence[CatalogueEntry]) -> None:
        self._entries = {join(entry.path): entry for entry in catalogue}
        above = {join(entry.path[:depth]) for entry in catalogue for depth in (1, 2) if entry.path[depth]}
        lowest = [label for label in self._entries if label not in above]
        self._words = Rules(list_words(catalogue))
        self._chooser = Chooser(classifier, lowest, self._words)
        self.version = self._chooser.version

    def suggest(self, text: str, preset: Sequence[str] = ()) -> Suggestion:
        """The category of what was said on a line that presets ``preset`` (one to three levels, () for none).

        Where the words alone leave the first level open, the line's preset decides it.
        """
        preset = tuple(name for name in preset if name)
        choice = self._chooser.choose(text, preset)
        first = choice.label.partition("_")[0]
        preset_only = bool(preset) and first != preset[0] and choice.probabilities[0] < _SURE
        if preset_only and preset[0] in self._firsts:
            choice = self._chooser.choose(text, preset, within=preset[0])
            first = preset[0]
        entry = self._entries[choice.label]
        depth = sum(
            each >= _SURE for each, name in zip(choice.probabilities, entry.path, strict=True) if name
        )
        if preset and first == preset[0]:
            agreed = entry.path[: len(preset)] == preset
            depth = max(depth, len(preset) if agreed else 1)
        return Suggestion(
            *entry.path,
            confidence=choice.probabilities[0],
            depth=depth,
            reasons=tuple(_tell(choice, preset, first)),
            words=choice.words,
            code=entry.code,
        )

    def rank(self, text: str, limit: int) -> list[Suggestion]:
        """The ``limit`` categories that the words speak for the most, whole paths, the likeliest first.

        The ``confidence`` of each is that of its whole path.
        """
        return [
            Suggestion(
                *self._entries[choice.label].path,
                confidence=choice.probabilities[-1],
                depth=sum(map(bool, self._entries[choice.label].path)),
                reasons=tuple(_tell_words(choice)),
                words=choice.words,
                code=self._entries[choice.label].code,
            )
            for choice in self._chooser.rank(text, limit)
        ]

    def find_words(self, text: str) -> list[str]:
        """The catalogue's words that ``text`` says."""
        return [hit.word for hit in self._words.find(grams.plain(text))]

    @property
    def _firsts(self) -> set[str]:
        return {label.partition("_")[0] for label in self._entries}


def _tell(choice: Choice, preset: Sequence[str], first: str) -> list[str]:
    reasons = [f"“{hit.word}”属{'、'.join(hit.labels)}" for hit in choice.hits]
    if choice.words:
        reasons.append("用语" + "".join(f"“{word}”" for word in choice.words))
    if preset and preset[0] == first:
        reasons.append(f"热线预设{join(preset)}")
    return reasons or ["没有可依据的用语"]


def _tell_words(choice: Choice) -> list[str]:
    """The catalogue's words for the category, then those of the caller's that the classifier went by."""
    listed = [hit.word for hit in choice.hits]
    others = [word for word in choice.words if word not in listed]
    named = (("目录中的词", listed), ("用语", others))
    return [kind + "".join(f"“{word}”" for word in words) for kind, words in named if words]


def open_categorizer(
    catalogue: Path | None = None, model: Path | None = None, digest: str = ""
) -> Categorizer:
    """The categorizer of a catalogue file and of a classifier's folder (None: the embedded ones), read once.

    It is read anew for another ``digest`` of what stands in them.

    Raises ConfigError for the catalogue, ModelError for the classifier.
    """
    return _open(catalogue, model, digest if catalogue or model else "")


@lru_cache(maxsize=3)
def _open(catalogue: Path | None, model: Path | None, _digest: str) -> Categorizer:
    return Categorizer(load(model or SHIPPED_MODEL), read_catalogue(catalogue))


def suggest(text: str, preset: Sequence[str] = ()) -> Suggestion:
    """`Categorizer.suggest` of the embedded catalogue and classifier."""
    return open_categorizer().suggest(text, preset)
