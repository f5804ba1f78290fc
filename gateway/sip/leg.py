"""One call leg as its owner sees it: signalling, media and how it ended, without the SIP stack's types."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from gateway.sip.ended import read_end
from gateway.sip.fault import SipError
from gateway.sip.guarding import guard
from gateway.sip.header import read_headers
from gateway.sip.keys import Keys
from gateway.sip.partners import Partners

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from gateway.sip.channel import Channel, Reception, Referral
    from gateway.sip.ended import Ended
    from gateway.sip.incoming import Incoming
    from gateway.site.sound import Sound


class Leg:
    """One SIP call leg with its media. Its owner sets the ``on_…`` callbacks; all are called on the event loop.

    What a callback raises is logged, and keeps neither the leg from its end nor any other callback from being called.
    """

    def __init__(
        self,
        channel: Channel,
        incoming: Incoming | None,
        post: Callable[[Callable[[], None]], None],
        closed: asyncio.Future[None],
    ) -> None:
        self.channel, self._post = channel, post
        self.incoming = incoming
        self.sip_call_id = incoming.sip_call_id if incoming else ""
        self.on_media: Callable[[], None] = lambda: None
        self.on_confirmed: Callable[[], None] = lambda: None
        self.on_digit: Callable[[str], None] = lambda _key: None
        self.on_held: Callable[[bool], None] = lambda _held: None
        """The other side holds the line, and wants to hear nothing (True), or is back (False)."""
        self.on_ended: Callable[[Ended], None] = lambda _ended: None
        self.on_gone: Callable[[], None] = lambda: None
        """Called last, for who let the call in: its place is free."""
        self.ended: Ended | None = None
        self.closed = closed
        """Done when the recording file is complete."""
        self.began = time.monotonic()
        """When the INVITE came, or was about to be sent; the event loop's clock."""
        self.is_answered = False
        """Whether this side has accepted the call."""
        self.is_confirmed = False
        """Whether the call stands: the ACK has come, or was sent."""
        self.is_audible = False
        """Whether there is, or was, media."""
        self.number = incoming.caller if incoming else ""
        """The other side's telephone number, digits; "" when it is not known."""
        self._hanging_up = False
        self._held = self._has_pressed = False
        self.partners = Partners(self)
        """The legs whose other sides talk with that of this one, or would, were the line not held."""
        self.transfers: frozenset[str] = frozenset()
        """How the other side takes the call back to pass it on itself, as its `Trunk` says: ``refer``, ``redirect``."""
        self._keys = Keys()
        self._heads: list[
            str
        ] = []  # of the messages by which the other side has answered our call, and ended it

    @property
    def is_hanging_up(self) -> bool:
        """Whether this side has ended the leg, or refused the call."""
        return self._hanging_up

    def header(self, name: str) -> str:
        """What a header of that name said when the other side answered our call, or ended it: its last word; or ""."""
        told = [read_headers(head).get(name.lower(), []) for head in self._heads]
        return next((values[0] for values in reversed(told) if values), "")

    # --- what an owner does, on the loop -------------------------------------------------------------------------
    def answer(self, recording: Path | None) -> None:
        """Accept the call (200 OK) and record both directions from here on, or not at all; raises SipError.

        Of a call that the other side has answered recording time begins anew: nothing before is in it.
        """
        self._check_stands()
        if self.incoming is None:
            self.channel.begin_anew(recording)
            return
        if recording is not None:
            self.channel.record_to(recording)
        self.channel.respond(200, {})
        self.is_answered = True

    def refuse(self, status: int, headers: Mapping[str, str] | None = None) -> None:
        """Refuse the call with a final SIP status (300..699) and extra headers; raises SipError."""
        self._check_stands()
        self._hanging_up = True
        self.channel.respond(status, headers or {})

    def _check_stands(self) -> None:
        if self.ended is not None:  # nothing may be left of the call in the stack
            raise SipError("the caller has gone before he was answered")

    def hang_up(self) -> None:
        """End the leg; ``on_ended`` follows. Harmless when it has ended already."""
        self._hanging_up = True
        if self.ended is None:
            self.channel.end()

    def press(self, keys: str) -> None:
        """Send keys as RFC 4733 telephone events; raises SipError."""
        if self.ended is None:
            self.channel.send_keys(keys)

    def bridge(self, other: Leg, *, both: bool = True) -> None:
        """Let the other sides of both legs talk with each other, until `unbridge` or the end of either leg.

        From any state: they hear each other as soon as both have audio and neither holds the line, and again after
        whatever a re-INVITE changes. A recording of either has on its right side what is heard there. What is played
        on one leg is not heard on the other. Without ``both`` the other's side hears nothing of this one's.
        """
        if self.ended is None and other.ended is None:
            self.partners.only(other, both=both)

    def unbridge(self) -> None:
        """Part from whom this one's other side talks with; each stands as before. Harmless when there is nobody."""
        self.partners.part()

    def refer(self, uri: str, headers: Mapping[str, str]) -> Referral:
        """Ask the other side to call ``uri``, and to have this call go on with who answers there (REFER, RFC 3515).

        The leg stands as before, whatever is answered, until either side hangs up. Raises SipError.
        """
        if self.ended is not None:
            raise SipError(f"refer to {uri}: the call is over")
        return self.channel.refer(uri, headers)

    def play(self, sound: Sound, *, loop: bool = False, first: int = 0) -> int:
        """Play a sound to the other side, once or over and over, instead of any other; raises SipError.

        It begins with the sample ``first``; what is played before there is media begins with it. Gives the play's
        number, by which `played` tells its end; 0 when the leg has ended, and nothing is played.
        """
        return self.channel.start_playing(sound, loop=loop, first=first) if self.ended is None else 0

    def speak(self, pcm: bytes) -> None:
        """Let the other side hear a microphone, as its sound comes: 8 kHz mono s16le; never waits.

        Beside what is played, in a call that was dialled ``live``. What comes too fast loses its oldest.
        """
        if self.ended is None:
            self.channel.speak(pcm)

    def stop_playing(self) -> None:
        """End what is being played, within 20 ms."""
        self.channel.stop_playing()

    def pause_playing(self) -> None:
        """Let what is being played stand still, within 20 ms, until it is resumed, replaced or stopped."""
        self.channel.pause_playing()

    def resume_playing(self) -> None:
        """Let it go on with the sample at which it stands."""
        self.channel.resume_playing()

    @property
    def alignment(self) -> tuple[int, int] | None:
        """The present sample of the recording, and the one of what is played that comes next, at 8 kHz.

        None now and then, between two ticks; in the middle of one the sound is a tick ahead.
        """
        return self.channel.alignment()

    @property
    def position(self) -> int:
        """The sample of what is being played that is heard next."""
        return self.channel.position()

    @property
    def played(self) -> tuple[int, float]:
        """Number and end, in recording time to the tick (20 ms), of the last play that was played to its end.

        (0, 0.0) as long as none was; one that was stopped or replaced does not count.
        """
        return self.channel.played()

    def read(self) -> bytes:
        """Take what the other side has said since the last read: 8 kHz mono s16le."""
        return self.channel.read()

    @property
    def missed_seconds(self) -> float:
        """Seconds of what the other side has said that were never read: the reads came too late.

        They were lost before what the last read returned, and are in the recording all the same.
        """
        return self.channel.missed()

    @property
    def is_held(self) -> bool:
        """Whether the other side holds the line (RFC 3264, 8.4): what is played would not be sent."""
        return self._held

    @property
    def media_seconds(self) -> float:
        """Recording time: seconds of media since it began, one frame a tick whether or not anybody speaks."""
        return self.channel.seconds()

    @property
    def recording_trouble(self) -> str:
        """Empty, or why the recording is incomplete (no file, disk full, frames dropped)."""
        return self.channel.trouble()

    @property
    def reception(self) -> Reception:
        """What came over RTP; complete once the leg has ended."""
        return self.channel.reception()

    @property
    def has_sent(self) -> bool:
        """Whether the other side has given any sign of life: RTP, a report on ours (RFC 3550, 6.4), or a key."""
        return self._has_pressed or self.signs > 0

    @property
    def signs(self) -> int:
        """Signs of life over its media: changes as long as the other side lives (RFC 3550, 6.2)."""
        return self.channel.signs()

    # --- what the SIP stack tells, on its own threads --------------------------------------------------------------
    def media_began(self) -> None:
        """Media flows for the first time."""
        self.is_audible = True
        self._tell(lambda: self.on_media())  # noqa: PLW0108 - the callback may be set later

    def media_changed(self, *, held: bool) -> None:
        """Media was agreed on, for the first time or anew; whether the other side holds the line."""
        before, self._held = self._held, held
        self._tell(self.partners.rejoin)
        if held != before:
            self._tell(lambda: self.on_held(held))

    def confirmed(self) -> None:
        """The call stands (ACK)."""
        self.is_confirmed = True
        self._tell(lambda: self.on_confirmed())  # noqa: PLW0108 - as above

    def accepted(self, message: str) -> None:
        """The other side has answered our call, with this message (200 OK)."""
        self._heads.append(message.partition("\r\n\r\n")[0])

    def digit(self, event: tuple[int, str], *, repeat: bool) -> None:
        """A telephone event (RFC 4733): its RTP timestamp and key; ``repeat`` says that it goes on, or ends."""
        at = time.monotonic()
        if repeat:
            self._keys.go_on(at)
        else:
            self._tell(lambda: self._press(event[1], new=self._keys.begin(*event, at)))

    def key_told(self, key: str) -> None:
        """A key came by SIP INFO."""
        at = time.monotonic()
        self._tell(lambda: self._press(key, new=self._keys.told(key, at)))

    def _press(self, key: str, *, new: bool) -> None:
        self._has_pressed = True
        if new:
            self.on_digit(key)

    def disconnected(self, status: int, reason: str, message: str) -> None:
        """The leg is over; recording time stops here, the rest is done on the loop. Harmless a second time.

        ``message`` is the SIP message that ended it, if it was the peer's: a refusal may say when to try again.
        """
        if self.incoming is None:
            self._heads.append(message.partition("\r\n\r\n")[0])
        ended = read_end(status, reason, message, self.channel.seconds(), ours=self._hanging_up)
        self._post(lambda: self._release(ended))

    def _release(self, ended: Ended) -> None:
        if self.ended is not None:
            return
        self.ended = ended
        try:
            self.unbridge()
            self.channel.stop_playing()
            guard(lambda: self.on_ended(ended))  # the owner reads what is left in the ring buffer
        finally:
            try:
                self.channel.bury()
            finally:
                guard(self.on_gone)

    def _tell(self, callback: Callable[[], None]) -> None:
        self._post(lambda: guard(callback))
