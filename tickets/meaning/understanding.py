"""All that a caller's words say for his ticket, each with the words that led to it. Pure: text, line, time, rules.

The same text on the same line at the same time is always understood alike by one version of the rules (`version`).
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from typing import TYPE_CHECKING, Final, Literal

from config.document import embedded
from tickets.categories import open_categorizer
from tickets.gazetteer import read_gazetteer
from tickets.meaning.appeal import name_kind, open_classifier
from tickets.meaning.files import RuleFiles, choose, chosen, pin
from tickets.meaning.likeness import open_classifier as open_dangers
from tickets.meaning.likeness import resemble
from tickets.meaning.matters import split
from tickets.meaning.occasion import Occasion, find_occasion
from tickets.meaning.personal import Personal, find_personal
from tickets.meaning.risk import Risk, press, spot_all
from tickets.meaning.title import entitle
from tickets.meaning.topics import forget, name_topics
from tickets.meaning.words import plain
from tickets.place import Place, locate
from tickets.proposal import assign
from tickets.proposal import locate as find_point
from tickets.proposal import prove as prove_proposals
from tickets.text.numbers import prepare as prepare_numbers

if TYPE_CHECKING:
    from collections.abc import Sequence

    from config.dispatch import Assignment
    from config.places import Point
    from ivr.matter import AppealType
    from tickets.categories import Categorizer, Suggestion
    from tickets.meaning.words import Words

Urgency = Literal["一般", "紧急", "特急"]

_RULES: Final = 5
"""Goes up whenever this program's own part in the understanding changes; the files' is counted in by themselves."""
_FILES = ("risk.yaml", "appeals.yaml", "topics.yaml")
_KEYWORDS = 5


@dataclass(frozen=True, slots=True)
class Understanding:
    """What a ticket says of a text.

    ``category`` is the best guess, which shows how much of it a ticket may say. ``assigned`` is who handles it by the
    派单目录, ``department`` the same or, where that says nothing, the line's, "" when neither is known. ``point`` is
    where the place lies, if that is certain. ``reasons`` give for each decision the words that led to it.
    """

    version: str
    appeal: AppealType
    category: Suggestion
    place: Place | None
    personal: Personal
    occasion: Occasion
    risk: Risk | None
    urgency: Urgency
    matters: tuple[str, ...]
    title: str
    keywords: tuple[str, ...]
    department: str
    assigned: Assignment | None
    point: Point | None
    reasons: dict[str, tuple[str, ...]]


@lru_cache(maxsize=64)  # a call is filed more than once
def understand(
    text: str,
    at: datetime,
    *,
    preset: AppealType | None = None,
    category: tuple[str, ...] = (),
    department: str = "",
) -> Understanding:
    """What ``text`` means, said at ``at`` (in the city's time) on a line of such a preset, category and department."""
    words = plain(text)
    risks = spot_all(words) or tuple(filter(None, (resemble(words),)))
    risk = risks[0] if risks else None
    pressing = press(words)
    kind = name_kind(words, preset, danger=risk.words if risk and not risk.learnt else "")
    suggestion = categorizer().suggest(text, category)
    located = locate(words)
    place, spans = located or (None, [])
    personal = find_personal(words.text)
    key = [*(said for r in risks for said in (r.words,)), *suggestion.words]
    matters = split(words)
    assigned = assign(suggestion.shown, place.county if place else "", place.township if place else "")
    return Understanding(
        version=version(),
        appeal=kind.appeal,
        category=suggestion,
        place=place,
        personal=personal,
        occasion=find_occasion(words.text, at),
        risk=risk,
        urgency="特急" if risk else "紧急" if pressing else "一般",
        matters=matters,
        title=entitle(words, kind.appeal, [*spans, *personal.spans], key),
        keywords=_choose_keywords(risks, words),
        department=assigned.department if assigned else department,
        assigned=assigned,
        point=find_point(place.county, place.township, place.village, place.address) if place else None,
        reasons={
            "type": kind.reasons or (f"没有说明,按{kind.appeal}",),
            "category": suggestion.reasons,
            "place": _explain_place(place),
            "urgency": (f"{risk.told}:{risk.words}",)
            if risk
            else (pressing,)
            if pressing
            else ("没有紧急的话",),
            "risk": tuple(f"{r.told}:{r.words}" for r in risks) or ("没有危险的话",),
            "department": (assigned.reason if assigned else "派单目录没有写明",),
            "matters": matters if len(matters) > 1 else ("只说了一件事",),
        },
    )


def prove(files: RuleFiles) -> RuleFiles:
    """Read these files as they stand now, which takes some time of no call's, and keep what they say.

    Returns them, ready to be gone by. Raises LastingFault when one of them cannot be used. Nothing else changes by it:
    it may be done beside whoever goes by others meanwhile. The embedded ones need no proof: who has no text reads none.
    """
    pinned = pin(files)
    if pinned != RuleFiles():
        _read(pinned)
    return pinned


def _read(pinned: RuleFiles) -> None:
    prove_proposals(pinned)
    _version(pinned)


def go_by(proved: RuleFiles) -> None:
    """Go by these files of `prove` from here on, all at once: in the thread in which texts are understood."""
    choose(proved)
    understand.cache_clear()
    forget()


def use(files: RuleFiles) -> None:
    """Prove these files and go by them. Raises LastingFault when one cannot be used: nothing has changed then."""
    go_by(prove(files))


def prepare(proved: RuleFiles) -> None:
    """Have ready what the first text would wait for, half a second long, by these files of `prove`."""
    _read(proved)
    read_gazetteer(proved).sounding(())
    prepare_numbers(proved)


def warm_up() -> None:
    """Understand a first text, so that no call waits for what the first one takes."""
    prepare(chosen())
    understand("阜阳市颍州区清河街道路灯不亮,电话13900000000", datetime(2026, 1, 1, tzinfo=UTC))


def categorizer() -> Categorizer:
    """The one that is gone by. Raises LastingFault."""
    return _open_categorizer(chosen())


def _open_categorizer(files: RuleFiles) -> Categorizer:
    return open_categorizer(files.categories, files.classifier, files.digest("categories", "classifier"))


def version() -> str:
    """Which rules these are: the program's own and those of its files. Raises LastingFault."""
    return _version(chosen())


@lru_cache(maxsize=2)
def _version(files: RuleFiles) -> str:
    read_gazetteer(files)  # which says what is wrong with a file
    digest = hashlib.sha256()
    read = [embedded(name) for name in _FILES]
    read += [
        files.gazetteer or embedded("gazetteer.yaml"),
        files.divisions or embedded("divisions.tsv"),
        files.dispatch or embedded("dispatch.yaml"),
        *filter(None, (files.points,)),
    ]
    for file in read:
        digest.update(file.read_bytes())
    digest.update(_open_categorizer(files).version.encode())
    digest.update(open_classifier().version.encode())
    digest.update(open_dangers().version.encode())
    return f"{_RULES}-{digest.hexdigest()[:12]}"


def _explain_place(place: Place | None) -> tuple[str, ...]:
    if place is None:
        return ("没有说到地点",)
    rivals = (f"同名:{'、'.join(place.rivals)}",) if place.rivals else ()
    return (f"说的是{place.said}", *(f"听作{heard}" for heard in place.heard), *rivals)


def _choose_keywords(risks: Sequence[Risk], words: Words) -> tuple[str, ...]:
    named = [*(risk.name for risk in risks), *name_topics(words.text)]
    return tuple(dict.fromkeys(named))[:_KEYWORDS]
