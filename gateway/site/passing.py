"""The settings of passing callers on to people."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import Field, model_validator

from gateway.site.section import Section


class PassingSettings(Section):
    """Passing callers on to people. ``cap`` is the number of lines to them at once, those that still ring included.

    The last ``kept_for_danger`` of them are for callers in danger alone. A line to somebody from whose side nothing at
    all (no RTP, no RTCP) has come for ``silent_seconds`` is given up, and the caller is told so. A caller is offered a
    person (key 0) before anything else while speech recognition has been out of reach for ``deaf_seconds``, if set.
    """

    cap: Annotated[int, Field(ge=21, le=500)] = 200
    kept_for_danger: Annotated[int, Field(ge=20, le=500)] = 20
    silent_seconds: Annotated[float, Field(ge=10, le=300)] = 20.0
    deaf_seconds: Annotated[float, Field(ge=0, le=86400)] | None = None

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.kept_for_danger >= self.cap:
            raise ValueError("kept_for_danger must be less than cap: the others need lines, too")
        return self
