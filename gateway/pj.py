"""SIP and media through pjsua2: the only module that imports it; all its objects live and die here.

Threads: pjsua2's SIP worker calls back here; every callback copies what matters and hands it to the event loop
(the thread door). The audio clock thread never enters Python: prompts, ring buffer and recording are native.
Everything public runs on the event loop.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import logging
from concurrent.futures import ThreadPoolExecutor
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, ParamSpec

import pjsua2 as pj

from gateway.address import default_address, name_servers
from gateway.incoming import Incoming, names_addresses, read_invite
from gateway.leg import Leg, Reception, SipError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

log = logging.getLogger(__name__)

CLOCK_RATE = 8000
FRAME_SECONDS = 0.02
_RING_MS = (
    4000  # how long the event loop may stall before caller audio is missed (the recording never misses it)
)
_PORTS_PER_CALL = 6
_STOP_SECONDS = 3.0
_BEAT_MS = 250
_DTMF_IS_UPDATE = 1  # PJMEDIA_STREAM_DTMF_IS_UPDATE of pjmedia/stream.h, which the bindings leave out
_CODECS = {"PCMA": 255, "PCMU": 254, "G722": 200}  # priorities; everything else is not offered
_ANY = "0.0.0.0"  # noqa: S104 - a name for it
_LOOPBACK = "127.0.0.1"

P = ParamSpec("P")


def _sip_callback(function: Callable[P, None]) -> Callable[P, None]:
    """Boundary: an exception must not travel into the stack, which would swallow it and leave the caller hanging."""

    @functools.wraps(function)
    def guarded(*args: P.args, **kwargs: P.kwargs) -> None:
        try:
            function(*args, **kwargs)
        except Exception:
            log.exception("SIP callback %s failed", function.__name__)

    return guarded


def _attempt(what: str, function: Callable[[], Any]) -> Any:
    try:
        return function()
    except pj.Error as error:
        raise SipError(f"{what}: {error.info()}") from error


class UserAgent:
    """The process's one SIP user agent: transports, an account, and every leg until its media is closed.

    ``media_host`` is the address RTP is bound to and SDP names; empty: the address that was dialled.
    ``rtp_first_port`` 0 takes whatever ports the system gives.
    """

    def __init__(
        self, *, host: str, port: int, tcp: bool, media_host: str = "", rtp_first_port: int = 0
    ) -> None:
        self.loop = asyncio.get_running_loop()
        self._host, self._port, self._tcp = host, port, tcp
        # RTP is bound to the address the caller dialled: of a machine's outside address and its loopback, the
        # account whose host stands in the INVITE answers it.
        self._media_hosts = (
            [media_host or host] if media_host or host != _ANY else [default_address(), _LOOPBACK]
        )
        self._rtp_first_port = rtp_first_port
        self._legs: dict[Leg, _Call] = {}
        self.on_invite: Callable[[Leg], None] | None = None
        """Called on the loop with each INVITE; without it every INVITE is refused."""
        self.admit: Callable[[Incoming], tuple[int, Mapping[str, str]] | None] = lambda _incoming: None
        """Called on the SIP thread: None lets a call in, a status and headers refuse it at once."""
        self._endpoint: _Endpoint | None = None
        self._accounts: list[_Account] = []
        self._threads: ThreadPoolExecutor | None = None
        self._log = _Log()

    @property
    def listens(self) -> bool:
        """Whether the transports are open."""
        return bool(self._accounts)

    @property
    def address(self) -> str:
        """``host:port`` a caller on this machine can dial."""
        return f"{_LOOPBACK if self._host == _ANY else self._host}:{self._port}"

    @property
    def beats(self) -> int:
        """How often the SIP worker's own timer has fired, four times a second: it grows as long as the worker works."""
        return self._endpoint.beats if self._endpoint is not None else 0

    def start(self, *, max_calls: int) -> None:
        """Open the transports. Raises SipError, with what to change, when the port is taken."""
        endpoint = self._endpoint = _Endpoint()
        endpoint.libCreate()
        config = _endpoint_config(max_calls, self._log)
        if self.on_invite is not None:
            # A stranger's Contact, Route or Via may name a host: the stack's own resolver does not wait for the
            # name server. Without it the stack knows addresses only.
            for address in name_servers():
                config.uaConfig.nameserver.append(address)
        endpoint.libInit(config)
        pj.guardStreams()
        endpoint.audDevManager().setNullDev()
        self._listen(endpoint, pj.PJSIP_TRANSPORT_UDP, "UDP")
        if self._tcp:
            self._listen(endpoint, pj.PJSIP_TRANSPORT_TCP, "TCP")
        endpoint.libStart()
        endpoint.beat()
        for codec in endpoint.codecEnum2():
            endpoint.codecSetPriority(codec.codecId, _CODECS.get(codec.codecId.split("/")[0], 0))
        self._threads = ThreadPoolExecutor(1, "pj-media", lambda: endpoint.libRegisterThread("pj-media"))
        for host in self._media_hosts:
            self._accounts.append(self._open_account(host, max_calls))

    def _open_account(self, host: str, max_calls: int) -> _Account:
        config = pj.AccountConfig()
        config.idUri = f"sip:hotline@{host}:{self._port}"
        media = config.mediaConfig.transportConfig
        media.boundAddress = media.publicAddress = host
        media.port = self._rtp_first_port
        if self._rtp_first_port:
            media.portRange = min(65535 - self._rtp_first_port, max_calls * 8)
        account = _Account(self)
        account.create(config)
        return account

    def _listen(self, endpoint: pj.Endpoint, kind: int, name: str) -> None:
        config = pj.TransportConfig()
        config.port = self._port
        config.boundAddress = "" if self._host == _ANY else self._host
        number = _attempt(
            f"cannot listen for SIP on {self._host}:{self._port}/{name}"
            " (another program may use this port, `ss -lnp` tells which; set sip.port to a free one)",
            lambda: endpoint.transportCreate(kind, config),
        )
        self._port = int(endpoint.transportGetInfo(number).localName.rsplit(":", 1)[-1])

    def dial(
        self, uri: str, *, caller: str, tcp: bool = False, headers: Mapping[str, str] = MappingProxyType({})
    ) -> Leg:
        """Call a SIP URI as ``caller`` (a number, or "" for anonymous); the leg's callbacks tell the rest."""
        hosts = zip(self._media_hosts, self._accounts, strict=True)
        account = next((account for host, account in hosts if f"@{host}" in uri), self._accounts[0])
        call = _Call(account, self, pj.PJSUA_INVALID_ID)
        leg = self._attach(call, None)
        prm = _answer_parameters()
        identity = f"{caller}@{self.address}" if caller else "anonymous@anonymous.invalid"
        prm.txOption.localUri = f"<sip:{identity}>"
        prm.txOption.headers = _headers(headers)
        target = f"{uri};transport=tcp" if tcp else uri
        try:
            _attempt(f"call {uri}", lambda: call.makeCall(target, prm))
        except SipError:
            self.forget(leg)
            raise
        with contextlib.suppress(pj.Error):  # refused before we could look: `on_ended` tells
            leg.sip_call_id = call.getInfo().callIdString
        return leg

    async def stop(self) -> None:
        """Hang up what is left, close everything, and leave no pjsua2 object behind."""
        if self._endpoint is None:
            return
        for leg in list(self._legs):
            leg.hang_up()
        closing = [leg.closed for leg in self._legs]
        if closing:
            await asyncio.wait(closing, timeout=_STOP_SECONDS)
        if self._threads is not None:
            self._threads.shutdown(wait=True)
            self._threads = None  # its initializer holds the endpoint
        self._legs.clear()
        for account in self._accounts:
            account.shutdown()
        self._accounts.clear()
        self._endpoint.libDestroy()
        self._endpoint = None

    def post(self, function: Callable[[], None]) -> None:
        """Thread door: run ``function`` on the event loop."""
        with contextlib.suppress(RuntimeError):  # the loop is closed: the process is ending
            self.loop.call_soon_threadsafe(function)

    def off_the_loop(self, function: Callable[[], None]) -> asyncio.Future[None]:
        """Run media work that a stuck disk may hold up."""
        return self.loop.run_in_executor(self._threads, function)

    def forget(self, leg: Leg) -> None:
        """Drop a leg whose media is closed (never inside its own callback)."""
        self._legs.pop(leg, None)

    def _attach(self, call: _Call, incoming: Incoming | None) -> Leg:
        leg = call.leg = Leg(call, incoming, self.post, self.loop.create_future())
        self._legs[leg] = call
        return leg

    def invited(self, call: _Call, message: str, source: str) -> None:
        """SIP callback: an INVITE has come; refuse it here or hand it to the loop."""
        incoming = read_invite(message, source)
        leg = self._attach(call, incoming)
        on_invite = self.on_invite
        if on_invite is None:
            leg.refuse(480)
            return
        refusal = self.admit(incoming)
        if refusal is not None:
            leg.refuse(*refusal)
        else:
            self.post(lambda: on_invite(leg))


class _Endpoint(pj.Endpoint):
    """The stack, with a timer on its SIP worker: the one thread that takes messages also fires timers."""

    def __init__(self) -> None:
        super().__init__()
        self.beats = 0

    def beat(self) -> None:
        """Have the SIP worker call `onTimer` once."""
        self.utilTimerSchedule(_BEAT_MS, None)

    @_sip_callback
    def onTimer(self, _prm: pj.OnTimerParam) -> None:  # noqa: N802 - pjsua2's name
        self.beats += 1
        self.beat()


class _Account(pj.Account):
    """pjsua2 finds the account of each INVITE by the address that was dialled."""

    def __init__(self, agent: UserAgent) -> None:
        super().__init__()
        self._agent = agent

    def onIncomingCall(self, prm: pj.OnIncomingCallParam) -> None:  # noqa: N802 - pjsua2's name
        call = _Call(self, self._agent, prm.callId)
        try:
            self._agent.invited(call, prm.rdata.wholeMsg, prm.rdata.srcAddress)
        except Exception:  # boundary, SIP callback: without an answer the caller would hear nothing for ever
            log.exception("an INVITE could not be taken", extra={"source": prm.rdata.srcAddress})
            call.respond(500, {})


class _Call(pj.Call):
    """pjsua2's half of a leg (`gateway.leg.Line`): the stack's call, its ring buffer, its recording, its player."""

    def __init__(self, account: _Account, agent: UserAgent, call_id: int) -> None:
        super().__init__(account, call_id)
        self._agent = agent
        self.leg: Leg
        self._recording: Path | None = None
        self._recording_error = ""
        self._media: pj.AudioMedia | None = None
        self._pcm: pj.PcmPort | None = None
        self._tap: pj.DuplexTap | None = None
        self._player: pj.AudioMediaPlayer | None = None
        self._streams: set[int] = set()  # running, their statistics not yet taken
        self._reception = Reception()

    @_sip_callback
    def onCallState(self, prm: pj.OnCallStateParam) -> None:  # noqa: N802
        info = self.getInfo()
        if info.state == pj.PJSIP_INV_STATE_CONFIRMED:
            self.leg.confirmed()
        elif info.state == pj.PJSIP_INV_STATE_DISCONNECTED:
            for stream in tuple(self._streams):
                self._count(stream)
            cause = prm.e.body.tsxState
            response = cause.src.rdata.wholeMsg if cause.type == pj.PJSIP_EVENT_RX_MSG else ""
            self.leg.disconnected(info.lastStatusCode, info.lastReason, response)

    @_sip_callback
    def onCallMediaState(self, _prm: pj.OnCallMediaStateParam) -> None:  # noqa: N802
        info = self.getInfo()  # a name of its own: SWIG's vector dies with what holds it
        for media in info.media:
            if media.type == pj.PJMEDIA_TYPE_AUDIO and media.status == pj.PJSUA_CALL_MEDIA_ACTIVE:
                self._streams.add(media.index)
                self._join(self.getAudioMedia(media.index))
                return

    @_sip_callback
    def onStreamDestroyed(self, prm: pj.OnStreamDestroyedParam) -> None:  # noqa: N802
        self._count(prm.streamIdx)  # a re-INVITE begins another stream, which counts from nothing

    def _count(self, stream: int) -> None:
        """Take a stream's statistics, once."""
        if stream in self._streams:
            self._streams.discard(stream)
            came = self.getStreamStat(stream).rtcp.rxStat
            self._reception = self._reception.plus(Reception(came.pkt, came.loss, came.jitterUsec.mean / 1e6))

    @_sip_callback
    def onCallRxOffer(self, prm: pj.OnCallRxOfferParam) -> None:  # noqa: N802
        # The stack would accept the offer and find out too late that it cannot send there.
        if not names_addresses(prm.offer.wholeSdp):
            prm.statusCode = 488

    @_sip_callback
    def onDtmfEvent(self, prm: pj.OnDtmfEventParam) -> None:  # noqa: N802
        self.leg.digit((prm.timestamp, prm.digit), repeat=bool(prm.flags & _DTMF_IS_UPDATE))

    @_sip_callback
    def onCallTransferRequest(self, prm: pj.OnCallTransferRequestParam) -> None:  # noqa: N802
        prm.statusCode = 603  # the stack would dial whatever the caller names: toll fraud

    @_sip_callback
    def onCallReplaceRequest(self, prm: pj.OnCallReplaceRequestParam) -> None:  # noqa: N802
        prm.statusCode = 603

    def _join(self, media: pj.AudioMedia) -> None:
        """Connect the call's audio with ring buffer, recording and any running prompt."""
        first = self._pcm is None
        if self._pcm is None:
            pcm = pj.PcmPort()
            pcm.createPort("pcm", CLOCK_RATE, 20, _RING_MS)
            self._pcm = pcm
            self._begin_recording()
        self._media = media
        media.startTransmit(self._pcm)
        if self._tap is not None:
            media.startTransmit(self._tap.left())
        if self._player is not None:
            self._connect(self._player)
        if first:
            self.leg.media_began()

    def _begin_recording(self) -> None:
        if self._recording is None:
            return
        tap = pj.DuplexTap()
        try:
            tap.open(str(self._recording), CLOCK_RATE, 20)
        except pj.Error as error:  # the call goes on: its words and keys are worth more than its sound
            self._recording_error = error.info()
        else:
            self._tap = tap

    def _connect(self, player: pj.AudioMediaPlayer) -> None:
        if self._tap is not None:
            player.startTransmit(self._tap.right())
        if self._media is not None:
            # Held by the caller, or over without the loop knowing yet: the prompt goes on unheard, and is joined
            # again when there is media.
            with contextlib.suppress(pj.Error):
                player.startTransmit(self._media)

    # --- gateway.leg.Line
    def respond(self, status: int, headers: Mapping[str, str]) -> None:
        """Answer the INVITE; raises SipError."""
        prm = _answer_parameters()
        prm.statusCode = status
        prm.txOption.headers = _headers(headers)
        _attempt(f"answer {status}", lambda: self.answer(prm))

    def end(self) -> None:
        """BYE or CANCEL; never raises."""
        with contextlib.suppress(pj.Error):  # the peer's own BYE may have crossed ours
            self.hangup(pj.CallOpParam())

    def record_to(self, file: Path) -> None:
        """Record both directions into the file once there is media."""
        self._recording = file

    def send_keys(self, keys: str) -> None:
        """RFC 4733; raises SipError."""
        _attempt(f"send keys {keys}", lambda: self.dialDtmf(keys))

    def start_playing(self, file: Path) -> None:
        """Play a file from its beginning; raises SipError."""
        player = pj.AudioMediaPlayer()
        _attempt(f"play {file}", lambda: player.createPlayer(str(file), pj.PJMEDIA_FILE_NO_LOOP))
        self._player = player
        _attempt(f"play {file}", lambda: self._connect(player))

    def stop_playing(self) -> None:
        """Take the player off the bridge; its destructor does."""
        self._player = None

    def read(self) -> bytes:
        """Empty the ring buffer."""
        return self._pcm.rxRead(self._pcm.rxAvailable()) if self._pcm is not None else b""

    def seconds(self) -> float:
        """Recording time."""
        return self._pcm.rxFrames() * FRAME_SECONDS if self._pcm is not None else 0.0

    def trouble(self) -> str:
        """Why the recording is incomplete, or ""."""
        if self._tap is not None and self._tap.dropped():
            return f"{self._tap.dropped()} samples lost, errno {self._tap.lastErrno()}"
        return self._recording_error

    def reception(self) -> Reception:
        """What came over RTP in the streams that are over."""
        return self._reception

    def bury(self) -> None:
        """Close the media off the loop, then be forgotten."""
        pcm, tap = self._pcm, self._tap
        self._pcm = self._media = None

        def close() -> None:
            if tap is not None:
                tap.close()
            if pcm is not None:
                pcm.close()

        def closed(_done: asyncio.Future[None]) -> None:
            self.leg.closed.set_result(None)
            self._agent.forget(self.leg)

        self._agent.off_the_loop(close).add_done_callback(closed)


class _Log(pj.LogWriter):
    """The stack's own errors, as records of this process's log.

    Only their first lines: what follows is the message it could not read, with the numbers of caller and called.
    """

    def write(self, entry: pj.LogEntry) -> None:
        log.warning("pjsip: %s", entry.msg.strip().partition("\n")[0])


def _endpoint_config(max_calls: int, writer: _Log) -> pj.EpConfig:
    config = pj.EpConfig()
    config.logConfig.writer = writer
    config.uaConfig.maxCalls = max_calls
    config.uaConfig.threadCnt = 1
    config.uaConfig.userAgent = "minsheng-hotline"
    config.logConfig.level = config.logConfig.consoleLevel = 1
    media = config.medConfig
    media.clockRate = media.sndClockRate = CLOCK_RATE
    media.channelCount = 1
    media.audioFramePtime = 20
    media.maxMediaPorts = max_calls * _PORTS_PER_CALL + 16
    media.noVad = True
    media.ecTailLen = 0
    media.threadCnt = 1
    return config


def _answer_parameters() -> pj.CallOpParam:
    prm = pj.CallOpParam(True)  # noqa: FBT003 - pjsua2: with the default call setting
    # A text stream would have a clock thread of its own, and each hang-up would wait for it.
    prm.opt.audioCount, prm.opt.videoCount, prm.opt.textCount = 1, 0, 0
    return prm


def _headers(headers: Mapping[str, str]) -> pj.SipHeaderVector:
    vector = pj.SipHeaderVector()
    for name, value in headers.items():
        header = pj.SipHeader()
        header.hName, header.hValue = name, value
        vector.append(header)
    return vector
