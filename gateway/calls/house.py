"""What every call needs and none owns."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from asr.calibration import Calibration
from gateway.calls.bounds import Bounds
from gateway.calls.inquiring import nobody_knows

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from pathlib import Path

    from asr.client import AsrClient
    from asr.transcript import ModelFingerprint
    from gateway.calls.live import Board
    from gateway.calls.outgoing import Outgoing
    from gateway.sip.pump import MediaPump
    from ivr.actions import Inquire
    from ivr.events import Informed
    from tickets.number import NumberBook


@dataclass(frozen=True, slots=True)
class House:
    """The house that calls come to."""

    asr: AsrClient
    model: Callable[[], ModelFingerprint | None]
    """The model that listens now, None while nobody does."""
    pump: MediaPump
    board: Board
    numbers: NumberBook
    file: Callable[[Path], None]
    """Asks for the call's tickets to be brought up to date with its journal; never blocks, never fails."""
    outgoing: Outgoing
    """The lines on which people are called."""
    longest_hold: float = 300.0
    """Seconds that either side may have the line on hold before it is hung up."""
    target_silence: float = 20.0
    """Seconds without a sign of life after which a target's line is given up: its process, or its network, is gone."""
    deaf_for_long: Callable[[], bool] = lambda: False
    """Whether speech has been out of reach for so long that callers are offered a person first."""
    is_short_of_disk: Callable[[], bool] = lambda: False
    """Whether the disk's last room is the journals' and tickets', so that no call is recorded."""
    bounds: Bounds = field(default_factory=Bounds)
    """What else ends a call that nobody ends."""
    inquire: Callable[[Inquire], Awaitable[Informed]] = nobody_knows
    """Answers what callers ask of tickets."""
    recalls: bool = False
    """Whether callers are asked about the call they have made before."""
    calibration: Calibration = field(default_factory=Calibration)
    """How sure answers must be."""

    def least(self, question: str) -> float:
        """How sure an answer to this question must be to be taken, of the model that listens now."""
        model = self.model()
        return self.calibration.least(model.sha256 if model else "", question)
