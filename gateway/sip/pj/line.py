"""One trunk in the stack: its account, its registration, the other side's signs of life, and its calls."""

from __future__ import annotations

import contextlib
import logging
import time
from typing import TYPE_CHECKING

import pjsua2 as pj

from gateway.sip.fault import SipError
from gateway.sip.header import printable
from gateway.sip.pj.common import attempt, sip_callback
from gateway.sip.pj.door import Account
from gateway.sip.pj.trunk_config import account_config
from gateway.sip.trunk import Standing, Trunk, in_uri

if TYPE_CHECKING:
    from gateway.sip.pj.channel import StackCall
    from gateway.sip.pj.door import Host

log = logging.getLogger(__name__)

_SOON_SECONDS = 5.0  # until a registration is tried again that nobody answered, or that is for a moment only
_LATER_SECONDS = 60.0  # one that was refused: who tries a wrong password too often is locked out
_PATIENCE_SECONDS = 4.0  # for the answer to OPTIONS
_REFUSED = range(400, 500)
_TIMEOUTS = (408, 480)  # among them, what passes
_NO_ANSWER = (408, 503)  # to OPTIONS: what the stack says for nobody, and what a full or ending server says


class Line(Account):
    """One trunk's account. Counts its calls, and knows whether it is registered and reachable."""

    def __init__(self, agent: Host, trunk: Trunk) -> None:
        super().__init__(agent)
        self._trunk = trunk
        self.codecs = trunk.codecs
        self.calls: set[StackCall] = set()
        self._registered = False if trunk.registration is not None else None
        self._reachable: bool | None = None
        self._reason = "no answer yet"
        self._tried_at = self._asked_at = self._good_until = 0.0
        self._try_after = 0.0
        self._asking = self._registering = False

    @property
    def trunk(self) -> Trunk:
        """Whose it is."""
        return self._trunk

    @property
    def standing(self) -> Standing:
        """How it stands now; any thread."""
        reason = self._reason if self._registered is False or self._reachable is False else ""
        trunk = self._trunk
        registered, reachable = self._registered, self._reachable
        return Standing(
            trunk.name, trunk.transport, registered, reachable, reason, len(self.calls), trunk.cap
        )

    def target(self, called: str) -> str:
        """The SIP URI to call this number, or URI, by this trunk; raises SipError when nobody is there to call."""
        if called.startswith(("sip:", "sips:")):
            return called if ";transport=" in called else f"{called}{self._trunk.suffix}"
        if not self._trunk.destination:
            raise SipError(f"call {called}: the trunk {self._trunk.name} has no address: set trunks.address")
        return f"sip:{called}@{self._trunk.destination}{self._trunk.suffix}"

    def identity(self, caller: str) -> str:
        """Who calls: the address of record, which a registrar knows us by; without one the number, or nobody."""
        trunk = self._trunk
        if trunk.registration is not None:
            return trunk.identity
        return (
            f"sip:{caller}@{in_uri(trunk.advertised)}:{trunk.port}"
            if caller
            else "sip:anonymous@anonymous.invalid"
        )

    def enter(self, call: StackCall) -> None:
        """Count a call of this trunk until it leaves; raises SipError when the trunk is full."""
        if len(self.calls) >= self._trunk.cap:
            raise SipError(f"the trunk {self._trunk.name} is full: {self._trunk.cap} calls")
        self.calls.add(call)

    def open(self, transport: int) -> None:
        """Take calls, and begin to register; the stack has started."""
        attempt(f"trunk {self._trunk.name}", lambda: self.create(account_config(self._trunk, transport)))
        self._tried_at = time.monotonic()
        self._try_after = _SOON_SECONDS

    def tend(self) -> None:
        """Loop, every second: register again what is not registered, and ask for the next sign of life."""
        now = time.monotonic()
        if self._registered and now > self._good_until:
            self._tell_registered(registered=False, reason="expired, the registrar does not answer")
        if self._registered is False and not self._registering and now - self._tried_at > self._try_after:
            self._register(now)
        if not self._trunk.options_seconds:
            return
        if self._asking and now - self._asked_at > _PATIENCE_SECONDS:
            self._asking = False
            self._tell_reachable(reachable=False, reason="no answer to OPTIONS")
        if not self._asking and now - self._asked_at > self._trunk.options_seconds:
            self._ask(now)

    def _register(self, now: float) -> None:
        if self._registering:
            return
        self._tried_at = now
        with contextlib.suppress(pj.Error):  # the stack has just begun by itself
            self.setRegistration(True)

    def _ask(self, now: float) -> None:
        self._asked_at, self._asking = now, True
        prm = pj.SendRequestParam()
        prm.method = "OPTIONS"
        prm.txOption.targetUri = f"sip:{self._trunk.destination}{self._trunk.suffix}"
        try:
            self.sendRequest(prm)
        except pj.Error as error:
            self._asking = False
            self._tell_reachable(reachable=False, reason=error.reason)

    @sip_callback
    def onRegStarted(self, _prm: pj.OnRegStartedParam) -> None:  # noqa: N802 - pjsua2's name
        """REGISTER is on its way."""
        self._registering = True

    @sip_callback
    def onRegState(self, prm: pj.OnRegStateParam) -> None:  # noqa: N802 - pjsua2's name
        """The registrar has answered, or has not."""
        self._registering = False
        self._good_until = time.monotonic() + prm.expiration
        registered = prm.code // 100 == 2 and prm.expiration > 0  # noqa: PLR2004 - SIP's class of success
        refused = prm.code in _REFUSED and prm.code not in _TIMEOUTS
        self._try_after = _LATER_SECONDS if refused else _SOON_SECONDS
        code, reason = prm.code, printable(prm.reason)
        self._agent.post(lambda: self._tell_registered(registered=registered, reason=f"{code} {reason}"))

    @sip_callback
    def onSendRequest(self, prm: pj.OnSendRequestParam) -> None:  # noqa: N802 - pjsua2's name
        """OPTIONS was answered; any answer but that of a server that is full, or of nobody, is a sign of life."""
        transaction = prm.e.body.tsxState.tsx
        code, reason = transaction.statusCode, printable(transaction.statusText)
        if code < 200:  # noqa: PLR2004 - SIP's first final answer
            return
        self._agent.post(lambda: self._answered(code, reason))

    def _answered(self, code: int, reason: str) -> None:
        self._asking = False
        returned = self._reachable is False and code not in _NO_ANSWER
        self._tell_reachable(reachable=code not in _NO_ANSWER, reason=f"{code} {reason}")
        if returned and self._registered is not None:
            self._register(time.monotonic())  # a registrar that was away may have forgotten us

    def _tell_registered(self, *, registered: bool, reason: str) -> None:
        before, self._registered, self._reason = self._registered, registered, reason
        if registered != before:
            self._tell("registered" if registered else "registration lost", lost=not registered)
        elif not registered:
            log.warning("a trunk is not registered", extra={"trunk": self._trunk.name, "reason": reason})

    def _tell_reachable(self, *, reachable: bool, reason: str) -> None:
        before, self._reachable = self._reachable, reachable
        if not reachable and self._registered is not False:
            self._reason = reason
        if reachable != before and not (reachable and before is None):
            self._tell("answers again" if reachable else "no sign of life", lost=not reachable)

    def _tell(self, what: str, *, lost: bool) -> None:
        level = logging.WARNING if lost else logging.INFO
        extra = {"trunk": self._trunk.name} | ({"reason": self._reason} if lost else {})
        log.log(level, "trunk: %s", what, extra=extra)
