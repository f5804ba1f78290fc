"""The driver's part in passing a call on, and the targets' part in a script, on a fake clock."""

from __future__ import annotations

from typing import TYPE_CHECKING

from config.script import Holds, Plays, Rings, ScriptedTarget, Talks
from ivr.events import Calling, Connected, Event, Parted, Refused
from recordings import entries

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from ivr.actions import Connect
    from recordings.entries import Entry

_SOON = 0.01
_UNNOTICED = 10.0  # seconds until a line that is gone without a word is given up: passing.silent_seconds


class Reach:
    """What comes of one ``Connect``: each thing that happens, when, and what the journal says of it."""

    def __init__(self, connect: Connect, targets: Sequence[ScriptedTarget], now: float, legs: int) -> None:
        self.connect, self.legs, self._targets = connect, legs, targets
        self.now = now

    def happenings(self) -> Iterator[tuple[float, Event | None, Entry | None]]:
        """(when, what the dialogue is told, what is noted before)."""
        opened = [target for target in self._targets if not target.closed]
        why = "closed" if self._targets else "no_target"
        for target in opened:
            self.legs += 1
            self.now += _SOON
            dialled = entries.Dialled(
                leg=self.legs,
                at=self.now,
                attempt=self.connect.id,
                matter=self.connect.matter.index,
                reason=self.connect.reason,
                target=target.name,
                uri="sip:target@127.0.0.1",
                ticket=target.ticket,
                sip_call_id=f"leg-{self.legs}@127.0.0.1",
            )
            yield self.now, Calling(0.0, self.connect.id, target.name), dialled
            answered, why = yield from self._call(target)
            if answered:
                return
        yield self.now + _SOON, Refused(0.0, self.connect.id, why), None

    def _call(self, target: ScriptedTarget) -> Iterator[tuple[float, Event | None, Entry | None]]:
        begun, answered = self.now, None
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
                case "busy" | "fails":
                    yield self.now, None, self.ended("target", 0.0)
                    return False, "busy" if deed == "busy" else "failed"
                case "hangs_up" | "dies" if answered is not None:
                    self.now += _UNNOTICED if deed == "dies" else 0.0
                    by, talked = "target" if deed == "hangs_up" else "lost", self.now - answered
                    yield self.now, Parted(0.0, self.connect.id, by, talked), self.ended(by, talked)
                case _:
                    break
        if answered is None:
            self.now = begun + target.ring_seconds
            yield self.now, None, self.ended("gateway", 0.0)
        return answered is not None, "no_answer"

    def ended(self, by: str, talked: float) -> Entry:
        return entries.LegEnded(self.legs, self.now, by, "", talked)
