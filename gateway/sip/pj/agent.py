"""The process's SIP user agent: transports, accounts, and every leg."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from concurrent.futures import ThreadPoolExecutor
from types import MappingProxyType
from typing import TYPE_CHECKING

import pjsua2 as pj

from gateway.sip.address import default_address, name_servers
from gateway.sip.fault import SipError
from gateway.sip.incoming import Incoming, read_invite
from gateway.sip.leg import Leg
from gateway.sip.pj.channel import StackCall
from gateway.sip.pj.common import CLOCK_RATE, attempt, call_parameters, header_vector, sip_callback

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

log = logging.getLogger(__name__)

_PORTS_PER_CALL = 6
_STOP_SECONDS = 3.0
_BEAT_MS = 250
_FIRST_TRANSPORT = 0
_FRAME_MS = 20
_CODECS = {"PCMA": 255, "PCMU": 254, "G722": 200}  # priorities; everything else is not offered
_ANY = "0.0.0.0"  # noqa: S104 - a name for it
_LOOPBACK = "127.0.0.1"


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
        self._legs: dict[Leg, StackCall] = {}
        self.on_invite: Callable[[Leg], None] | None = None
        """Called on the loop with each INVITE; without it every INVITE is refused."""
        self.admit: Callable[[Incoming], tuple[int, Mapping[str, str]] | None] = lambda _incoming: None
        """Called on the SIP thread: None lets a call in, a status and headers refuse it at once."""
        self._endpoint: _Endpoint | None = None
        self._clock: pj.PcmPort | None = None  # nobody transmits to it: it only counts the bridge's ticks
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
    def beats(self) -> tuple[int, int]:
        """How often the SIP worker's own timer (four times a second) and the audio clock have come round.

        Each grows as long as its thread works, and the first only while the stack's lock can be had: without it the
        worker would hang at the next message.
        """
        if self._endpoint is None or self._clock is None:
            return (0, 0)
        return self._endpoint.beats, self._clock.rxFrames()

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
        pj.takeInfoKeys()
        endpoint.audDevManager().setNullDev()
        self._clock = pj.PcmPort()
        self._clock.createPort("clock", CLOCK_RATE, _FRAME_MS, _FRAME_MS)
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
        number = attempt(
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
        call = StackCall(account, self, pj.PJSUA_INVALID_ID)
        leg = self._attach(call, None)
        prm = call_parameters()
        identity = f"{caller}@{self.address}" if caller else "anonymous@anonymous.invalid"
        prm.txOption.localUri = f"<sip:{identity}>"
        prm.txOption.headers = header_vector(headers)
        target = f"{uri};transport=tcp" if tcp else uri
        try:
            attempt(f"call {uri}", lambda: call.makeCall(target, prm))
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
        if self._clock is not None:
            self._clock.close()
            self._clock = None
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

    def _attach(self, call: StackCall, incoming: Incoming | None) -> Leg:
        leg = call.leg = Leg(call, incoming, self.post, self.loop.create_future())
        self._legs[leg] = call
        return leg

    def invited(self, call: StackCall, message: str, source: str) -> None:
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

    @sip_callback
    def onTimer(self, _prm: pj.OnTimerParam) -> None:  # noqa: N802 - pjsua2's name
        self.beat()
        # What this tells is nothing to us, but it takes the stack's one lock.
        with contextlib.suppress(pj.Error):
            self.transportGetInfo(_FIRST_TRANSPORT)
        self.beats += 1


class _Account(pj.Account):
    """pjsua2 finds the account of each INVITE by the address that was dialled."""

    def __init__(self, agent: UserAgent) -> None:
        super().__init__()
        self._agent = agent

    def onIncomingCall(self, prm: pj.OnIncomingCallParam) -> None:  # noqa: N802 - pjsua2's name
        call = StackCall(self, self._agent, prm.callId)
        try:
            self._agent.invited(call, prm.rdata.wholeMsg, prm.rdata.srcAddress)
        except Exception:  # boundary, SIP callback: without an answer the caller would hear nothing for ever
            log.exception("an INVITE could not be taken", extra={"source": prm.rdata.srcAddress})
            call.respond(500, {})


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
    media.audioFramePtime = _FRAME_MS
    media.maxMediaPorts = max_calls * _PORTS_PER_CALL + 16
    media.noVad = True
    media.ecTailLen = 0
    media.threadCnt = 1
    return config
