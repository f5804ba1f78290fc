"""A call in the stack: its audio, its recording, its prompt, and the callbacks that tell its leg."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Protocol

import pjsua2 as pj

from gateway.sip.channel import Reception
from gateway.sip.codecs import order_codecs
from gateway.sip.pj.audio import Audio, carry, part
from gateway.sip.pj.common import attempt, call_parameters, header_vector, may_cross, sip_callback
from gateway.sip.pj.referral import StackReferral

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from gateway.sip.channel import Channel, Referral
    from gateway.sip.leg import Leg
    from gateway.site.sound import Sound

_GONE = 481  # the SIP status for a call that is there no more
_DTMF_IS_UPDATE = 1  # PJMEDIA_STREAM_DTMF_IS_UPDATE of pjmedia/stream.h, which the bindings leave out


class Owner(Protocol):
    """What a call needs of the agent it belongs to."""

    def bury(self, call: StackCall) -> None:
        """End what is left of a call that is over and has left the bridge."""


class StackCall(pj.Call):
    """pjsua2's half of a leg (`gateway.sip.channel.Channel`): the stack's call with its audio."""

    def __init__(
        self,
        account: pj.Account,
        owner: Owner,
        call_id: int,
        codecs: tuple[str, ...] = (),
        *,
        live: bool = False,
    ) -> None:
        super().__init__(account, call_id)
        self._codecs = codecs
        self._owner = owner
        self.leg: Leg
        self.audio = Audio(live=live)
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
        if info.state == pj.PJSIP_INV_STATE_CONNECTING:
            if info.role == pj.PJSIP_ROLE_UAC:
                self.leg.accepted(_read_message(prm))
        elif info.state == pj.PJSIP_INV_STATE_CONFIRMED:
            self.leg.confirmed()
        elif info.state == pj.PJSIP_INV_STATE_DISCONNECTED:
            response = ""
            try:
                response = _read_message(prm)
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
                self.leg.media_changed(held=False)
                return
        for _, media in audio:
            if media.status == pj.PJSUA_CALL_MEDIA_REMOTE_HOLD:
                if media.dir != pj.PJMEDIA_DIR_NONE:
                    self._streams.add(media.index)
                # What comes now is not the caller, but the music of who holds the line for him: nobody hears it.
                self._join(None)
                self.leg.media_changed(held=True)
                return

    @sip_callback
    def onCallSdpCreated(self, prm: pj.OnCallSdpCreatedParam) -> None:  # noqa: N802
        """Our description is about to go out: with the codecs of this call's trunk, in its order."""
        if self._codecs:
            prm.sdp.wholeSdp = order_codecs(prm.sdp.wholeSdp, self._codecs, prm.remSdp.wholeSdp)

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

    def onCallRedirected(self, _prm: pj.OnCallRedirectedParam) -> int:  # noqa: N802
        """3xx to a call of ours: nobody dials where a stranger points; the call ends by that status."""
        return pj.PJSIP_REDIRECT_REJECT

    def _join(self, media: pj.AudioMedia | None) -> None:
        if self.audio.join(self, media):
            self.leg.media_began()

    # --- gateway.sip.channel.Channel
    def respond(self, status: int, headers: Mapping[str, str]) -> None:
        """Answer the INVITE; raises SipError."""
        prm = call_parameters()
        prm.statusCode = status
        prm.txOption.headers = header_vector(headers)
        with may_cross():
            attempt(f"answer {status}", lambda: self.answer(prm))

    def end(self) -> None:
        """BYE or CANCEL; never raises."""
        with may_cross(), contextlib.suppress(pj.Error):  # the peer's own BYE may have crossed ours
            self.hangup(pj.CallOpParam())

    def record_to(self, file: Path) -> None:
        """Record both directions into the file once there is media."""
        self.audio.file = file

    def begin_anew(self, file: Path | None) -> None:
        """Recording time begins now, or with the media; raises SipError."""
        attempt("begin the recording", lambda: self.audio.begin_anew(self, self.voice(), file))

    def send_keys(self, keys: str) -> None:
        """RFC 4733; raises SipError."""
        attempt("send keys", lambda: self.dialDtmf(keys))

    def speak(self, pcm: bytes) -> None:
        """Add to what is said live."""
        self.audio.speak(pcm)

    def start_playing(self, sound: Sound, *, loop: bool, first: int) -> int:
        """Play from a sample on, instead of any other; the play's number. Raises SipError."""
        return self.audio.play(sound, loop=loop, first=first)

    def stop_playing(self) -> None:
        """End what is being played."""
        self.audio.stop()

    def pause_playing(self) -> None:
        """Let it stand still."""
        self.audio.pause()

    def resume_playing(self) -> None:
        """Let it go on, once there is media."""
        self.audio.resume()

    def alignment(self) -> tuple[int, int] | None:
        """The present sample of the recording, and the one of the sound that comes next; None in between two."""
        return self.audio.alignment()

    def position(self) -> int:
        """The sample of what is being played that is heard next."""
        return self.audio.position()

    def played(self) -> tuple[int, float]:
        """The last play that came to its end by itself, and when."""
        return self.audio.played()

    def read(self) -> bytes:
        """Empty the ring buffer."""
        return self.audio.read()

    def missed(self) -> float:
        """Seconds that the ring buffer had no room for."""
        return self.audio.missed()

    def seconds(self) -> float:
        """Recording time."""
        return self.audio.seconds()

    def trouble(self) -> str:
        """Why the recording is incomplete, or ""."""
        return self.audio.trouble()

    def stop_recording(self, why: str) -> None:
        """Record no more, and say why as its trouble."""
        self.audio.stop_recording(why)

    def reception(self) -> Reception:
        """What came over RTP in the streams that are over."""
        return self._reception

    def signs(self) -> int:
        """RTP packets so far, and reports on what arrives of ours."""
        signs = self._reception.packets
        for stream in tuple(self._streams):
            with contextlib.suppress(pj.Error):  # it has just ended
                told = self.getStreamStat(stream)
                signs += told.rtcp.rxStat.pkt + told.rtcp.txStat.updateCount
        return signs

    def connect(self, other: Channel, *, hears: bool, is_heard: bool) -> None:
        """Loop: let this side hear the other, and be heard, as far as there is audio."""
        assert isinstance(other, StackCall)  # noqa: S101 - there is one stack
        mine, theirs = self.voice(), other.voice()
        if mine is None or theirs is None:
            return
        if hears:
            carry((other.audio, theirs), (self.audio, mine))
        if is_heard:
            carry((self.audio, mine), (other.audio, theirs))
        # The SIP worker may have ended either meanwhile: what was theirs must not become a stranger's.
        if (_port(self.voice()), _port(other.voice())) != (_port(mine), _port(theirs)):
            part((self.audio, mine), (other.audio, theirs))

    def disconnect(self, other: Channel) -> None:
        """Loop: they hear each other no more."""
        assert isinstance(other, StackCall)  # noqa: S101 - as above
        part((self.audio, self.voice()), (other.audio, other.voice()))

    def voice(self) -> pj.AudioMedia | None:
        """What comes from the other side at this moment; None while nothing does that may be heard."""
        if not self.holdsSlot():  # its number in the stack may be another call's by now
            return None
        try:
            info = self.getInfo()
            for position, media in enumerate(info.media):
                if media.type == pj.PJMEDIA_TYPE_AUDIO and media.status == pj.PJSUA_CALL_MEDIA_ACTIVE:
                    voice: pj.AudioMedia = self.getAudioMedia(position)
                    return voice if self.holdsSlot() and _port(voice) != pj.PJSUA_INVALID_ID else None
        except pj.Error:  # it has just ended
            pass
        return None

    def refer(self, uri: str, headers: Mapping[str, str]) -> Referral:
        """REFER with more headers; raises SipError."""
        return StackReferral(self, uri, headers)

    def bury(self) -> None:
        """Leave the bridge at once, and be ended by the owner."""
        self.audio.leave()
        self._owner.bury(self)

    def close_recording(self) -> bool:
        """Whether the recording is complete; looked at until it is, while its writer waits for the disk."""
        return self.audio.close_recording()


def _read_message(prm: pj.OnCallStateParam) -> str:
    """The other side's message from which the new state follows, "" when it is not from one."""
    cause = prm.e.body.tsxState
    message: str = cause.src.rdata.wholeMsg if cause.type == pj.PJSIP_EVENT_RX_MSG else ""
    return message


def _port(voice: pj.AudioMedia | None) -> int:
    return voice.getPortId() if voice is not None else pj.PJSUA_INVALID_ID
