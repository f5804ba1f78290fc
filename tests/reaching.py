"""The driver's part in passing a call on, and the targets' part in a script, on a fake clock."""

from __future__ import annotations

from typing import TYPE_CHECKING

from config.script import BringsIn, Holds, Plays, Rings, ScriptedTarget, Talks
from ivr.events import Calling, Connected, HandedOver, Parted, Refused
from ivr.target import THIRD
from recordings import entries

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from ivr.actions import Connect
    from recordings.entries import Entry

_SOON = 0.01
_UNNOTICED = 10.0  # seconds until a line that is gone without a word is given up: passing.silent_seconds


Happening = "tuple[float, Event | None, Entry | None]"


class Reach:
    """What comes of one ``Connect``: each thing that happens, when, and what the journal says of it."""

    def __init__(
        self, connect: Connect, targets: Mapping[str, Sequence[ScriptedTarget]], now: float, legs: int
    ) -> None:
        self.connect, self.legs, self._targets = connect, legs, targets
        self.now = now

    def happenings(self) -> Iterator[Happening]:
        """(when, what the dialogue is told, what is noted before)."""
        listed = self._targets[self.connect.reason]
        why = "closed" if listed else "no_target"
        for target in (target for target in listed if not target.closed):
            self.now += _SOON
            called = Calling(0.0, self.connect.id, target.name)
            cold = target.transfer == "cold" and not self.connect.matter.danger
            yield self.now, called, self.dial(target, self.connect.reason)
            if cold:
                handed_over, why = yield from self._refer(target)
                if handed_over or why != "failed":
                    if handed_over:
                        return
                    continue
                yield self.now, None, self.dial(target, self.connect.reason)
            answered, why = yield from self._call(target)
            if answered:
                return
        yield self.now + _SOON, Refused(0.0, self.connect.id, why), None

    def dial(self, target: ScriptedTarget, reason: str) -> Entry:
        self.legs += 1
        return entries.Dialled(
            leg=self.legs,
            at=self.now,
            attempt=self.connect.id,
            matter=self.connect.matter.index,
            reason=reason,
            target=target.name,
            uri="sip:target@127.0.0.1",
            ticket=target.ticket,
            sip_call_id=f"leg-{self.legs}@127.0.0.1",
        )

    def _refer(self, target: ScriptedTarget) -> Iterator[Happening]:
        """The caller's exchange is asked to hand him over; it tells what the target does."""
        for deed in target.does:
            match deed:
                case Rings(rings=seconds):
                    self.now += seconds
                case "answers":
                    ended = entries.LegEnded(self.legs, self.now, "gateway", "REFER: 200", handed_over=True)
                    yield self.now, HandedOver(0.0, self.connect.id, target.name), ended
                    return True, ""
                case "busy":
                    yield self.now, None, self.ended("target", 0.0)
                    return False, "busy"
                case _:
                    break
        yield self.now, None, self.ended("gateway", 0.0)
        return False, "failed"

    def _call(self, target: ScriptedTarget) -> Iterator[Happening]:
        begun, answered, third = self.now, None, None
        for deed in target.does:
            match deed:
                case (
                    Rings(rings=seconds) | Plays(plays=seconds) | Talks(talks=seconds) | Holds(holds=seconds)
                ):
                    self.now += seconds
                case "answers" if self.now - begun <= target.ring_seconds:
                    answered = self.now
                    event = Connected(0.0, self.connect.id, target.name)
                    yield self.now, event, entries.LegAnswered(self.legs, self.now)
                case BringsIn(brings_in=seconds) if answered is not None:
                    yield self.now, None, self.dial(self._targets[THIRD][0], THIRD)
                    self.now += seconds
                    third = self.now
                    yield self.now, None, entries.LegAnswered(self.legs, self.now)
                case "busy" | "fails":
                    yield self.now, None, self.ended("target", 0.0)
                    return False, "busy" if deed == "busy" else "failed"
                case "hangs_up" | "dies" if answered is not None:
                    self.now += _UNNOTICED if deed == "dies" else 0.0
                    by, talked = "target" if deed == "hangs_up" else "lost", self.now - answered
                    if third is not None:
                        yield self.now, None, self.ended("target", self.now - third)
                        self.legs -= 1
                    yield self.now, Parted(0.0, self.connect.id, by, talked), self.ended(by, talked)
                case "declines":
                    pass
                case _:
                    break
        if answered is None:
            self.now = begun + target.ring_seconds
            yield self.now, None, self.ended("gateway", 0.0)
        return answered is not None, "no_answer"

    def ended(self, by: str, talked: float) -> Entry:
        return entries.LegEnded(self.legs, self.now, by, "", talked)
