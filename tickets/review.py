"""What an agent decides about a ticket, and how that is laid over what was drafted from the call. Pure.

A review never changes a draft. It is kept beside it, and every revision made after it, by whomever, is the draft
of that moment with the review laid over it: see docs/adr/0006.
"""

# No `from __future__ import annotations` here: pydantic reads the annotations at run time.

import hashlib
import json
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from ivr.matter import AppealType
from tickets.gazetteer import open_gazetteer
from tickets.proposal import locate, propose_anew
from tickets.ticket import ReviewPart

if TYPE_CHECKING:
    from collections.abc import Mapping

    from asr.transcript import Transcript

Decision = Literal["accepted", "returned"]

PARTS = ("type", "category", "place")
"""What of a draft an agent finds right or wrong."""
_STATUS: dict[Decision, str] = {"accepted": "已审核", "returned": "已退回"}


def _check_plain(text: str) -> str:
    if "\0" in text:  # which PostgreSQL does not store
        raise ValueError("文字中有不可见字符")
    return text


Text = Annotated[str, AfterValidator(_check_plain)]
Line = Annotated[Text, Field(max_length=100)]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, str_strip_whitespace=True)


class Fields(_Part):
    """The fields of a ticket that an agent answers for, all of them; see ``tickets.ticket``.

    ``county`` is one of the gazetteer's, or empty. ``repeats`` is the number of an earlier ticket on the same matter.
    """

    type: AppealType | None
    title: Annotated[Text, Field(min_length=1, max_length=100)]
    content: Annotated[Text, Field(min_length=1, max_length=10_000)]
    category_1: Line
    category_2: Line
    category_3: Line
    urgency: Literal["一般", "紧急", "特急"]
    county: Line
    township: Line
    village: Line
    address: Annotated[Text, Field(max_length=300)]
    contact: Annotated[str, Field(pattern=r"^[0-9]{0,20}$")]
    confidential: bool
    repeats: Annotated[str, Field(pattern=r"^([0-9]{12,20})?$")] = ""

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.county and self.county not in open_gazetteer().codes:
            raise ValueError(f"区县“{self.county}”不在地名表中")
        return self


def read_fields(document: "Mapping[str, Any]") -> dict[str, Any]:
    """The fields of a ticket's document as an agent is shown them: its content to be read."""
    parts = {**document["appeal"], **document["place"], **document["caller"]}
    parts["content"] = parts.get("reading") or parts["content"]
    return {name: parts.get(name, "") for name in Fields.model_fields}  # one of before lacks what came since


class Correction(_Part):
    """What was really said in the phrase from ``start`` to ``end``, in seconds as the transcript has them."""

    start: Annotated[float, Field(ge=0, allow_inf_nan=False)]  # JSON, in which it is kept, has no infinity
    end: Annotated[float, Field(ge=0, allow_inf_nan=False)]
    text: Annotated[Text, Field(max_length=2000)]


class Sheet(_Part):
    """All that one decision says: the fields, the corrections of the call's words, why it is sent back."""

    fields: Fields
    corrections: Annotated[tuple[Correction, ...], Field(max_length=2000)] = ()
    reason: Annotated[Text, Field(max_length=500)] = ""


@dataclass(frozen=True, slots=True)
class Review:
    """A decision as it is kept: the ``review``-th of its ticket, which made the ticket's ``revision``."""

    number: str
    review: int
    call_id: str
    revision: int
    agent: str
    decision: Decision
    sheet: Sheet
    words_sha256: str
    at: datetime


def lay_over(content: dict[str, Any], review: Review, words: "Transcript") -> dict[str, Any]:
    """The ticket's content with the agent's decision in place of what was drafted.

    ``content`` is a whole ticket document or a draft's, its transcript as drafted from ``words``.
    """
    fields = review.sheet.fields
    code = open_gazetteer().codes.get(fields.county, "")
    place = fields.model_dump(include={"county", "township", "village", "address"})
    appeal = fields.model_dump(
        include={
            "type",
            "title",
            "content",
            "category_1",
            "category_2",
            "category_3",
            "urgency",
            "repeats",
        }
    )
    part = ReviewPart(
        agent=review.agent,
        at=review.at,
        reason=review.sheet.reason,
        later_words=hash_words(words) != review.words_sha256,
    )
    moved = any(content["place"].get(name, "") != value for name, value in place.items())
    point = locate(**place) if moved else None
    spot = {"longitude": point and point.longitude, "latitude": point and point.latitude} if moved else {}
    return {
        **content,
        **_propose_anew(content, fields),
        "status": _STATUS[review.decision],
        "review": part.model_dump(mode="json"),
        "appeal": {**content["appeal"], **appeal, "reading": ""},
        "place": {**content["place"], **place, "code": code, **spot},
        "caller": {**content["caller"], **fields.model_dump(include={"contact", "confidential"})},
        "transcript": _correct(content["transcript"], review.sheet.corrections),
    }


def find_corrected(fields: Fields, before: "Mapping[str, Any]") -> str:
    """Which of `PARTS` are other than the ticket ``before`` (its document) has them, joined by a blank; "" for none."""
    appeal, place = before["appeal"], before["place"]
    levels = ("category_1", "category_2", "category_3")
    changed = (
        fields.type != appeal["type"],
        any(getattr(fields, level) != appeal.get(level, "") for level in levels),
        any(getattr(fields, name) != place.get(name, "") for name in ("county", "township")),
    )
    return " ".join(part for part, differs in zip(PARTS, changed, strict=True) if differs)


def _propose_anew(content: dict[str, Any], fields: Fields) -> dict[str, Any]:
    """Who should handle it, when the agent has found it to be another category or place."""
    category = (fields.category_1, fields.category_2, fields.category_3)
    drafted = tuple(content["appeal"].get(f"category_{level}", "") for level in (1, 2, 3))
    where = tuple(content["place"].get(name, "") for name in ("county", "township"))
    if (category, (fields.county, fields.township)) == (drafted, where):
        return {}
    part = propose_anew(category, fields.county, fields.township)
    return {"proposal": part.model_dump(mode="json") if part else None}


def hash_words(words: "Transcript") -> str:
    """A fingerprint of what was heard: by it a later transcript is known to be another one."""
    told = [(u.start, u.end, u.text) for u in words.utterances]
    return hashlib.sha256(json.dumps(told, ensure_ascii=False).encode()).hexdigest()


def _correct(transcript: dict[str, Any], corrections: tuple[Correction, ...]) -> dict[str, Any]:
    said = {(c.start, c.end): c.text for c in corrections}
    utterances = [
        {**u, "text": said[u["start"], u["end"]], "reading": "", "corrected": True}
        if (u["start"], u["end"]) in said
        else u
        for u in transcript["utterances"]
    ]
    return {**transcript, "utterances": utterances}
