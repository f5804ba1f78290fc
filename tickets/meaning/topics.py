"""What a text speaks of (config/topics.yaml), and whether two texts probably are of the same matter. Pure."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from functools import cache
from math import sqrt
from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict

from config.document import embedded, load
from tickets.meaning.address import mask
from tickets.meaning.words import plain
from tickets.place import locate

if TYPE_CHECKING:
    from tickets.place import Place

SAME_FROM = 0.5
"""From what score two texts are taken for the same matter."""

_TOPICS, _LIKE = 0.7, 0.6  # what sharing all topics, and all words, counts for
_NEAR, _NEARER = 0.15, 0.25  # the same township; the same village or address too
_APART = 0.3  # the share that is left of it when the places are others
_SAID = re.compile(
    "我们?|你们?|他们?|这边|那边|这个|那个|就是|一下|现在|没有?人管?|到现在|反映|投诉|举报|咨询|想问|请问|麻烦|一直|都|了|的|啊|呢|吧"
)


class TopicsDocument(BaseModel):
    """The file: a pattern for each topic."""

    model_config = ConfigDict(frozen=True)

    topics: dict[str, str]


@dataclass(frozen=True, slots=True)
class Likeness:
    """How likely (0 to 1) two texts are of the same matter, and why, in Chinese."""

    score: float
    reasons: tuple[str, ...]

    @property
    def same(self) -> bool:
        """Whether they are taken for it."""
        return self.score >= SAME_FROM


def name_topics(text: str) -> tuple[str, ...]:
    """The topics of ``text`` (plain), in the order in which they are spoken of."""
    found = ((match.start(), name) for name, pattern in _open_topics() if (match := pattern.search(text)))
    return tuple(name for _, name in sorted(found))


def list_topics() -> tuple[str, ...]:
    """Every topic there is."""
    return tuple(name for name, _ in _open_topics())


def name_main_topic(text: str) -> str:
    """The topic that ``text`` (plain) speaks of most often, of equals the first; "" where it names none."""
    found = [(list(pattern.finditer(text)), name) for name, pattern in _open_topics()]
    said = [(len(matches), -matches[0].start(), name) for matches, name in found if matches]
    return max(said, default=(0, 0, ""))[2]


def compare(one: str, other: str) -> Likeness:
    """Whether two texts tell of the same matter: its topics, its words, and above all its place."""
    (a, a_place), (b, b_place) = _part(one), _part(other)
    a_topics, b_topics = set(name_topics(a)), set(name_topics(b))
    shared = a_topics & b_topics
    topics = len(shared) / min(len(a_topics), len(b_topics)) if shared else 0.0
    score = _TOPICS * topics * (0.5 + 0.5 * _overlap(a_topics, b_topics)) + _LIKE * _liken(a, b)
    reasons = [f"同说{'、'.join(sorted(shared))}" if shared else "说的不是一回事"]
    if a_place and b_place:
        factor, more, reason = _compare_places(a_place, b_place)
        score = score * factor + more
        reasons.append(reason)
    return Likeness(round(min(max(score, 0.0), 1.0), 3), tuple(reasons))


def _part(text: str) -> tuple[str, Place | None]:
    """What is told, without the place; and the place."""
    words = plain(text)
    located = locate(words)
    if located is None:
        return words.text, None
    return mask(words.text, located[1]).replace("|", ""), located[0]


def _compare_places(one: Place, other: Place) -> tuple[float, float, str]:
    for level in ("county", "township", "village", "address"):
        a, b = getattr(one, level), getattr(other, level)
        if a and b and a != b and not (a in b or b in a):
            return _APART, 0.0, f"地点不同:{a}、{b}"
    if (one.village and one.village == other.village) or (one.address and one.address == other.address):
        return 1.0, _NEARER, f"同在{one.village or one.address}"
    if one.township and one.township == other.township:
        return 1.0, _NEAR, f"同在{one.township}"
    return 1.0, 0.0, "地点不矛盾"


def _overlap(one: set[str], other: set[str]) -> float:
    return len(one & other) / len(one | other) if one | other else 0.0


def _liken(one: str, other: str) -> float:
    """The cosine of the pairs of characters of two texts, without what everybody says."""
    a, b = (Counter(_pairs(_SAID.sub("", text))) for text in (one, other))
    size = sqrt(sum(n * n for n in a.values()) * sum(n * n for n in b.values()))
    return sum(n * b[pair] for pair, n in a.items()) / size if size else 0.0


def _pairs(text: str) -> list[str]:
    return [text[i : i + 2] for i in range(len(text) - 1)]


@cache
def _open_topics() -> tuple[tuple[str, re.Pattern[str]], ...]:
    """Read once. Raises config.document.ConfigError, re.error."""
    document = load(TopicsDocument, embedded("topics.yaml"))
    return tuple((name, re.compile(pattern)) for name, pattern in document.topics.items())
