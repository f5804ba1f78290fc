"""What an agent is offered to fill in at once: categories and places that a ticket's words speak for, and why. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from tickets.gazetteer import open_gazetteer
from tickets.meaning.understanding import categorizer
from tickets.place import find

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from tickets.place import Place

_CATEGORIES: Final = 3
_PLACES: Final = 4
_LEAST: Final = 0.03  # probability of a category that is worth a line
_LEVELS: Final = ("category_1", "category_2", "category_3")
_WHERE: Final = ("county", "township", "village", "address")
_NOTHING_SAID: Final = re.compile(r"\([^)]*\)")  # what a ticket says in place of its caller's words


@dataclass(frozen=True, slots=True)
class Offer:
    """Values for fields of a ticket (``tickets.review.Fields``), all at once.

    ``sure`` is the probability of a category in per cent; of a place, which has none, 说得明确, 按读音 or 同名之一.
    ``reason`` names the words, in Chinese.
    """

    fields: Mapping[str, str]
    name: str
    sure: str
    reason: str


def make_offers(document: Mapping[str, Any], spoken: str) -> list[Offer]:
    """What is offered for the ticket ``document``, of whose call ``spoken`` are all the caller's words.

    Categories first, the likeliest before the others, that of the ticket among them: how sure it is and why stands
    there too. Of places only others than the ticket's. Of anonymous lines, of which nothing is written down, nothing.
    """
    if document["caller"]["anonymous"]:
        return []
    content = document["appeal"]["content"]
    told = "" if _NOTHING_SAID.fullmatch(content) else content
    return [*_offer_categories(told), *_offer_places(told, spoken, document["place"])]


def _offer_categories(told: str) -> list[Offer]:
    if not told:
        return []
    ranked = categorizer().rank(told, _CATEGORIES)
    return [
        Offer(
            fields=dict(zip(_LEVELS, one.shown, strict=True)),
            name=" › ".join(filter(None, one.shown)),
            sure=f"{one.confidence:.0%}",
            reason=",".join(one.reasons),
        )
        for one in ranked
        if one.confidence >= _LEAST and one.reasons
    ]


def _offer_places(told: str, spoken: str, place: Mapping[str, Any]) -> list[Offer]:
    offers: dict[str, Offer] = {}
    for text, elsewhere in ((told, ""), (spoken, "(在通话的别处)")):
        found = find(text) if text else None
        if found is not None and not _is_known(found, place):
            for offer in _tell_place(found, elsewhere):
                offers.setdefault(offer.name, offer)
    return list(offers.values())[:_PLACES]


def _is_known(found: Place, place: Mapping[str, Any]) -> bool:
    """Whether the ticket says all of it, or more: a coarser place is no better one."""
    return not found.rivals and all(
        place.get(name) == value for name in _WHERE if (value := getattr(found, name))
    )


def _tell_place(found: Place, elsewhere: str) -> Iterator[Offer]:
    said = f"说的是“{found.said}”{elsewhere}"
    if found.rivals:
        for county, township in _split(found.rivals):
            fields = {"county": county, "township": township}
            yield Offer(fields, f"{county}{township}", "同名之一", f"{said},有 {len(found.rivals)} 处同名")
        return
    levels = {name: getattr(found, name) for name in _WHERE}
    # A village or a township of another county is none of this one's.
    fields = {name: value for name, value in levels.items() if value or (found.county and name != "address")}
    heard = "、".join(found.heard)
    sure, reason = ("按读音", f"{heard}{elsewhere}") if heard else ("说得明确", said)
    yield Offer(fields, found.name, sure, reason)


def _split(rivals: Sequence[str]) -> Iterator[tuple[str, str]]:
    """County and township of places that are named in one word."""
    for rival in rivals:
        county = next((name for name in open_gazetteer().codes if rival.startswith(name)), "")
        yield county, rival.removeprefix(county)
