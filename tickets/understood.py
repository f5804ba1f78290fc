"""What a matter's words mean for its ticket, kept in the journal: filed anew, an old call says what it said.

The understanding is made once of all that it depends on, and stands in the journal with the version of the rules and
a digest of what they were given. Only other words (a late transcript, a second pass), another answer of the caller's
or another line make it anew. A ticket that was issued before there were such entries is itself what was understood
then.
"""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any

from recordings.entries import Understood
from tickets.meaning.understanding import understand
from tickets.number import CITY_TIME
from tickets.place import find
from tickets.proposal import assign, locate

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ivr.matter import AppealType, Matter
    from tickets.meaning.understanding import Understanding
    from tickets.place import Place
    from tickets.record import CallRecord

_URGENCIES = ("一般", "紧急", "特急")
_DANGER = "听到危险"
_SEVERAL = "含多个诉求"

BEFORE = "0"
"""The version of what was understood before it was kept."""


def recall(record: CallRecord, matter: Matter) -> Understood | None:
    """What the journal has of the matter's words as they are now; None when they were never understood."""
    kept = record.understood.get(matter.index)
    return kept if kept is not None and kept.of == _digest(record, matter) else None


def make(record: CallRecord, matter: Matter) -> Understood:
    """What the matter's words mean by the rules of today."""
    line = record.line
    meant = understand(
        matter.text,
        record.started_at.astimezone(CITY_TIME),
        preset=line.appeal if line else None,
        category=line.category if line else (),
        department=line.department if line else "",
    )
    place = _find_place(matter, meant.place)
    where = (place.county, place.township) if place else ("", "")
    assigned = assign(meant.category.shown, *where)
    before = record.understood.get(matter.index) if record.second is not None else None
    point = locate(*where, place.village, place.address) if place else None
    return Understood(
        matter=matter.index,
        rules=meant.version,
        of=_digest(record, matter),
        appeal=_choose_appeal(matter, line.appeal if line else None, meant),
        title=meant.title,
        category=meant.category.shown,
        urgency=_keep_urgency(meant.urgency, before),
        occurred=meant.occasion.told,
        keywords=meant.keywords,
        code=place.code if place else "",
        division=place.division if place else "",
        county=place.county if place else "",
        township=place.township if place else "",
        village=place.village if place else "",
        address=place.address if place else "",
        said=_quote(matter, meant.place, place),
        longitude=point.longitude if point else None,
        latitude=point.latitude if point else None,
        lead_unit=assigned.department if assigned else "",
        support_units=assigned.assisting if assigned else (),
        days=assigned.days if assigned else 0,
        assigned_by=assigned.reason if assigned else "",
        notes=_keep_danger(_note(meant, place), before),
    )


def take_over(record: CallRecord, matter: Matter, issued: Mapping[str, Any]) -> Understood | None:
    """What a ticket that was ``issued`` before says, if it is of the words that the matter has now."""
    appeal, place = issued["appeal"], issued["place"]
    if matter.text and appeal["content"] != matter.text:
        return None
    return Understood(
        matter=matter.index,
        rules=BEFORE,
        of=_digest(record, matter),
        appeal=appeal["type"],
        title=appeal["title"],
        category=(appeal["category_1"], appeal["category_2"], appeal["category_3"]),
        urgency=appeal["urgency"],
        occurred=appeal["occurred"],
        keywords=tuple(appeal["keywords"]),
        code=place["code"],
        county=place["county"],
        township=place["township"],
        village=place["village"],
        address=place["address"],
        said=place["said"],
    )


def _digest(record: CallRecord, matter: Matter) -> str:
    line = record.line
    given = (
        matter.text,
        matter.place,
        matter.appeal,
        (line.appeal, line.category, line.department) if line else None,
        record.started_at.isoformat(),
    )
    return hashlib.sha256(json.dumps(given, ensure_ascii=False).encode()).hexdigest()[:32]


def _choose_appeal(matter: Matter, preset: AppealType | None, meant: Understanding) -> str:
    """What the caller chose by a key; on a line that presets a kind, what he says counts for more than that."""
    chosen = matter.appeal if matter.appeal != preset else None
    return chosen or meant.appeal


def _find_place(matter: Matter, in_text: Place | None) -> Place | None:
    """What was answered when the place was asked for, completed by what was said before."""
    if (
        matter.place and in_text is not None and in_text.rivals
    ):  # which of those of one name he was asked, or has said
        return find(f"{matter.place}{in_text.name}") or in_text
    answered = find(matter.place) if matter.place else None
    if answered is None or in_text is None:
        return answered or in_text
    if answered.county == in_text.county and answered.name in in_text.name:
        return in_text
    if answered.county:
        return answered
    return find(f"{in_text.county}{in_text.township}{matter.place}") or answered


def quotes(note: str) -> bool:
    """Whether a ticket's note repeats what its caller said."""
    return note.startswith((_DANGER, _SEVERAL, "“"))


def _keep_urgency(urgency: str, before: Understood | None) -> str:
    """The higher one: a phrase that is heard again makes no danger less that it told of when it was said."""
    known = (urgency, before.urgency) if before is not None else (urgency,)
    return max(known, key=lambda one: _URGENCIES.index(one) if one in _URGENCIES else -1)


def _keep_danger(notes: tuple[str, ...], before: Understood | None) -> tuple[str, ...]:
    kept = [note for note in (before.notes if before is not None else ()) if note.startswith(_DANGER)]
    return (*(note for note in kept if note not in notes), *notes)


def _quote(matter: Matter, in_text: Place | None, place: Place | None) -> str:
    """The caller's words for the place; what he answered stands behind the name that it tells from others."""
    if matter.place and in_text is not None and in_text.rivals and in_text.said not in matter.place:
        return f"{in_text.said},{matter.place}"
    return matter.place or (place.said if place else "")


def _note(meant: Understanding, place: Place | None) -> tuple[str, ...]:
    """What the agent should look at."""
    notes = []
    if meant.risk:
        notes.append(f"{_DANGER}({meant.risk.told}):“{meant.risk.words}”")
    if place and place.rivals:
        notes.append(f"“{place.said}”有同名,请核实:{'、'.join(place.rivals)}")
    if place and place.heard:
        notes.append(f"地名按读音记录,请核实:{'、'.join(place.heard)}")
    if len(meant.matters) > 1:
        told = "".join(f"({number}){text}" for number, text in enumerate(meant.matters, start=1))
        notes.append(f"{_SEVERAL}({len(meant.matters)}件):{told}")
    if meant.personal.kinds:
        notes.append(f"内容含个人信息:{'、'.join(meant.personal.kinds)}")
    if meant.occasion.sums:
        notes.append(f"说到的金额:{'、'.join(f'{value}元' for value in meant.occasion.sums)}")
    return tuple(notes)
