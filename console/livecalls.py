"""Calls in progress, folded from a gateway's events. Pure: no clock, no socket."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import Any, Final

LINES: Final = 40
"""Lines of a call that are shown: the newest."""


_SHOWN: Final = frozenset({"incoming", "partial", "heard", "played", "matter", "number", "deaf", "hungup"})


class UnreadableEventError(ValueError):
    """An event that a call should show lacks what is to be shown, or has it in another shape."""


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
        """Let one event of the call have its effect; whether anything to be seen has changed.

        Fields that this program does not know are left alone, as are kinds. Raises UnreadableEventError, and changes
        nothing, when those it knows are not as it knows them.
        """
        match event:
            case {
                "kind": "incoming",
                "wall": str(wall),
                "caller": str(caller),
                "called": str(called),
                "hotline": str(hotline),
            }:
                self.started_at, self.caller, self.called, self.hotline = wall, caller, called, hotline
            case {"kind": "partial" | "heard" | "played" as kind, "text": str(text)}:
                self._take_text(kind, text)
            case {"kind": "matter"}:
                self._take_matter(event)
            case {"kind": "number", "matter": int(matter), "number": str(number)}:
                self.numbers[matter] = number
            case {"kind": "deaf"}:
                self.deaf = True
            case {"kind": "hungup"}:
                self.hung_up, self.partial = True, ""
            case {"kind": kind} if kind in _SHOWN:
                raise UnreadableEventError(kind)
            case _:
                return False
        return True

    def _take_text(self, kind: str, text: str) -> None:
        match kind:
            case "partial":
                self.partial = text
            case "heard":
                self.partial = ""
                if text:
                    self.lines.append({"who": "caller", "text": text})
            case _:
                self.lines.append({"who": "prompt", "text": text})

    def _take_matter(self, event: dict[str, Any]) -> None:
        match event:
            case {
                "brief": str(brief),
                "place": str(place),
                "place_name": str(name),
                "danger": bool(danger),
                "call_back": str(call_back),
            }:
                self.brief, self.place, self.call_back = brief, name or place, call_back
                self.danger = self.danger or danger
            case _:
                raise UnreadableEventError(event["kind"])

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
