"""What the dialogue looks up in a caller's words: place, title, which places may be meant, further matters."""

from __future__ import annotations

from itertools import chain, product
from typing import TYPE_CHECKING, NamedTuple

from ivr.events import LookedUp
from ivr.matter import Candidate
from tickets.gazetteer import open_gazetteer
from tickets.meaning.identity import is_identity
from tickets.meaning.matters import find_further
from tickets.meaning.occasion import read_day
from tickets.place import brief, find

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import date

    from ivr.actions import LookUp
    from tickets.gazetteer import Gazetteer
    from tickets.place import Place


class Found(NamedTuple):
    """The place's name as one says it ("" for none), a short title, and the places of that name if there are several.

    ``further`` is where in the text further matters begin, of which the rest tells nothing.
    """

    place_name: str
    brief: str
    candidates: tuple[Candidate, ...]
    further: tuple[int, ...]


def answer(wish: LookUp, at: float, today: date) -> LookedUp:
    """What the dialogue wants to know, AT its time, of a call of TODAY."""
    match wish.asked:
        case "identity":
            return LookedUp(at, "", "", answer=wish.text if is_identity(wish.text, today) else "")
        case "day":
            day = read_day(wish.text, today)
            return LookedUp(at, "", "", answer=day.isoformat() if day else "")
    return LookedUp(at, *look_up(wish.text, wish.named, several=wish.several))


def look_up(text: str, named: str = "", *, several: bool = False) -> Found:
    """What ``text`` says.

    With ``named``, a name that several places have, it answers which of them is meant. ``several``: it may tell of
    more than one matter.
    """
    further = find_further(text) if several else ()
    first = text[: further[0]] if further else text
    place = find(first + named)
    candidates = tuple(_list(place)) if place else ()
    return Found(place.name if place else "", "" if named else brief(first), candidates, further)


def _list(place: Place) -> Iterator[Candidate]:
    """The places that may be meant, each called by as little as tells it from the others."""
    gazetteer = open_gazetteer()
    homes = {f"{county}{town}": (county, town) for town, county in gazetteer.township_counties.items()}
    rivals = [homes[rival] for rival in place.rivals]
    counties = [county for county, _ in rivals]
    within = len(set(counties)) == 1
    for county, town in rivals:
        alone = counties.count(county) == 1
        name = town if within else county if alone else f"{county}{town}"
        whole = f"{county}{town}{place.village}{place.address}"
        yield Candidate(name, f"{county}{town}", whole, tuple(_word(county, town, gazetteer)))


def _word(county: str, town: str, gazetteer: Gazetteer) -> Iterator[str]:
    """How a caller may name a township, for a grammar; not by what he has said himself, which no log may have."""
    counties = [said for said, meant in gazetteer.counties.items() if meant == county]
    towns = [town, *(said for said, meant in gazetteer.short_townships.items() if meant == town)]
    yield from chain(counties, towns, map("".join, product(counties, towns)))
