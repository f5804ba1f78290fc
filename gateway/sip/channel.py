"""What a leg needs of the SIP stack: one call's signalling and media, and what came over its line."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from gateway.site.sound import Sound


@dataclass(frozen=True, slots=True)
class Reception:
    """What came over RTP (RFC 3550): packets, packets that never came, and the mean interarrival jitter in seconds."""

    packets: int = 0
    lost: int = 0
    jitter_seconds: float = 0.0

    def plus(self, other: Reception) -> Reception:
        """Both together, jitter weighted by packets."""
        packets = self.packets + other.packets
        jitter = self.jitter_seconds * self.packets + other.jitter_seconds * other.packets
        return Reception(packets, self.lost + other.lost, jitter / packets if packets else 0.0)


class Referral(Protocol):
    """A REFER that was sent. What it has led to is looked at, any time, also when the call is over."""

    @property
    def answer(self) -> int:
        """The final status it was answered with, 408 when it was not; 0 until then."""

    @property
    def told(self) -> int:
        """The status of the call it led to, as NOTIFY told it last (RFC 3515, 2.4.5); 0 while none has."""

    @property
    def is_over(self) -> bool:
        """Whether nothing more will be told."""

    def end(self) -> None:
        """Look no more; harmless again."""


class Channel(Protocol):
    """The SIP stack's half of a leg."""

    def respond(self, status: int, headers: Mapping[str, str]) -> None:
        """Answer the INVITE; raises SipError."""

    def end(self) -> None:
        """BYE or CANCEL; never raises."""

    def record_to(self, file: Path) -> None:
        """Record both directions into the file once there is media."""

    def begin_anew(self, file: Path | None) -> None:
        """Recording time begins now, or with the media, and so does the ring buffer; record into the file, if any.

        Raises SipError.
        """

    def send_keys(self, keys: str) -> None:
        """RFC 4733; raises SipError."""

    def speak(self, pcm: bytes) -> None:
        """Add to what is said live, in a call that was dialled so."""

    def start_playing(self, sound: Sound, *, loop: bool, first: int) -> int:
        """Play from a sample on, instead of any other, once or over and over; the play's number. Raises SipError."""

    def stop_playing(self) -> None:
        """End what is being played."""

    def pause_playing(self) -> None:
        """Let it stand still."""

    def resume_playing(self) -> None:
        """Let it go on, once there is media."""

    def alignment(self) -> tuple[int, int] | None:
        """The present sample of the recording, and the one of the sound that comes next; None in between two."""

    def position(self) -> int:
        """The sample of what is being played that is heard next."""

    def played(self) -> tuple[int, float]:
        """The last play that came to its end by itself, 0 before that, and the recording time of that end."""

    def read(self) -> bytes:
        """Empty the ring buffer."""

    def missed(self) -> float:
        """Seconds that the ring buffer had no room for."""

    def seconds(self) -> float:
        """Recording time."""

    def trouble(self) -> str:
        """Why the recording is incomplete, or ""."""

    def stop_recording(self, why: str) -> None:
        """Record no more, and say why as its trouble."""

    def reception(self) -> Reception:
        """What came over RTP in the streams that are over."""

    def signs(self) -> int:
        """Signs of life: RTP packets, and RTCP's words that ours arrive; changes as long as they come."""

    def connect(self, other: Channel, *, hears: bool, is_heard: bool) -> None:
        """Let this side hear the other, and be heard, as far as there is audio by now; harmless again, never raises.

        What this side hears so is recorded with the rest of it. A re-INVITE may undo it.
        """

    def disconnect(self, other: Channel) -> None:
        """They hear each other no more; harmless again, never raises."""

    def refer(self, uri: str, headers: Mapping[str, str]) -> Referral:
        """REFER with more headers; raises SipError."""

    def bury(self) -> None:
        """Leave the bridge at once; sets ``Leg.closed`` when the recording is complete."""
