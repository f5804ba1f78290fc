"""Calls in progress, folded from a gateway's events. Pure: no clock, no socket."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import Any, Final

LINES: Final = 40
"""Lines of a call that are shown: the newest."""


@dataclass(slots=True)
class LiveCall:
    """A call that goes on: who called where and when (ISO 8601), what was said last, and what is known of it.

    ``partial`` is what the caller is saying right now, as far as it is understood. ``lost``: its gateway is out of
    reach, nobody knows how the call goes on.
    """

    call_id: str
    gateway: str
    started_at: str = ""
    caller: str = ""
    called: str = ""
    hotline: str = ""
    lines: deque[dict[str, str]] = field(default_factory=lambda: deque(maxlen=LINES))
    partial: str = ""
    numbers: dict[int, str] = field(default_factory=dict)
    brief: str = ""
    place: str = ""
    danger: bool = False
    call_back: str = ""
    deaf: bool = False
    hung_up: bool = False
    lost: bool = False

    def take(self, event: dict[str, Any]) -> bool:
        """Let one event of the call have its effect; whether anything to be seen has changed."""
        match event:
            case {"kind": "incoming", "wall": wall, "caller": caller, "called": called, "hotline": hotline}:
                self.started_at, self.caller, self.called, self.hotline = wall, caller, called, hotline
            case {"kind": "partial", "text": text}:
                self.partial = text
            case {"kind": "heard", "text": text}:
                self.partial = ""
                if text:
                    self.lines.append({"who": "caller", "text": text})
            case {"kind": "played", "text": text}:
                self.lines.append({"who": "prompt", "text": text})
            case {"kind": "matter"}:
                self.brief, self.place = event["brief"], event["place_name"] or event["place"]
                self.danger = self.danger or event["danger"]
                self.call_back = event["call_back"]
            case {"kind": "number", "matter": matter, "number": number}:
                self.numbers[matter] = number
            case {"kind": "deaf"}:
                self.deaf = True
            case {"kind": "hungup"}:
                self.hung_up, self.partial = True, ""
            case _:
                return False
        return True

    def show(self) -> dict[str, Any]:
        """What a page shows of it, as JSON."""
        return {
            "call_id": self.call_id,
            "gateway": self.gateway,
            "started_at": self.started_at,
            "caller": self.caller,
            "called": self.called,
            "hotline": self.hotline,
            "lines": list(self.lines),
            "partial": self.partial,
            "numbers": list(self.numbers.values()),
            "brief": self.brief,
            "place": self.place,
            "danger": self.danger,
            "call_back": self.call_back,
            "deaf": self.deaf,
            "hung_up": self.hung_up,
            "lost": self.lost,
        }
