"""The settings of the call that tries the service as a citizen would."""

from __future__ import annotations

from pathlib import Path  # noqa: TC003 - pydantic reads it at run time
from typing import Annotated

from pydantic import Field

from gateway.site.section import Section


class ProbeSettings(Section):
    """``caller`` is the number that `hotline probe` calls from, and nobody else; "": calls of no number are tests.

    Its calls are put through to nobody, listed for nobody and not counted, its tickets marked. ``script`` replaces the
    embedded one. A probe fails when the answer takes longer than ``answer_ms``, its words are recognised with more than
    ``error_rate`` (0..1) of wrong characters, or its ticket is not accepted within ``ticket_seconds`` of the hang-up.
    """

    caller: Annotated[str, Field(pattern=r"^[0-9]{0,20}$")] = ""
    script: Path | None = None
    answer_ms: Annotated[float, Field(gt=0, le=60_000)] = 3000.0
    error_rate: Annotated[float, Field(ge=0, le=1)] = 0.5
    ticket_seconds: Annotated[float, Field(gt=0, le=600)] = 30.0

    def is_ours(self, caller: str) -> bool:
        """Whether a call of that number is a probe's."""
        return bool(self.caller) and caller == self.caller
