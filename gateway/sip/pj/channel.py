"""A call in the stack: its audio, its recording, its prompt, and the callbacks that tell its leg."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Protocol

import pjsua2 as pj

from gateway.sip.fault import SipError
from gateway.sip.leg import Leg, Reception
from gateway.sip.pj.common import (
    CLOCK_RATE,
    attempt,
    call_parameters,
    destroy,
    header_vector,
    sip_callback,
)
from gateway.sip.pj.sound import load

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from gateway.site.sound import Sound

_FRAME_SECONDS = 0.02
_RING_MS = (
    4000  # how long the event loop may stall before caller audio is missed (the recording never misses it)
)
_GONE = 481  # the SIP status for a call that is there no more
_DTMF_IS_UPDATE = 1  # PJMEDIA_STREAM_DTMF_IS_UPDATE of pjmedia/stream.h, which the bindings leave out


class Owner(Protocol):
    """What a call needs of the agent it belongs to."""

    def bury(self, call: StackCall) -> None:
        """End what is left of a call that is over and has left the bridge."""


class StackCall(pj.Call):
    """pjsua2's half of a leg (`gateway.sip.leg.Channel`): the stack's call, its ring, its recording, its prompts."""

    def __init__(self, account: pj.Account, owner: Owner, call_id: int) -> None:
        super().__init__(account, call_id)
        self._owner = owner
        self.leg: Leg
        self._recording: Path | None = None
        self._trouble = ""
        self._pcm: pj.PcmPort | None = None
        self._tap: pj.DuplexTap | None = None
        prompt = pj.PromptPort()
        prompt.pause()  # until there is media: what is played before begins with it
        self._prompt: pj.PromptPort | None = prompt
        self._streams: set[int] = set()  # running, their statistics not yet taken
        self._reception = Reception()

    @sip_callback
    def onCallState(self, prm: pj.OnCallStateParam) -> None:  # noqa: N802
        """Answered, or over; whatever else fails here, the end is told."""
        try:
            info = self.getInfo()
        except pj.Error as error:  # the stack has nothing left of it
            self.leg.disconnected(_GONE, error.reason, "")
            return
        if info.state == pj.PJSIP_INV_STATE_CONFIRMED:
            self.leg.confirmed()
        elif info.state == pj.PJSIP_INV_STATE_DISCONNECTED:
            response = ""
            try:
                cause = prm.e.body.tsxState
                response = cause.src.rdata.wholeMsg if cause.type == pj.PJSIP_EVENT_RX_MSG else ""
                for stream in tuple(self._streams):
                    self._count(stream)
            finally:
                self.leg.disconnected(info.lastStatusCode, info.lastReason, response)

    @sip_callback
    def onCallMediaState(self, _prm: pj.OnCallMediaStateParam) -> None:  # noqa: N802
        """Audio flows, for the first time or again."""
        info = self.getInfo()  # a name of its own: SWIG's vector dies with what holds it
        audio = [(n, media) for n, media in enumerate(info.media) if media.type == pj.PJMEDIA_TYPE_AUDIO]
        for position, media in audio:
            if media.status == pj.PJSUA_CALL_MEDIA_ACTIVE:
                self._streams.add(media.index)
                # Its index counts the lines of the SDP; here are those of a kind that the stack knows.
                self._join(self.getAudioMedia(position))
                self.leg.media_held(held=False)
                return
        for _, media in audio:
            if media.status == pj.PJSUA_CALL_MEDIA_REMOTE_HOLD:
                if media.dir != pj.PJMEDIA_DIR_NONE:
                    self._streams.add(media.index)
                # What comes now is not the caller, but the music of who holds the line for him: nobody hears it.
                self._join(None)
                self.leg.media_held(held=True)
                return

    @sip_callback
    def onStreamDestroyed(self, prm: pj.OnStreamDestroyedParam) -> None:  # noqa: N802
        """A stream's end: take its statistics."""
        self._count(prm.streamIdx)  # a re-INVITE begins another stream, which counts from nothing

    def _count(self, stream: int) -> None:
        """Take a stream's statistics, once."""
        if stream in self._streams:
            self._streams.discard(stream)
            try:
                told = self.getStreamStat(stream)  # a name of its own: what it holds dies with it
            except pj.Error:  # it went without a word
                return
            came = told.rtcp.rxStat
            self._reception = self._reception.plus(Reception(came.pkt, came.loss, came.jitterUsec.mean / 1e6))

    @sip_callback
    def onDtmfEvent(self, prm: pj.OnDtmfEventParam) -> None:  # noqa: N802
        """A key: by INFO, or the beginning or a further packet of a tone."""
        if prm.method == pj.PJSUA_DTMF_METHOD_SIP_INFO:
            self.leg.key_told(prm.digit)
        else:
            self.leg.digit((prm.timestamp, prm.digit), repeat=bool(prm.flags & _DTMF_IS_UPDATE))

    @sip_callback
    def onCallTransferRequest(self, prm: pj.OnCallTransferRequestParam) -> None:  # noqa: N802
        """REFER: refused."""
        prm.statusCode = 603  # the stack would dial whatever the caller names: toll fraud

    @sip_callback
    def onCallReplaceRequest(self, prm: pj.OnCallReplaceRequestParam) -> None:  # noqa: N802
        """INVITE with Replaces: refused."""
        prm.statusCode = 603

    def _join(self, media: pj.AudioMedia | None) -> None:
        """Connect the call's audio, if there is any, with ring buffer, recording and prompts."""
        prompt = self._prompt
        if prompt is None:  # the loop has taken note of the end
            return
        first = self._pcm is None
        if self._pcm is None:
            pcm = pj.PcmPort()
            try:
                pcm.createPort("pcm", CLOCK_RATE, 20, _RING_MS)
            except pj.Error:
                destroy(pcm)
                raise
            self._pcm = pcm
            prompt.createPort("prompt", CLOCK_RATE, 20)
            self._begin_recording(prompt)
        if media is not None:
            media.startTransmit(self._pcm)
            if self._tap is not None:
                media.startTransmit(self._tap.left())
            prompt.startTransmit(media)
        if first:
            prompt.resume()
            self.leg.media_began()

    def _begin_recording(self, prompt: pj.PromptPort) -> None:
        if self._recording is None:
            return
        tap = pj.DuplexTap()
        try:
            tap.open(str(self._recording), CLOCK_RATE, 20)
        except pj.Error as error:  # the call goes on: its words and keys are worth more than its sound
            self._trouble = error.info()
            destroy(tap)
        else:
            self._tap = tap
            tap.closeWith(self)  # at the hang-up, whatever this process is doing then
            prompt.startTransmit(tap.right())

    # --- gateway.sip.leg.Channel
    def respond(self, status: int, headers: Mapping[str, str]) -> None:
        """Answer the INVITE; raises SipError."""
        prm = call_parameters()
        prm.statusCode = status
        prm.txOption.headers = header_vector(headers)
        attempt(f"answer {status}", lambda: self.answer(prm))

    def end(self) -> None:
        """BYE or CANCEL; never raises."""
        with contextlib.suppress(pj.Error):  # the peer's own BYE may have crossed ours
            self.hangup(pj.CallOpParam())

    def record_to(self, file: Path) -> None:
        """Record both directions into the file once there is media."""
        self._recording = file

    def send_keys(self, keys: str) -> None:
        """RFC 4733; raises SipError."""
        attempt(f"send keys {keys}", lambda: self.dialDtmf(keys))

    def start_playing(self, sound: Sound) -> int:
        """Play from the beginning, instead of any other; the play's number. Raises SipError."""
        prompt = self._prompt
        if prompt is None:
            raise SipError("play a sound: the call is over")
        loaded: pj.PromptSound = attempt("play a sound", lambda: load(sound))
        return prompt.play(loaded)

    def stop_playing(self) -> None:
        """End what is being played."""
        if self._prompt is not None:
            self._prompt.stop()

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
        if self._tap is not None and self._tap.dropped():
            return f"{self._tap.dropped()} samples lost, errno {self._tap.lastErrno()}"
        return self._trouble

    def reception(self) -> Reception:
        """What came over RTP in the streams that are over."""
        return self._reception

    def has_sent(self) -> bool:
        """Whether RTP has come so far, or RTCP's word that ours arrives."""
        for stream in tuple(self._streams):
            with contextlib.suppress(pj.Error):  # it has just ended
                told = self.getStreamStat(stream)
                if told.rtcp.rxStat.pkt or told.rtcp.txStat.updateCount:
                    return True
        return bool(self._reception.packets)

    def bury(self) -> None:
        """Leave the bridge at once, and be ended by the owner."""
        pcm, self._pcm = self._pcm, None
        if pcm is not None:
            destroy(pcm)
        prompt, self._prompt = self._prompt, None
        if prompt is not None:
            destroy(prompt)
        if self._tap is not None:
            self._tap.close()
        self._owner.bury(self)

    def close_recording(self) -> bool:
        """Whether the recording is complete; looked at until it is, while its writer waits for the disk."""
        if self._tap is not None and self._tap.finished():
            self._trouble = self.trouble()
            tap, self._tap = self._tap, None
            destroy(tap)
        return self._tap is None
