"""A call as the review page takes it: its words with their times, its tickets, how they left, unfinished edits."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any, Final

from console.masking import mask, mask_lines, mask_text
from console.naming import name_line
from recordings.entries import DigitEvent, Played
from recordings.threads import Threads
from tickets import worksheet
from tickets.decisions import read_reviews
from tickets.gazetteer import open_gazetteer
from tickets.meaning.understanding import categorizer
from tickets.merging import combine
from tickets.offers import make_offers
from tickets.repeats import Repeats, find_repeats
from tickets.review import read_fields
from tickets.story import tell_story
from tickets.text.display import read_phrase, write_phrase
from tickets.understood import quotes

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from asr.transcript import Utterance
    from recordings.database import Database
    from tickets.review import Review
    from tickets.story import CallStory, TicketStory
    from tickets.worksheet import Worksheet

_composing = Threads("sheets", 2)
_WRITTEN: Final = ("title", "content", "contact", "village", "address")
"""The fields in which a number may stand."""


async def compose_sheet(
    db: Database,
    data: Path,
    call_id: str,
    hotlines: Mapping[str, str],
    *,
    masked: bool = False,
    user: str = "",
) -> dict[str, Any] | None:
    """The page's document, as JSON; None when there is no such call.

    ``hotlines`` are the lines' names by number, ``user`` who asks. ``masked``: without what somebody could be called
    at, and without what is offered to who fills in a ticket.
    """
    story = await tell_story(db, data, call_id)
    if story is None:
        return None
    async with db.read() as connection:
        reviews = await read_reviews(connection, [call_id])
        sheet = await worksheet.read(connection, call_id)
    repeats = await find_repeats(db, call_id)
    # Half an hour of speech is read for places and categories: no other page waits for that.
    return await _composing.run(_compose, story, reviews, sheet, repeats, hotlines, masked=masked, user=user)


async def warm_up() -> None:
    """Read what composing needs, before anybody waits for it. Raises LastingFault."""
    await _composing.run(_read_rules)


def _read_rules() -> None:
    categorizer()
    open_gazetteer()


def _compose(
    story: CallStory,
    reviews: Mapping[str, Review],
    sheet: Worksheet | None,
    repeats: Mapping[str, Repeats],
    hotlines: Mapping[str, str],
    *,
    masked: bool,
    user: str,
) -> dict[str, Any]:
    spoken = "" if masked else _join_words(story)
    return {
        "call": _show_call(story, name_line(story, hotlines)),
        "second": _show_second(story),
        "seconds": story.recording.seconds if story.recording else None,
        "lines": _mask_lines(_show_lines(story)) if masked else _show_lines(story),
        "tickets": [
            {
                **_show_ticket(ticket, masked=masked),
                **_show_repeats(repeats.get(ticket.number, Repeats()), masked=masked),
                "offers": [] if masked else _show_offers(ticket, spoken),
                "take_back": _may_take_back(ticket, reviews.get(ticket.number), user),
            }
            for ticket in story.tickets
        ],
        "corrections": _find_corrections(reviews, masked=masked),
        "worksheet": None if masked else _show_worksheet(sheet),
    }


def _show_call(story: CallStory, line: str) -> dict[str, Any]:
    call = story.call
    return {
        "call_id": call.call_id,
        "caller": mask(call.caller),
        "hotline": call.hotline,
        "line": line,
        "started_at": call.started_at.isoformat(),
        "duration_s": call.duration_s,
        "ended": call.ended_at is not None,
        "interrupted": call.interrupted,
        "late": call.late,
        "reason": call.reason,
    }


def _show_lines(story: CallStory) -> list[dict[str, Any]]:
    """What was said and what was played, in the order of the recording."""
    first = {name: words for name, words in story.transcripts.items() if name != "second"}
    lines = [
        _show_utterance(now, before)
        for now, before in zip(combine(story.transcripts).utterances, combine(first).utterances, strict=True)
    ]
    for event in story.events:
        match event.entry:
            case Played(text=text):
                lines.append({"who": "prompt", "start": event.at, "text": text})
            case DigitEvent(key=key):
                lines.append({"who": "key", "start": event.at, "text": key})
    return sorted(lines, key=lambda line: float(line["start"]))


def _mask_lines(lines: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The same without the numbers that were said, read back or keyed."""
    masked = [dict(line) for line in lines]
    for name in ("text", "heard", "before"):
        telling = [line for line in masked if name in line]
        texts = mask_lines((line["who"], line[name]) for line in telling)
        for line, text in zip(telling, texts, strict=True):
            line[name] = text
    return [{**line, **_mask_words(line)} for line in masked]


def _mask_words(line: dict[str, Any]) -> dict[str, Any]:
    """A line's words; where one of a number among them is masked, all of them are one."""
    if "words" not in line or "".join(word for word, *_ in line["words"]) == line["text"]:
        return {}
    return {"words": [[line["text"], line["start"], line["end"], line["confidence"]]]}


def _show_second(story: CallStory) -> dict[str, str] | None:
    """Which models heard the call, first and again; None before the second pass."""
    second = story.transcripts.get("second")
    if second is None:
        return None
    first = combine({name: words for name, words in story.transcripts.items() if name != "second"})
    return {
        "first": first.model.name if first.model else "",
        "then": second.model.name if second.model else "",
    }


def _show_utterance(utterance: Utterance, before: Utterance) -> dict[str, Any]:
    """``before`` is the same phrase as it was heard first; told only where it was heard otherwise.

    The text is the one to be read, ``heard`` the recogniser's own.
    """
    start = max(utterance.start, 0.0)  # as in the ticket
    words = write_phrase(utterance)
    return {
        "who": utterance.speaker,
        "start": start,
        "end": max(utterance.end, start),
        "text": "".join(word.text for word in words),
        "heard": utterance.text,
        "confidence": utterance.confidence,
        "confirmed": utterance.confirmed,
        "words": [[w.text, w.start, w.end, w.confidence] for w in words],
        **({"before": read_phrase(before)} if before.text != utterance.text else {}),
    }


def _show_point(place: dict[str, Any]) -> str:
    """经度,纬度 as a map's search takes them; "" where the ticket has none, as one of before."""
    longitude, latitude = place.get("longitude"), place.get("latitude")
    return f"{longitude},{latitude}" if longitude is not None and latitude is not None else ""


def _show_ticket(ticket: TicketStory, *, masked: bool) -> dict[str, Any]:
    last = ticket.revisions[-1]
    document = last.document
    fields, caller, said = read_fields(document), document["caller"], document["place"]["said"]
    notes = document["notes"]
    identity = caller.get("identity", "")  # one of before could not be asked for it
    review, delivery = document.get("review"), last.deliveries[-1] if last.deliveries else None
    refusal = delivery and delivery.last_error
    if masked:
        fields |= {name: mask_text(fields[name]) for name in _WRITTEN}
        said, identity = mask_text(said), mask_text(identity)
        notes = [mask_text(note) if quotes(note) else note for note in notes]
        review = review and {**review, "reason": mask_text(review["reason"])}
        refusal = refusal and mask_text(refusal)  # the intake's words, which may repeat the ticket's
    return {
        "number": ticket.number,
        "revision": last.revision,
        "status": document["status"],
        "fields": fields,
        "notes": notes,
        "proposal": document.get("proposal"),
        "point": _show_point(document["place"]),
        "call_back": caller["call_back"],
        "anonymous": caller["anonymous"],
        "identity": identity,
        "said": said,
        "text_pending": document["appeal"]["text_pending"],
        "review": review,
        "delivery": delivery
        and {
            "state": delivery.state,
            "attempts": delivery.attempts,
            "last_error": refusal,
            "settled_at": delivery.settled_at and delivery.settled_at.isoformat(),
            "intake_number": (delivery.receipt or {}).get("number"),
        },
    }


def _join_words(story: CallStory) -> str:
    """All that the caller said."""
    utterances = combine(story.transcripts).utterances
    return " ".join(each.text for each in utterances if each.speaker == "caller")


def _show_offers(ticket: TicketStory, spoken: str) -> list[dict[str, Any]]:
    return [asdict(offer) for offer in make_offers(ticket.revisions[-1].document, spoken)]


def _may_take_back(ticket: TicketStory, review: Review | None, user: str) -> bool:
    """Whether ``user`` can undo his decision: as long as no courier has claimed its revision."""
    last = ticket.revisions[-1]
    if review is None or review.agent != user or review.revision != last.revision:
        return False
    return any(each.state == "pending" and not each.attempts for each in last.deliveries)


def _show_repeats(found: Repeats, *, masked: bool) -> dict[str, Any]:
    """What may have been told before of a ticket's matter."""
    likely = [{**asdict(one), "at": one.at.isoformat()} for one in found.likely]
    if masked:
        likely = [{**one, "title": mask_text(one["title"])} for one in likely]
    return {"urged": found.urged, "calls": found.calls, "likely": likely}


def _find_corrections(reviews: Mapping[str, Review], *, masked: bool) -> list[dict[str, Any]]:
    """Those of the call's newest review: the words belong to the call, whichever ticket was decided."""
    newest = max(reviews.values(), key=lambda review: review.at, default=None)
    corrections = newest.sheet.corrections if newest else ()
    return [{**c.model_dump(), "text": mask_text(c.text) if masked else c.text} for c in corrections]


def _show_worksheet(sheet: Worksheet | None) -> dict[str, Any] | None:
    if sheet is None:
        return None
    return {
        "version": sheet.version,
        "agent": sheet.agent,
        "updated_at": sheet.updated_at.isoformat(),
        "edits": sheet.edits,
    }
