"""A call's audio on the bridge: its ring, its recording, its prompts, and whom its other side talks with."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

import pjsua2 as pj

from gateway.sip.fault import SipError
from gateway.sip.pj.common import CLOCK_RATE, FRAME_MS, attempt, destroy
from gateway.sip.pj.sound import load

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from gateway.site.sound import Sound

_FRAME_SECONDS = FRAME_MS / 1000
_RING_MS = (
    4000  # how long the event loop may stall before caller audio is missed (the recording never misses it)
)
_AHEAD_MS = 60  # of a microphone's voice: what its writer may be late


class Audio:
    """The ports of one call, and what they are connected with.

    `join` comes from the SIP worker, with each agreement on media; everything else from the event loop.
    """

    def __init__(self, *, live: bool) -> None:
        self.file: Path | None = None
        """Both directions are recorded into it once there is media."""
        self._trouble, self._stopped = "", False
        self._pcm: pj.PcmPort | None = None
        self._tap: pj.DuplexTap | None = None
        prompt = pj.PromptPort()
        prompt.pause()  # until there is media: what is played before begins with it
        self._prompt: pj.PromptPort | None = prompt
        self._feed: pj.FeedPort | None = pj.FeedPort() if live else None

    def join(self, call: pj.Call, media: pj.AudioMedia | None) -> bool:
        """Connect the call's audio, if there is any, with its own ports; whether that was for the first time."""
        prompt = self._prompt
        if prompt is None:  # the loop has taken note of the end
            return False
        first = self._pcm is None
        if self._pcm is None:
            self._pcm = _make_ring()
            prompt.createPort("prompt", CLOCK_RATE, FRAME_MS)
            self._begin_recording(call, prompt)
            if self._feed is not None:
                self._feed.createPort("feed", CLOCK_RATE, FRAME_MS, _AHEAD_MS)
        if media is not None:
            media.startTransmit(self._pcm)
            if self._tap is not None and not self._stopped:
                with contextlib.suppress(pj.Error):  # stopped at this moment
                    media.startTransmit(self._tap.left())
            prompt.startTransmit(media)
            if self._feed is not None:
                self._feed.startTransmit(media)
        if first:
            prompt.resume()
        return first

    def begin_anew(self, call: pj.Call, media: pj.AudioMedia | None, file: Path | None) -> None:
        """Let recording time begin now, for a call that had media before it was answered; raises pj.Error.

        A new ring takes the place of the old one, so that it and the recording go by one clock.
        """
        self.file = file
        old, prompt = self._pcm, self._prompt
        if old is None or prompt is None:  # there is no media yet: it begins with it
            return
        self._pcm = pcm = _make_ring()
        destroy(old)
        self._begin_recording(call, prompt)
        if media is not None:
            media.startTransmit(pcm)
            if self._tap is not None:
                media.startTransmit(self._tap.left())

    def _begin_recording(self, call: pj.Call, prompt: pj.PromptPort) -> None:
        if self.file is None or self._stopped:
            return
        tap = pj.DuplexTap()
        try:
            tap.open(str(self.file), CLOCK_RATE, FRAME_MS)
        except pj.Error as error:  # no room on the bridge; its words and keys are worth more than its sound
            self._trouble = error.info()
            destroy(tap)
        else:
            self._tap = tap
            tap.closeWith(call)  # at the hang-up, whatever this process is doing then
            prompt.startTransmit(tap.right())
            if self._stopped:  # meanwhile
                tap.close()

    def stop_recording(self, why: str) -> None:
        """End the recording at once, or have none begin; the call's time goes on."""
        self._stopped = True
        self._trouble = why
        if self._tap is not None:
            self._tap.close()

    def ears(self, own: pj.AudioMedia | None) -> Iterator[pj.AudioMedia]:
        """Where another call's voice must go to be heard here: this call's ``own`` audio, and its recording."""
        if own is not None:
            yield own
        if self._tap is not None and not self._stopped:
            yield self._tap.right()

    def speak(self, pcm: bytes) -> None:
        """Add to what is said live; it goes nowhere before there is media, nor where nothing is."""
        if self._feed is not None:
            self._feed.write(pcm)

    def play(self, sound: Sound, *, loop: bool, first: int) -> int:
        """Play from a sample on, instead of any other; the play's number. Raises SipError."""
        prompt = self._prompt
        if prompt is None:
            raise SipError("play a sound: the call is over")
        loaded: pj.PromptSound = attempt("play a sound", lambda: load(sound))
        number: int = prompt.play(loaded, loop, first)
        self.resume()
        return number

    def stop(self) -> None:
        """End what is being played."""
        if self._prompt is not None:
            self._prompt.stop()
            self.resume()

    def pause(self) -> None:
        """Let what is being played stand still."""
        if self._prompt is not None:
            self._prompt.pause()

    def resume(self) -> None:
        """Let it go on, once there is media."""
        if self._prompt is not None and self._pcm is not None:
            self._prompt.resume()

    def alignment(self) -> tuple[int, int] | None:
        """The present sample of the recording, and the one of the sound that comes next; None in between two."""
        prompt, pcm = self._prompt, self._pcm
        if prompt is None or pcm is None:
            return None
        frames, position = pcm.rxFrames(), prompt.position()
        return (frames * CLOCK_RATE * FRAME_MS // 1000, position) if pcm.rxFrames() == frames else None

    def position(self) -> int:
        """The sample of what is being played that is heard next."""
        return self._prompt.position() if self._prompt is not None else 0

    def played(self) -> tuple[int, float]:
        """The last play that came to its end by itself, and when; the audio clock counts, and calls nobody."""
        prompt, pcm = self._prompt, self._pcm
        if prompt is None or pcm is None:
            return 0, 0.0
        number = prompt.finished()
        if not number:
            return 0, 0.0
        return number, pcm.rxFramesAt(prompt.finishedAt()) * _FRAME_SECONDS

    def read(self) -> bytes:
        """Empty the ring buffer."""
        pcm = self._pcm
        return pcm.rxRead(pcm.rxAvailable()) if pcm is not None else b""

    def missed(self) -> float:
        """Seconds that the ring buffer had no room for."""
        pcm = self._pcm
        return pcm.rxDropped() / (2 * CLOCK_RATE) if pcm is not None else 0.0

    def seconds(self) -> float:
        """Recording time."""
        pcm = self._pcm
        return pcm.rxFrames() * _FRAME_SECONDS if pcm is not None else 0.0

    def trouble(self) -> str:
        """Why the recording is incomplete, or ""."""
        if not self._stopped and self._tap is not None and self._tap.dropped():
            return f"{self._tap.dropped()} samples lost, errno {self._tap.lastErrno()}"
        return self._trouble

    def leave(self) -> None:
        """Leave the bridge at once; the recording is closed by and by."""
        pcm, self._pcm = self._pcm, None
        if pcm is not None:
            destroy(pcm)
        prompt, self._prompt = self._prompt, None
        if prompt is not None:
            destroy(prompt)
        feed, self._feed = self._feed, None
        if feed is not None:
            destroy(feed)
        if self._tap is not None:
            self._tap.close()

    def close_recording(self) -> bool:
        """Whether the recording is complete; looked at until it is, while its writer waits for the disk."""
        if self._tap is not None and self._tap.finished():
            self._trouble = self.trouble()
            tap, self._tap = self._tap, None
            destroy(tap)
        return self._tap is None


Side = tuple[Audio, pj.AudioMedia | None]
"""One of two calls: its ports, and the voice that comes from its other side, if any does."""


def carry(source: Side, to: Side) -> None:
    """Let the voice of one be heard by the other; what has just left the bridge is passed over."""
    for voice, ear in _ways(source, to):
        with contextlib.suppress(pj.Error):
            voice.startTransmit(ear)


def part(one: Side, other: Side) -> None:
    """Let neither hear the other any more."""
    for voice, ear in (*_ways(one, other), *_ways(other, one)):
        with contextlib.suppress(pj.Error):
            voice.stopTransmit(ear)


def _ways(source: Side, to: Side) -> Iterator[tuple[pj.AudioMedia, pj.AudioMedia]]:
    (_, voice), (audio, own) = source, to
    if voice is not None:
        # A recording leaves the bridge with its call, before anybody here knows.
        ears = (ear for ear in audio.ears(own) if ear.getPortId() != pj.PJSUA_INVALID_ID)
        yield from ((voice, ear) for ear in ears)


def _make_ring() -> pj.PcmPort:
    """The caller's audio, until it is read; raises pj.Error."""
    pcm = pj.PcmPort()
    try:
        pcm.createPort("pcm", CLOCK_RATE, FRAME_MS, _RING_MS)
    except pj.Error:
        destroy(pcm)
        raise
    return pcm
