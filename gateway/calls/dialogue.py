"""What calls are led by: lines, flows, prompts and caps of one moment."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime

    from gateway.prompts.book import PromptBook
    from ivr.hotline import Hotlines


@dataclass(frozen=True, slots=True)
class Dialogue:
    """Hotlines, flows, prompts and caps that were proved together: one value, taken by a call at its admission.

    ``since`` is when it was made. ``makeshift`` says why it is not the operator's own, whose files cannot be used; ""
    when it is. Calls that come then are passed to a person at once. ``calendar`` says why the operator's
    calendar is not in it, so that weekdays decide; "" when it is.
    """

    hotlines: Hotlines
    prompts: PromptBook
    cap: int
    """Calls let in at once at most."""
    since: datetime
    makeshift: str = ""
    calendar: str = ""
