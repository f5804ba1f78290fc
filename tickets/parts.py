"""Parts of the ticket that tell of the call: who called where, what line it was, who took it, where its audio lies."""

# No `from __future__ import annotations` here: pydantic reads the annotations at run time.

from datetime import UTC, datetime
from typing import Annotated, Literal

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field, WithJsonSchema

from ivr.hotline import Mode, Source


def _to_utc(moment: datetime) -> datetime:
    try:
        return moment.astimezone(UTC)
    except OverflowError:  # the first or the last hours that there are, which some programs have for "never"
        raise ValueError("in UTC it lies outside the calendar") from None


Timestamp = Annotated[
    AwareDatetime,
    AfterValidator(_to_utc),
    WithJsonSchema(
        # The pattern says what `format` alone does not enforce: RFC 3339, and always UTC.
        {
            "type": "string",
            "format": "date-time",
            "pattern": r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,6})?(Z|\+00:00)$",
        }
    ),
]
Seconds = Annotated[float, Field(ge=0)]
Share = Annotated[float, Field(ge=0, le=1)]
Digits = Annotated[str, Field(pattern=r"^[0-9]*$")]


class Part(BaseModel):
    """What every part of a ticket is: these fields and no others."""

    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        allow_inf_nan=False,
        hide_input_in_errors=True,  # it is what a citizen said, and the error goes into logs
        json_schema_serialization_defaults_required=True,
        defer_build=True,  # most processes meet no more than some of them
    )


class CallPart(Part):
    """The call the ticket comes from."""

    call_id: Annotated[str, Field(min_length=1)]
    """Our own id of the call."""
    sip_call_id: str
    """The Call-ID header of the INVITE (RFC 3261, 8.1.1.4)."""
    caller: Digits
    """来电号码, digits only; empty when withheld."""
    called: str
    """The called number as it was received."""
    started_at: Timestamp
    """来电时间."""
    answered_at: Timestamp
    ended_at: Timestamp | None = None
    """Null while the call is still going on."""
    duration_s: Seconds | None = None
    """通话时长 in seconds from the answer; null while the call is still going on."""
    interrupted: bool = False
    """The gateway stopped during the call; the content may lack its end."""
    hung_up_by: Literal["caller", "gateway", "lost"] | None = None


class LinePart(Part):
    """The line that was called, as the hotlines file had it on that day."""

    name: str
    department: str
    """The department that the line belongs to."""
    mode: Mode
    """How the line was merged into 12345."""
    found_by: Source | None = None
    """Where in the INVITE the line's number stood; null when no line of ours was named."""
    found_as: str = ""
    """The number that named the line, as it was received."""
    opening: str = ""
    """What the caller was greeted with."""


class PassedPart(Part):
    """Whom the call was passed on to, and who has talked with the caller."""

    handled_by: Literal["人工"] = "人工"
    target: str
    """The name of the person, the queue or the department, as the hotlines file has it."""
    call_id: str = ""
    """By which its own system knows the call: the id that it has told, else the Call-ID (RFC 3261) of the call to it.

    Empty on an anonymous line.
    """
    talked_s: Seconds
    """How long they have talked, in seconds; 0 where the caller's own side has put him through: nobody here knows."""
    cut_off: bool = False
    """The line to it was lost while they talked."""


class RecordingPart(Part):
    """录音: where the call's audio lies."""

    path: Annotated[str, Field(pattern=r"^[^/]")]
    """Relative to the gateway's data folder."""
    seconds: Seconds
    channels: Annotated[int, Field(ge=1, le=2)]
    """2: the caller left, what the caller heard right."""
