"""The counties and townships that a caller names: by whatever name, also as misheard; not those he takes back."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from tickets.meaning.sound import differ_little, readings, sound

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from tickets.gazetteer import Gazetteer
    from tickets.meaning.address import Span

_DENIED = re.compile(r"不(?:是|在|叫)(?:那个|这个|说|投诉|反映|举报)?$")  # "不是颍州区,是颍泉区"
_TAKEN_BACK = re.compile(r"不对|说错|搞错|讲错|记错|弄错|口误|错了")
_NEW = 16  # characters behind "不对" within which the right name comes
_OLD = 24  # and before it, within which the wrong one stood
_KIND = re.compile(r"街道办?|[镇乡区县市]")
_LONGEST = 8  # characters of a name
_SURE = 3  # so long must a name be for half a syllable of it to be misheard
_HERE = "这边|那边|这儿|那儿|这里|那里|街上|集上|镇上|乡里|的(?:街|村|农|人|一|$)"
_BARE = re.compile(rf"(?:在|是|住|到|来自)([\u4e00-\u9fff]{{2,4}}?)(?:{_HERE})")


@dataclass(frozen=True, slots=True)
class Mention:
    """A county or township as it was ``said``; ``meant`` are the proper names that may be meant, the likeliest first.

    ``heard``: it was found by its sound.
    """

    level: Literal["county", "township"]
    said: str
    span: Span
    meant: tuple[str, ...]
    heard: bool = False


@dataclass(frozen=True, slots=True)
class Named:
    """What was named for certain, "" where nothing was; ``rivals`` are the townships of one name, if several."""

    county: str
    township: str
    rivals: tuple[str, ...]
    mentions: tuple[Mention, ...]


def find_names(text: str, gazetteer: Gazetteer) -> Named:
    """The county and the township that ``text`` (plain) names; a township that alone is called so finds its county."""
    mentions = _affirm(text, sorted(_mention(text, gazetteer), key=lambda m: m.span))
    county = _choose_county(mentions, gazetteer)
    name = county.meant[0] if county else ""
    township = (
        _choose(mentions, name, gazetteer)
        or _follow(text, county, gazetteer)
        or _nearly(text, name, mentions, gazetteer)
    )
    if township is None:
        return Named(name, "", (), (county,) if county else ())
    used = tuple(m for m in (county, township) if m is not None)
    if len(township.meant) > 1:
        return Named(name, "", township.meant, used)
    return Named(gazetteer.township_counties[township.meant[0]], township.meant[0], (), used)


def _mention(text: str, gazetteer: Gazetteer) -> Iterator[Mention]:
    taken: list[Span] = []
    for match in gazetteer.township.finditer(text):
        mention = _lengthen(text, match, gazetteer)
        taken.append(mention.span)
        yield mention
    for match in gazetteer.county.finditer(text):
        if not _overlaps(match.span(), taken):
            taken.append(match.span())
            yield Mention("county", match[0], match.span(), (gazetteer.counties[match[0]],))
    for match in _BARE.finditer(text):
        township = gazetteer.short_townships.get(match[1])
        if township and not _overlaps(match.span(1), taken):
            taken.append(match.span(1))
            yield Mention("township", match[1], match.span(1), (township,))
    yield from _hear(text, taken, gazetteer)


def _lengthen(text: str, match: re.Match[str], gazetteer: Gazetteer) -> Mention:
    """A township's name that ends what sounds like a longer one may be either: 心马集镇, of 新马集镇 and 马集镇."""
    end, meant = match.end(), gazetteer.meant(match[0])
    for start in range(max(0, end - _LONGEST), match.start()):
        names = [n for n in gazetteer.sounding(sound(text[start:end])) if n.endswith(match[0][-1])]
        longer = dict.fromkeys(t for n in names if n not in gazetteer.counties for t in gazetteer.meant(n))
        if longer:
            either = tuple(longer | dict.fromkeys(meant))
            return Mention("township", text[start:end], (start, end), either, heard=True)
    return Mention("township", match[0], match.span(), meant)


def _hear(text: str, taken: list[Span], gazetteer: Gazetteer) -> Iterator[Mention]:
    """What sounds like a name: the longest stretch that ends in 镇, 乡, 县 and the like."""
    for kind in _KIND.finditer(text):
        end = kind.end()
        for start in range(max(0, end - _LONGEST), kind.start()):
            if _overlaps((start, end), taken):
                continue
            said = text[start:end]
            names = [n for n in gazetteer.sounding(sound(said)) if n.endswith(kind[0])]
            if not names:
                continue
            taken.append((start, end))
            if names[0] in gazetteer.counties:
                yield Mention("county", said, (start, end), (gazetteer.counties[names[0]],), heard=True)
            else:
                meant = dict.fromkeys(t for n in names for t in gazetteer.meant(n))
                yield Mention("township", said, (start, end), tuple(meant), heard=True)
            break


def _affirm(text: str, mentions: list[Mention]) -> list[Mention]:
    """Without those that are denied ("不是颍东", with the township behind it) or taken back ("不对,是…")."""
    kept: list[Mention] = []
    denied_to = -1
    for mention in mentions:
        start, end = mention.span
        if start == denied_to or _DENIED.search(text[:start]):
            denied_to = end
        else:
            kept.append(mention)
    for wrong in _TAKEN_BACK.finditer(text):
        new = [m for m in kept if wrong.end() <= m.span[0] <= wrong.end() + _NEW]
        if new:
            kept = [m for m in kept if not wrong.start() - _OLD <= m.span[0] < wrong.start()]
    return kept


def _choose_county(mentions: list[Mention], gazetteer: Gazetteer) -> Mention | None:
    """The first, unless another has its township right behind it: "老家临泉, 现在住颍泉区闻集镇"."""
    counties = [m for m in mentions if m.level == "county"]
    whole = (
        c
        for c in counties
        for t in mentions
        if t.level == "township" and t.span[0] == c.span[1] and _choose([t], c.meant[0], gazetteer)
    )
    first = next(iter(counties), None)
    if first is None or _choose(mentions, first.meant[0], gazetteer):
        return first
    return next(whole, first)


def _choose(mentions: list[Mention], county: str, gazetteer: Gazetteer) -> Mention | None:
    for mention in mentions:
        if mention.level == "township":
            within = tuple(t for t in mention.meant if county in {"", gazetteer.township_counties[t]})
            if not within and not mention.heard:
                within = tuple(
                    t
                    for t in gazetteer.aliases.get(mention.said, ())
                    if gazetteer.township_counties[t] == county
                )
            if within:
                return Mention("township", mention.said, mention.span, within, mention.heard)
    return None


def _follow(text: str, county: Mention | None, gazetteer: Gazetteer) -> Mention | None:
    """Right behind its county a township goes without its kind: 颍上慎城."""
    if county is None:
        return None
    start = county.span[1]
    for short, township in gazetteer.short_townships.items():
        if text.startswith(short, start) and gazetteer.township_counties[township] == county.meant[0]:
            return Mention("township", short, (start, start + len(short)), (township,))
    for said, meant in gazetteer.aliases.items():
        home = tuple(t for t in meant if gazetteer.township_counties[t] == county.meant[0])
        if home and text.startswith(said, start):
            return Mention("township", said, (start, start + len(said)), home)
    return None


def _nearly(text: str, county: str, mentions: list[Mention], gazetteer: Gazetteer) -> Mention | None:
    """A name of the county that was said, but for half a syllable; only when there is one alone.

    What is another township's own name is no name misheard.
    """
    if not county:
        return None
    taken = [m.span for m in mentions if not m.heard]
    names = [t for t, home in gazetteer.township_counties.items() if home == county and len(t) >= _SURE]
    for kind in _KIND.finditer(text):
        for length in range(_LONGEST, _SURE - 1, -1):
            start = kind.end() - length
            if start < 0 or _overlaps((start, kind.end()), taken):
                continue
            said = sound(text[start : kind.end()])
            near = [t for t in names if len(t) == length and t.endswith(kind[0]) and _near(said, readings(t))]
            if len(near) == 1:
                return Mention(
                    "township", text[start : kind.end()], (start, kind.end()), (near[0],), heard=True
                )
    return None


def _near(said: tuple[str, ...], named: Iterable[tuple[str, ...]]) -> bool:
    return any(differ_little(said, one) for one in named)


def _overlaps(span: Span, taken: Iterable[Span]) -> bool:
    return any(span[0] < end and start < span[1] for start, end in taken)
