"""Calls in progress, folded from a gateway's events. Pure: no clock, no socket."""

from __future__ import annotations

from collections import Counter, deque
from dataclasses import dataclass, field
from typing import Any, Final

from console.masking import hide_numbers, mask
from recordings import entries
from recordings.entries import Strange, decode
from tickets.alerting import read_kind
from tickets.meaning.risk_rules import NAMES

LINES: Final = 40
"""Lines of a call that are shown: the newest."""


class UnreadableEventError(ValueError):
    """An event that a call should show has what is to be shown in another shape."""


@dataclass(slots=True)
class LiveCall:
    """A call that goes on: who called where and when (ISO 8601), what was said last, and what is known of it.

    ``partial`` is what the caller is saying right now, as far as it is understood. ``danger``: somebody may be in
    danger; ``alarm`` is which and by what words, "" when a key told of it. ``lost``: its gateway is out of reach,
    nobody knows how the call goes on.
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
    alarm: str = ""
    call_back: str = ""
    deaf: bool = False
    hung_up: bool = False
    lost: bool = False

    def take(self, event: dict[str, Any]) -> bool:
        """Let one event of the call have its effect; whether anything to be seen has changed.

        Fields that this program does not know are left alone, as are kinds. Raises UnreadableEventError, and changes
        nothing, when those it knows are not as it knows them.
        """
        strange = Counter[Strange]()
        entry = decode(event, strange)
        if any(what == "value" for what, _ in strange):
            raise UnreadableEventError(entry.kind if entry else "")
        match entry:
            case entries.Incoming(caller=caller, called=called, hotline=hotline):
                self.started_at = str(event.get("wall", ""))
                self.caller, self.called, self.hotline = caller, called, hotline
            case entries.Partial() | entries.Heard() | entries.Played():
                self._take_words(entry)
            case entries.Matter() as matter:
                self.brief, self.place = matter.brief, matter.place_name or matter.place
                self.danger = self.danger or matter.danger
                self.call_back = matter.call_back
            case entries.Alarm(risk=risk, words=words):
                self.danger = True
                kind = read_kind(risk)
                self.alarm = f"{NAMES[kind]}:“{words}”" if kind else ""
            case entries.Number(matter=index, number=number):
                self.numbers[index] = number
            case entries.Deaf() | entries.Hearing():
                self.deaf = isinstance(entry, entries.Deaf)
            case entries.HungUp():
                self.hung_up, self.partial = True, ""
            case _:
                return False
        return True

    def _take_words(self, entry: entries.Partial | entries.Heard | entries.Played) -> None:
        match entry:
            case entries.Partial(text=text):
                self.partial = text
            case entries.Heard(text=text):
                self.partial = ""
                if text:
                    self.lines.append({"who": "caller", "text": text})
            case entries.Played(text=text):
                self.lines.append({"who": "prompt", "text": text})

    def show(self, *, masked: bool = False) -> dict[str, Any]:
        """What a page shows of it, as JSON; ``masked``: without the numbers that are said in it."""
        shown = self._show()
        return {**shown, **_mask(shown)} if masked else shown

    def _show(self) -> dict[str, Any]:
        return {
            "call_id": self.call_id,
            "gateway": self.gateway,
            "started_at": self.started_at,
            "caller": mask(self.caller),
            "called": self.called,
            "hotline": self.hotline,
            "lines": list(self.lines),
            "partial": self.partial,
            "numbers": list(self.numbers.values()),
            "brief": self.brief,
            "place": self.place,
            "danger": self.danger,
            "alarm": self.alarm,
            "call_back": self.call_back,
            "deaf": self.deaf,
            "hung_up": self.hung_up,
            "lost": self.lost,
        }


def _mask(shown: dict[str, Any]) -> dict[str, Any]:
    said = [line["text"] for line in shown["lines"] if line["who"] == "caller"]
    *heard, partial = hide_numbers([*said, shown["partial"]])
    played = hide_numbers([line["text"] for line in shown["lines"] if line["who"] == "prompt"])
    texts = {"caller": iter(heard), "prompt": iter(played)}
    return {
        "lines": [{**line, "text": next(texts[line["who"]])} for line in shown["lines"]],
        "partial": partial,
        **{name: "".join(hide_numbers([shown[name]])) for name in ("brief", "place", "alarm", "call_back")},
    }
