"""What a target is told of the call that is passed on to it: who calls, which call it is, and what is whispered."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from gateway.sip import uui
from ivr.actions import Prompt

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ivr.hotline import Hotline
    from ivr.matter import Matter


@dataclass(frozen=True, slots=True)
class Errand:
    """Of an ``anonymous`` line's call nobody is told anything but its name."""

    call_id: str
    caller: str
    hotline: Hotline
    matter: Matter
    number: str = ""
    """The ticket number, as far as it has been given by now."""

    @property
    def danger(self) -> bool:
        """Whether somebody may be in danger."""
        return self.matter.danger

    @property
    def shown_caller(self) -> str:
        """The number the target is called from, "" for none."""
        return "" if self.hotline.anonymous else self.caller

    def headers(self) -> Mapping[str, str]:
        """For a screen-pop: User-to-User, and the same one a header."""
        if self.hotline.anonymous:
            return {}
        told = {"call": self.call_id, "line": self.hotline.number, "ticket": self.number}
        said = ";".join(f"{key}={value}" for key, value in told.items() if value)
        named = {f"X-Hotline-{key.title()}": value for key, value in told.items() if value}
        return {uui.NAME: uui.encode(said), **named}

    def whisper(self) -> Prompt:
        """What the target hears before the caller."""
        if self.danger and not self.hotline.anonymous:
            return Prompt("whisper_danger")
        where = self.matter.place_name
        what = self.matter.brief
        if self.hotline.anonymous or not (where or what):
            return Prompt("whisper_line", {"line": self.hotline.name})
        return Prompt(
            "whisper", {"line": self.hotline.name, "matter": "，".join(filter(None, (where, what)))}
        )
