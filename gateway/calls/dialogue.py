"""What a call is led by: the lines with their flows, and the prompts they play, of one moment."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gateway.prompts.book import PromptBook
    from ivr.hotline import Hotlines


@dataclass(frozen=True, slots=True)
class Dialogue:
    """Hotlines, flows and prompts that were proved together: one value, taken by a call at its admission."""

    hotlines: Hotlines
    prompts: PromptBook
