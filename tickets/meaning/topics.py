"""What a text speaks of (config/topics.yaml), and whether two texts probably are of the same matter. Pure."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from functools import cache, lru_cache
from math import exp, sqrt
from typing import TYPE_CHECKING, NamedTuple

from pydantic import BaseModel, ConfigDict

from config.document import embedded, load
from tickets.categories import suggest
from tickets.meaning.address import GAP, mask
from tickets.meaning.appeal import name_kind, open_classifier
from tickets.meaning.aspects import Aspects, find_aspects
from tickets.meaning.words import plain
from tickets.numerals import AMOUNT
from tickets.place import locate

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tickets.categories import Suggestion
    from tickets.place import Place

SAME_FROM = 0.66
"""From what score two texts are taken for the same matter."""

# All in logarithms of odds, chosen on tests/understanding/pairs-open.jsonl.
_BEFORE = -2.2  # two texts, of which nothing is known
_HERE, _NEAR, _APART = 1.6, 1.0, -9.0  # the same village or address, the same township, other places
_PARTS = {  # what is said of those that are shared, and of others; what sharing all counts, and sharing none
    "things": (("同说", "说的不是一回事"), 1.8, -2.2),
    "troubles": (("问题相同:", "问题不同"), 1.6, -2.2),
    "venues": (("场所相同:", "场所不同"), 0.8, -2.2),
}
_SOME = 0.5  # the share of it that sharing some counts
_EACH = -0.6  # each has something that the other has not
_WORDS, _ALIKE = 2.0, 0.35  # the same words, the rarer the more; from where on they are much alike
_NEARLY = 0.6  # from where on they are the same but for a word
_CONTRAST, _SAYS = -4.5, 2  # each says something else in the same words; so many characters say something
_CATEGORY = (-0.3, 0.0, 0.15, 0.3)  # by how many levels of the best guess are the same
_SAME_NUMBER, _OTHER_NUMBER = 0.6, -9.0
_SAME_SUM = 0.4
_OTHER_NAME, _OTHER_PERSON, _OTHER_HOUR = -5.0, -6.0, -1.5
_PRAISED = "表扬"
_PRAISE, _WISH = -4.0, -1.5
_SAID = re.compile(
    "我们?|你们?|他们?|这边|那边|这个|那个|就是|一下|现在|没有?人管?|到现在|反映|投诉|举报|咨询|想问|请问|麻烦|一直|都|了|的|啊|呢|吧"
)


_IDLE = re.compile(
    rf"{AMOUNT}(?:[天年]|个(?:多)?(?:月|星期|小时|钟头))|好(?:几|多)[天个年]?|[很太真又再还就老才快被把给从到在往那这去来]|特别|非常|总是|经常|已经"
    "|没人?(?:修|管|来|理|处理|解决)|不(?:修|管|来|理|处理|解决)|赶紧|快点|尽快|希望|派人|看看|处理|解决|什么时候|怎么(?:回事|办)"
    "|得很|死了|晚上|夜里|半夜|白天|早上|我家|家里|门口|附近|街上|路上|村里|有人|好大|很大|一个"
)


class TopicsDocument(BaseModel):
    """The file: a pattern for each topic."""

    model_config = ConfigDict(defer_build=True, frozen=True)

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


def forget() -> None:
    """The rules have changed: what was made of texts by those of before is no more."""
    _part.cache_clear()


def compare(one: str, other: str) -> Likeness:
    """Whether two texts tell of the same matter.

    Its words count for little: the same place, the same thing and the same trouble with it speak for one matter; other
    places, things, troubles, numbers, names or another wish against it, whatever the words.
    """
    a, b = _part(one), _part(other)
    weights = [
        *(
            _compare_sets(words, getattr(a.aspects, part), getattr(b.aspects, part), *found)
            for part, (words, *found) in _PARTS.items()
        ),
        _compare_places(a.place, b.place),
        *_compare_numbers(a.aspects, b.aspects),
        *_compare_names(a.aspects, b.aspects),
        _compare_kinds(a, b),
        _compare_categories(a.category, b.category),
        *_compare_words(a.told, b.told),
    ]
    odds = _BEFORE + sum(weight for weight, _ in weights)
    reasons = tuple(reason for _, reason in weights if reason)
    return Likeness(round(1 / (1 + exp(-odds)), 3), reasons or ("没有可依据的话",))


class _Parted(NamedTuple):
    """What a text tells, without the place; the place; what it names, and the kind of appeal."""

    told: str
    place: Place | None
    aspects: Aspects
    kind: str
    category: Suggestion


@lru_cache(maxsize=512)  # one text is compared with many
def _part(text: str) -> _Parted:
    words = plain(text)
    located = locate(words)
    masked = mask(words.text, located[1]) if located else words.text
    told = masked.replace(GAP, "")
    return _Parted(
        told=told,
        place=located[0] if located else None,
        aspects=find_aspects(words.text, masked),
        kind=name_kind(words, None).appeal,
        category=suggest(told),
    )


def _compare_places(one: Place | None, other: Place | None) -> tuple[float, str]:
    if one is None or other is None:
        return 0.0, ""
    for level in ("county", "township", "village", "address"):
        a, b = getattr(one, level), getattr(other, level)
        if a and b and a != b and not (a in b or b in a):
            return _APART, f"地点不同:{a}、{b}"
    if (one.village and one.village == other.village) or (one.address and one.address == other.address):
        return _HERE, f"同在{one.village or one.address}"
    if one.township and one.township == other.township:
        return _NEAR, f"同在{one.township}"
    return 0.0, "地点不矛盾"


def _compare_sets(
    words: tuple[str, str], one: frozenset[str], other: frozenset[str], both: float, neither: float
) -> tuple[float, str]:
    """``words`` say that some is shared, and that none is.

    ``both`` is what it counts when all is shared, ``neither`` when each has some and none in common.
    """
    if not one or not other:
        return 0.0, ""
    shared = one & other
    if not shared:
        return neither, f"{words[1]}:{'、'.join(sorted(one))}/{'、'.join(sorted(other))}"
    each = _EACH if one - other and other - one else 0.0
    more = len(shared) / len(one | other)
    return both * (_SOME + (1 - _SOME) * more) + each, f"{words[0]}{'、'.join(sorted(shared))}"


def _compare_numbers(one: Aspects, other: Aspects) -> Iterator[tuple[float, str]]:
    for what in one.counted.keys() & other.counted.keys():
        a, b = one.counted[what], other.counted[what]
        if a & b:
            yield _SAME_NUMBER, f"同为{'、'.join(sorted(a & b))}{what}"
        else:
            yield _OTHER_NUMBER, f"{what}不同:{'、'.join(sorted(a))}/{'、'.join(sorted(b))}"
    if one.sums and other.sums:
        same = one.sums & other.sums
        yield (_SAME_SUM, "金额相同") if same else (-_SAME_SUM, "金额不同")


def _compare_names(one: Aspects, other: Aspects) -> Iterator[tuple[float, str]]:
    for kind in one.named.keys() & other.named.keys():
        if not one.named[kind] & other.named[kind]:
            yield _OTHER_NAME, f"{kind}不同"
    if one.hours and other.hours and not one.hours & other.hours:
        yield _OTHER_HOUR, "时间不同"
    if one.persons and other.persons and not one.persons & other.persons:
        yield _OTHER_PERSON, "人不同"


def _compare_kinds(a: _Parted, b: _Parted) -> tuple[float, str]:
    one, other = (_PRAISED if _PRAISED in part.aspects.troubles else part.kind for part in (a, b))
    kinds = {one, other}
    if len(kinds) > 1 and _PRAISED in kinds:
        return _PRAISE, "一个表扬,一个不是"
    if len(kinds) > 1 and kinds & {"咨询", "建议"}:
        return _WISH, f"一个{one},一个{other}"
    return 0.0, ""


def _compare_categories(one: Suggestion, other: Suggestion) -> tuple[float, str]:
    paths = [(s.category_1, s.category_2, s.category_3) for s in (one, other)]
    depth = next((i for i, (a, b) in enumerate(zip(*paths, strict=True)) if a != b), 3)
    return _CATEGORY[depth], f"分类到第{depth}级相同" if depth else "分类不同"


def _compare_words(one: str, other: str) -> Iterator[tuple[float, str]]:
    """Rare words in common; and whether each says something else in the words that they do share."""
    likeness = _liken(_SAID.sub("", one), _SAID.sub("", other))
    yield _WORDS * likeness, f"用词相近{likeness:.2f}" if likeness > _ALIKE else ""
    says = 1 if likeness > _NEARLY else _SAYS
    if likeness > _ALIKE and _rest(one, other, says) and _rest(other, one, says):
        yield _CONTRAST * likeness, "同样的话里说的不一样"


def _rest(one: str, other: str, says: int) -> int:
    """How many characters of ``one`` that say something stand in no pair of characters that ``other`` has, too."""
    known = {*_pairs(_SAID.sub("", other))}
    text = _SAID.sub("", one)
    left = list(text)
    for i, pair in enumerate(_pairs(text)):
        if pair in known:
            left[i : i + 2] = GAP, GAP
    return sum(len(rest) for rest in _IDLE.sub(GAP, "".join(left)).split(GAP) if len(rest) >= says)


def _liken(one: str, other: str) -> float:
    """The cosine of the runs of characters of two texts, each the weightier the rarer it is."""
    vocabulary = open_classifier().vocabulary
    rarest = float(vocabulary.idf.max())

    def weigh(text: str) -> dict[str, float]:
        runs = Counter([*text, *_pairs(text)])
        places = {run: vocabulary.numbers.get(run) for run in runs}
        return {
            run: n * (rarest if (at := places[run]) is None else float(vocabulary.idf[at]))
            for run, n in runs.items()
        }

    a, b = weigh(one), weigh(other)
    size = sqrt(sum(n * n for n in a.values()) * sum(n * n for n in b.values()))
    return sum(n * b.get(run, 0.0) for run, n in a.items()) / size if size else 0.0


def _pairs(text: str) -> list[str]:
    return [text[i : i + 2] for i in range(len(text) - 1)]


@cache
def _open_topics() -> tuple[tuple[str, re.Pattern[str]], ...]:
    """Read once. Raises config.document.ConfigError, re.error."""
    document = load(TopicsDocument, embedded("topics.yaml"))
    return tuple((name, re.compile(pattern)) for name, pattern in document.topics.items())
