"""The ticket (工单) as it travels to the city's intake: schema version 1, and the intake's receipt.

The committed JSON Schema ``tickets/schema/ticket-v1.json`` is generated from these models by
``python -m tickets.ticket > tickets/schema/ticket-v1.json``; a test holds the two together.
"""

# No `from __future__ import annotations` here: pydantic reads the annotations at run time.

import json
import sys
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from ivr.matter import AppealType
from tickets.described import Described
from tickets.parts import (
    CallPart,
    Digits,
    LinePart,
    Part,
    PassedPart,
    RecordingPart,
    Seconds,
    Share,
    Timestamp,
)

SCHEMA_FILE = Path(__file__).parent / "schema" / "ticket-v1.json"
_GAINED = {
    "line",
    "follow_up",
    "repeats",
    "longitude",
    "latitude",
    "handling",
    "review",
    "corrected",
    "passed",
    "speaker",
    "related",
    "proposal",
    "reading",
    "identity",
}


class CallerPart(Part):
    """The person to come back to."""

    number: Digits
    """来电号码, digits only; empty when withheld."""
    contact: Digits
    """联系电话: the number keyed or confirmed by the caller, else the calling number."""
    name: str = ""
    gender: Literal["", "男", "女"] = ""
    confidential: bool = False
    """是否保密."""
    anonymous: bool = False
    """是否匿名."""
    call_back: str = ""
    """Why a person must phone the caller; empty when nobody need."""
    identity: Annotated[str, Field(pattern=r"^([0-9]{17}[0-9X])?$")] = ""
    """公民身份号码 (GB 11643), where the flow asks for it and the caller agreed to what was read back; else empty."""
    follow_up: bool | None = None
    """是否回访: whether the caller wants to be told the result; null as long as nobody has asked.
    The dialogue does not ask; an agent or the intake may."""


class AppealPart(Part):
    """诉求: what the caller wants."""

    type: AppealType | None = None
    """诉求类型; null when the caller did not say."""
    title: str
    content: str
    """诉求内容, the caller's own words as recognised."""
    reading: str = ""
    """The same to be read: without fillers, with figures and marks; empty once a person has written the content, and
    for a ticket of before version 1 had this field."""
    category_1: str = ""
    category_2: str = ""
    category_3: str = ""
    occurred: str = ""
    """事发时间 in the caller's words."""
    urgency: Literal["一般", "紧急", "特急"] = "一般"
    keywords: tuple[str, ...] = ()
    repeats: Digits = ""
    """重复诉求: 工单编号 of the earlier ticket on the same matter; empty when none is known. The gateway links none by
    itself; an agent or the intake may."""
    related: tuple[Digits, ...] = ()
    """工单编号 of the tickets on what the caller told in one breath with this: each matter has its own."""
    text_pending: bool = False
    """The words still have to be transcribed from the recording; a revision follows by itself."""


class PlacePart(Part):
    """Where the matter is."""

    code: Annotated[str, Field(pattern=r"^([0-9]{6})?$")] = ""
    """行政区划代码 (GB/T 2260)."""
    county: str = ""
    township: str = ""
    village: str = ""
    address: str = ""
    longitude: Annotated[float, Field(ge=-180, le=180)] | None = None
    """坐标, in degrees east (CGCS2000); null when unknown. They come from the city's file of points."""
    latitude: Annotated[float, Field(ge=-90, le=90)] | None = None
    """坐标, in degrees north (CGCS2000); null when unknown."""
    said: str = ""
    """The caller's own words for the place."""


class ProposalPart(Part):
    """派单建议: who should handle it by the city's 派单目录. The intake decides: see ``HandlingPart``."""

    lead_unit: Annotated[str, Field(min_length=1)]
    """主办单位."""
    support_units: tuple[str, ...] = ()
    """协办单位."""
    days: Annotated[int, Field(ge=1)]
    """办理时限, in working days."""
    reason: str = ""
    """The entry of the 派单目录 it comes from."""


class HandlingPart(Part):
    """办理: what becomes of the ticket once it is accepted.

    The gateway posts it empty and reads nothing of it: it is the intake's part of the contract, to be filled in what it
    keeps and passes on.
    """

    lead_unit: str = ""
    """主办单位."""
    support_units: tuple[str, ...] = ()
    """协办单位."""
    due_at: Timestamp | None = None
    """办理时限: when an answer is due; null when no limit is set."""
    supervised: bool = False
    """督办."""
    urged: Annotated[int, Field(ge=0)] = 0
    """催办: how often the caller has asked for it to be hurried."""
    satisfaction: str = ""
    """满意度 in the words of the place's own scale; empty until the caller was asked after the handling."""


class ModelPart(Part):
    """The speech model that heard the call."""

    name: str
    sha256: str
    demo: bool
    """The built-in demonstration model: its text is for trials only."""


class UtterancePart(Part):
    """One phrase; ``start`` and ``end`` in seconds of the recording."""

    start: Seconds
    end: Seconds
    text: str
    confidence: Share
    confirmed: bool
    """False for a phrase the recogniser never finished."""
    reading: str = ""
    """The text to be read: without fillers, with figures and marks; empty once an agent has corrected it."""
    corrected: bool = False
    """An agent has listened and written what was said."""
    speaker: Literal["caller", "target"] = "caller"
    """Who said it: the caller, or the target to whom his call was passed on."""


class TranscriptPart(Part):
    """Everything the caller said in the call, and what was said to him by whom he was passed on to."""

    model: ModelPart | None = None
    complete: bool
    utterances: tuple[UtterancePart, ...] = ()


class ReviewPart(Part):
    """审核: what a person has decided. The fields of the ticket are then that person's words."""

    agent: Annotated[str, Field(min_length=1)]
    """The agent's id."""
    at: Timestamp
    reason: str = ""
    """Why it was sent back; empty when it was accepted."""
    later_words: bool = False
    """Words were found in the recording after the review, which the agent has not seen."""


class Ticket(Part):
    """One revision of one ticket. A revision replaces the one before it; the number stays."""

    version: Literal[1] = 1
    number: Annotated[str, Field(pattern=r"^[0-9]{12,}$")]
    """工单编号: see ``tickets.number``."""
    revision: Annotated[int, Field(ge=1)]
    status: Literal["待审核", "已审核", "已退回"] = "待审核"
    review: ReviewPart | None = None
    """Null until an agent has looked at the ticket."""
    channel: Literal["电话"] = "电话"
    hotline: Annotated[str, Field(pattern=r"^[0-9]+$")]
    line: LinePart | None = None
    """Null for a call that was recorded before version 1 had this field."""
    call: CallPart
    passed: PassedPart | None = None
    """Null when nobody has talked with the caller for ten seconds."""
    recording: RecordingPart | None = None
    caller: CallerPart
    appeal: AppealPart
    place: PlacePart = PlacePart()
    proposal: ProposalPart | None = None
    """Null when the 派单目录 does not say, and for a ticket of before version 1 had this field."""
    handling: HandlingPart = HandlingPart()
    transcript: TranscriptPart
    notes: tuple[str, ...] = ()
    """Remarks for the agent, in Chinese."""

    def to_json(self) -> dict[str, Any]:
        """The document that is stored and posted; every field present, times in UTC."""
        return self.model_dump(mode="json")


class Receipt(BaseModel):
    """The intake's answer to an accepted ticket. Fields beyond these are ignored.

    ``number`` is the intake's own number, ``status`` its word for the ticket's state.
    """

    model_config = ConfigDict(frozen=True)

    number: Annotated[str, Field(min_length=1, max_length=200)]
    status: Annotated[str, Field(min_length=1, max_length=200)]
    accepted_at: AwareDatetime


def make_schema() -> dict[str, Any]:
    """The JSON Schema (draft 2020-12) of a posted ticket: no field is allowed but these, and all are required.

    Not required is what version 1 gained after it was first posted: a ticket of before may still be on its way.
    """
    schema = Ticket.model_json_schema(mode="serialization", schema_generator=Described)
    for part in (schema, *schema["$defs"].values()):
        part["required"] = [name for name in part["required"] if name not in _GAINED]
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": "urn:minsheng-hotline:ticket:1",
        **schema,
    }


if __name__ == "__main__":
    sys.stdout.write(json.dumps(make_schema(), ensure_ascii=False, indent=2) + "\n")
