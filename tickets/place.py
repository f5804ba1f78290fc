"""Where a matter is: the place in a caller's words by the city's gazetteer; and a short title for the matter.

Callers name a county, a township, a road with a door number, a compound, a village; often only one of them. Names are
looked for longest first, then by their sound; a township finds its county, a village both, where it alone is called so.
What several are called is no certain place: it is kept as said, and the places that may be meant stand beside it.
Roads, compounds and villages that nobody has listed are taken by their kind, but only where a name can begin: speech
has no spaces, and a wrong place is worse than none.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tickets.gazetteer import Gazetteer, open_gazetteer
from tickets.meaning.address import DOOR, GAP, find_address, find_some_village, mask
from tickets.meaning.naming import Named, find_names
from tickets.meaning.villages import Found, find_alone, find_within
from tickets.meaning.words import plain
from tickets.numerals import write_digits

if TYPE_CHECKING:
    from tickets.meaning.address import Span
    from tickets.meaning.words import Words

_TITLE_LENGTH = 20
_FILLERS = re.compile(
    "^(?:喂|你好|您好|那个|这个|就是|嗯|啊|哎|呃|我想要|我想|我要|我来|我(?![家们的])|想要|想|要(?!求)|请问|请|麻烦|帮我"
    "|还有就是|还有一?[个件]事|另外还有一?[个件]事|另外还有|另外一?[个件]事|另外|再一?[个件]事|再一[个件]|再就是|第[二三四][个件]事|顺便"
    "|说一下|反映一下|反映|投诉一下|投诉|举报一下|举报|问一下|在|的|了|是|呢|吧)+"
)
_LEFT_OVER = re.compile("(?:在|的|是|和|位于)+$")
_NO_MATTER = frozenset(
    [
        "我家",
        "我们家",
        "我们小区",
        "我们村",
        "家里",
        "阜城",
        "阜阳",
        "阜阳市",
        "不",
        "不是",
        "不对",
        "这里",
        "就",
    ]
)


@dataclass(frozen=True, slots=True)
class Place:
    """A place, from the large to the small; empty where nothing was said.

    ``code`` is the county's (GB/T 2260), ``division`` the 12 digits of the smallest division that is certain.
    ``address`` is road, door, compound, building, its numbers in figures. ``said`` is the caller's words that name the
    place, ``heard`` those of them that were taken by their sound. ``rivals`` are the townships that may be meant, each
    with its county, when what was said is what several are called: then ``township`` is empty, and ``called`` is the
    name of a township that was said.
    """

    code: str
    county: str
    township: str
    village: str
    address: str
    said: str
    division: str = ""
    heard: tuple[str, ...] = ()
    rivals: tuple[str, ...] = ()
    called: str = ""

    @property
    def name(self) -> str:
        """The whole place as one says it."""
        return f"{self.county}{self.township or self.called}{self.village}{self.address}"


def find(text: str) -> Place | None:
    """The place named in ``text``, the first if there are several; None when there is none."""
    found = locate(plain(text))
    return found[0] if found else None


def brief(text: str) -> str:
    """A short title: the text without the place and without "我要投诉", at most 20 characters; "" for no text."""
    words = plain(text)
    text, found = words.text, locate(words)
    rest = mask(text, found[1]).replace(GAP, "") if found else text
    rest = _LEFT_OVER.sub("", _FILLERS.sub("", rest))
    return (text if rest in _NO_MATTER or not rest else rest)[:_TITLE_LENGTH]


def locate(words: Words) -> tuple[Place, list[Span]] | None:
    """The place that ``words`` name, and the stretches of them that do."""
    gazetteer, text = open_gazetteer(), words.text
    named = _settle(text, find_names(text, gazetteer), gazetteer)
    spans = [mention.span for mention in named.mentions]
    masked = mask(text, spans)
    known = _find_outright(masked, named, gazetteer)  # 陈巷村 is no lane, and 围孜新村 no compound
    masked = mask(masked, [known.span]) if known else masked
    address = find_address(masked, gazetteer)
    if address:
        spans.append(address)
        masked = mask(masked, [address])
    known = known or _find_village(masked, words, named, gazetteer)
    unknown = None if known else find_some_village(masked)
    spans += [found for found in (known.span if known else None, unknown) if found]
    if not spans:
        return None
    spans.sort()
    township = named.township or (known.township if known else "")
    county = gazetteer.township_counties[township] if township else named.county
    village = known.village.name if known and known.village else text[slice(*known.span)] if known else ""
    place = Place(
        code=gazetteer.codes.get(county, ""),
        county=county,
        township=township,
        village=village or (text[slice(*unknown)] if unknown else ""),
        address=write_digits(text[slice(*address)] if address else "", DOOR),
        said="".join(text[start:end] for start, end in spans),
        division=_find_division(county, township, known, gazetteer),
        heard=_tell_heard(text, named, known),
        rivals=tuple(f"{gazetteer.township_counties[t]}{t}" for t in named.rivals)
        or (known.rivals if known else ()),
        called=named.mentions[-1].said if named.rivals else "",
    )
    return place, spans


def _settle(text: str, named: Named, gazetteer: Gazetteer) -> Named:
    """What several are called is the one that has the village which is named behind it, if only one has."""
    if not named.rivals:
        return named
    masked = mask(text, [mention.span for mention in named.mentions])
    end = named.mentions[-1].span[1]
    having = [
        t for t in named.rivals if (found := find_within(masked, t, end, gazetteer)) and not found.heard
    ]
    if len(having) != 1:
        return named
    return Named(gazetteer.township_counties[having[0]], having[0], (), named.mentions)


def _find_outright(masked: str, named: Named, gazetteer: Gazetteer) -> Found | None:
    """A village of the township that was said, called a village or a community."""
    found = _find_within(masked, named, gazetteer)
    sure = found and not found.heard and masked[slice(*found.span)].endswith(("村", "社区", "居委会"))
    return found if sure else None


def _find_within(masked: str, named: Named, gazetteer: Gazetteer) -> Found | None:
    if not named.township:
        return None
    return find_within(masked, named.township, named.mentions[-1].span[1], gazetteer)


def _find_village(masked: str, words: Words, named: Named, gazetteer: Gazetteer) -> Found | None:
    if named.township:
        return _find_within(masked, named, gazetteer)
    if named.rivals:
        return None
    return find_alone(masked, words.ends, named.county, gazetteer)


def _find_division(county: str, township: str, known: Found | None, gazetteer: Gazetteer) -> str:
    if known and known.village:
        return known.village.code
    code = gazetteer.divisions.get(township, "") if township else gazetteer.codes.get(county, "")
    return code.ljust(12, "0") if code else ""


def _tell_heard(text: str, named: Named, known: Found | None) -> tuple[str, ...]:
    """What was taken for what: 睡镇镇→税镇镇."""
    names = [f"{mention.said}→{mention.meant[0]}" for mention in named.mentions if mention.heard]
    if known and known.heard and known.village:
        names.append(f"{text[slice(*known.span)]}→{known.village.name}")
    return tuple(names)
