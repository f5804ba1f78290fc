"""The process's SIP user agent: transports, accounts, and every leg."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from types import MappingProxyType
from typing import TYPE_CHECKING

import pjsua2 as pj

from gateway.sip.address import name_servers
from gateway.sip.fault import SipError
from gateway.sip.incoming import Incoming, read_invite
from gateway.sip.leg import Leg
from gateway.sip.pj.channel import StackCall
from gateway.sip.pj.common import (
    CLOCK_RATE,
    FRAME_MS,
    attempt,
    call_parameters,
    destroy,
    header_vector,
)
from gateway.sip.pj.door import Door
from gateway.sip.pj.endpoint import Endpoint, StackLog, endpoint_config
from gateway.sip.pj.legs import Legs
from gateway.sip.pj.sources import set_rules, take_unwelcome
from gateway.sip.pj.trunks import Lines
from gateway.sip.unwelcome import Rules

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from gateway.sip.pj.door import Account
    from gateway.sip.trunk import Standing, Trunk
    from gateway.sip.unwelcome import Unwelcome

log = logging.getLogger(__name__)

_STOP_SECONDS = 3.0
_RETRY_SECONDS = 20  # when a trunk is full, and the gateway is not
_TEND_SECONDS = 0.05
_LOOK_SECONDS = 1.0
_WAITING_BYTES = 256 * 1024 * 1024  # of recordings while the disk stands still: 8,000 seconds of calls
_CODECS = {"PCMA": 255, "PCMU": 254, "G722": 200}  # priorities; everything else is not offered


class UserAgent:
    """The process's one SIP user agent: transports, an account, and every leg until its media is closed.

    ``media_host`` is the address RTP is bound to and SDP names; empty: the address that was dialled.
    ``rtp_first_port`` 0 takes whatever ports the system gives. With ``trunks`` nobody else's calls are taken.
    """

    def __init__(
        self,
        *,
        host: str,
        port: int,
        tcp: bool,
        media_host: str = "",
        rtp_first_port: int = 0,
        trunks: Sequence[Trunk] = (),
    ) -> None:
        self.loop = asyncio.get_running_loop()
        self._door = Door(
            self, host=host, port=port, tcp=tcp, media_host=media_host, rtp_first_port=rtp_first_port
        )
        self._lines = Lines(self, trunks)
        self._legs = Legs(lambda: self._endpoint.beats if self._endpoint is not None else 0)
        self.on_invite: Callable[[Leg], None] | None = None
        """Called on the loop with each INVITE; without it every INVITE is refused."""
        self.admit: Callable[[Incoming], tuple[int, Mapping[str, str]] | None] = lambda _incoming: None
        """Called on the SIP thread: None lets a call in, a status and headers refuse it at once."""
        self.on_full: Callable[[Incoming], None] = lambda _incoming: None
        """Called on the SIP thread with each call that finds its trunk's lines taken; waits for nothing."""
        self.retry_after: Callable[[], int] = lambda: 0
        """Called on the SIP thread at every beat: in how many seconds to try again, what OPTIONS tells; 0: now."""
        self.on_unwelcome: Callable[[Unwelcome], None] = lambda _unwelcome: None
        """Called on the loop every second: whose requests got no answer."""
        self._rules = Rules()
        self._endpoint: Endpoint | None = None
        self._clock: pj.PcmPort | None = None  # nobody transmits to it: it only counts the bridge's ticks
        self._tending: asyncio.TimerHandle | None = None  # only while a call is over and not gone
        self._looking: asyncio.TimerHandle | None = None
        self._log = StackLog()

    @property
    def listens(self) -> bool:
        """Whether the transports are open."""
        return self._door.is_open

    @property
    def address(self) -> str:
        """``host:port`` a caller on this machine can dial."""
        return self._door.address

    @property
    def standings(self) -> tuple[Standing, ...]:
        """How each trunk stands."""
        return self._lines.standings

    @property
    def beats(self) -> tuple[int, int]:
        """How often the SIP worker's own timer (four times a second) and the audio clock have come round.

        Each grows as long as its thread works, and the first only while the stack's lock can be had: without it the
        worker would hang at the next message.
        """
        if self._endpoint is None or self._clock is None:
            return (0, 0)
        return self._endpoint.beats, self._clock.rxFrames()

    @staticmethod
    def native_objects() -> dict[str, int]:
        """What is alive in the stack, by kind; for the meaning see native/media/live_objects.hpp."""
        alive = pj.liveObjects()
        return {
            "calls": alive.calls,
            "stack_calls": alive.stackCalls,
            "recordings": alive.recordings,
            "taps": alive.taps,
            "pcm_ports": alive.pcmPorts,
            "prompt_ports": alive.promptPorts,
            "strays": alive.strays,
        }

    def start(self, *, max_calls: int) -> None:
        """Open the transports, for so many calls with media at once.

        Raises SipError, with what to change, when the port is taken.
        """
        endpoint = self._endpoint = Endpoint(
            lambda: self.retry_after(),  # noqa: PLW0108 - it may be set later
            self._lines.select if self._lines else None,
        )
        endpoint.libCreate()
        config = endpoint_config(max_calls, self._log)
        if self.on_invite is not None:
            # A stranger's Contact, Route or Via may name a host: the stack's own resolver does not wait for the
            # name server. Without it the stack knows addresses only.
            for address in name_servers():
                config.uaConfig.nameserver.append(address)
        endpoint.libInit(config)
        pj.guardSources()
        set_rules(self._rules)
        pj.guardStreams()
        pj.guardRequests()
        pj.takeInfoKeys()
        pj.takeReferrals()
        pj.watchCalls()
        pj.DuplexTap.share(_WAITING_BYTES)
        endpoint.audDevManager().setNullDev()
        self._clock = pj.PcmPort()
        self._clock.createPort("clock", CLOCK_RATE, FRAME_MS, FRAME_MS)
        self._door.listen(endpoint)
        endpoint.libStart()
        endpoint.beat()
        for codec in endpoint.codecEnum2():
            name = codec.codecId.split("/")[0]
            endpoint.codecSetPriority(codec.codecId, _CODECS.get(name, int(name in self._lines.codecs)))
        self._door.open(max_calls)
        self._lines.open(endpoint, self._door)
        self._look()

    def dial(
        self,
        uri: str,
        *,
        caller: str,
        tcp: bool = False,
        headers: Mapping[str, str] = MappingProxyType({}),
        trunk: str = "",
        live: bool = False,
    ) -> Leg:
        """Call a SIP URI as ``caller`` (a number, or "" for anonymous); the leg's callbacks tell the rest.

        With ``trunk``, the name of one, it goes out there, as its address of record where it has one; ``uri`` may then
        be a bare number. ``live``: what is said comes from a microphone, by `Leg.speak`. Raises SipError.
        """
        line = self._lines.named(trunk) if trunk else None
        account = line or self._door.account_for(uri)
        target = line.target(uri) if line is not None else f"{uri};transport=tcp" if tcp else uri
        identity = f"sip:{caller}@{self.address}" if caller else "sip:anonymous@anonymous.invalid"
        call = StackCall(account, self, pj.PJSUA_INVALID_ID, account.codecs, live=live)
        leg = self._attach(call, None)
        prm = call_parameters()
        prm.txOption.localUri = f"<{line.identity(caller) if line is not None else identity}>"
        prm.txOption.headers = header_vector(headers)
        try:
            if line is not None:
                line.enter(call)
            attempt(f"call {uri}", lambda: call.makeCall(target, prm))
        except SipError:
            call.bury()
            raise
        with contextlib.suppress(pj.Error):  # refused before we could look: `on_ended` tells
            leg.sip_call_id = call.getInfo().callIdString
        return leg

    def guard(self, rules: Rules) -> None:
        """At any time: take requests by these rules from now on, or from the start. Raises SipError."""
        self._rules = rules
        if self._endpoint is not None:
            set_rules(rules)

    async def stop(self) -> None:
        """Hang up what is left, close everything, and leave no pjsua2 object behind."""
        if self._endpoint is None:
            return
        legs = self._legs.legs()
        for leg in legs:
            leg.hang_up()
        if legs:
            await asyncio.wait([leg.closed for leg in legs], timeout=_STOP_SECONDS)
        self._lines.shut()
        self._door.shut()
        self._endpoint.libDestroy()
        self._legs.end()
        for timer in (self._looking, self._tending):
            if timer is not None:
                timer.cancel()
        destroy(self._clock)
        self._lines.destroy()
        self._door.destroy()
        destroy(self._endpoint)
        self._clock = self._endpoint = None

    def post(self, function: Callable[[], None]) -> None:
        """Thread door: run ``function`` on the event loop."""
        with contextlib.suppress(RuntimeError):  # the loop is closed: the process is ending
            self.loop.call_soon_threadsafe(function)

    def bury(self, call: StackCall) -> None:
        """Loop: end what is left of a call that is over and has left the bridge."""
        self._lines.leave(call)
        self._legs.bury(call)
        if self._tending is None:
            self._tending = self.loop.call_later(_TEND_SECONDS, self._tend)

    def _tend(self) -> None:
        self._tending = self.loop.call_later(_TEND_SECONDS, self._tend)
        if not self._legs.tend():
            self._tending.cancel()
            self._tending = None

    def _look(self) -> None:
        self._looking = self.loop.call_later(_LOOK_SECONDS, self._look)
        self._legs.look()
        self._lines.tend()
        self.on_unwelcome(take_unwelcome())

    def _attach(self, call: StackCall, incoming: Incoming | None) -> Leg:
        leg = call.leg = Leg(call, incoming, self.post, self.loop.create_future())
        self._legs.hold(call, leg)
        return leg

    def invited(self, call: StackCall, account: Account, message: str, source: str) -> None:
        """SIP callback: an INVITE has come; refuse it here or hand it to the loop."""
        trunk = account.trunk
        incoming = (
            read_invite(message, source)
            if trunk is None
            else read_invite(message, source, trunk.name, trunk.believes)
        )
        leg = self._attach(call, incoming)
        leg.transfers = trunk.transfers if trunk is not None else leg.transfers
        if self._lines and not self._lines.let_in(account, call):
            if trunk is None:
                leg.refuse(403)
            else:
                self.on_full(incoming)
                leg.refuse(503, {"Retry-After": str(self.retry_after() or _RETRY_SECONDS)})
            return
        on_invite = self.on_invite
        if on_invite is None:
            leg.refuse(480)
            return
        refusal = self.admit(incoming)
        if refusal is not None:
            leg.refuse(*refusal)
        else:
            self.post(lambda: on_invite(leg))

    def drop(self, call: StackCall) -> None:
        """SIP callback: refuse a call whose INVITE could not be taken, as broken as it may be; never raises."""
        leg = self._legs.find(call) or self._attach(call, None)
        try:
            leg.refuse(500)
        except SipError:
            leg.hang_up()
