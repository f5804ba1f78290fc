"""Scripted calls over real SIP and RTP: the driver between a conversation and a leg."""

from __future__ import annotations

import asyncio
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final

from gateway.caller.conversation import Act, Conversation, HangUp, PressKeys, Speak
from gateway.caller.memory import Memory
from gateway.caller.rehearsal import Rehearsal, rehearse
from gateway.caller.result import CallResult
from gateway.sip.fault import SipError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from config.script import Script
    from gateway.sip.ended import Ended, HungUpBy
    from gateway.sip.leg import Leg
    from gateway.sip.pj import UserAgent

_TICK: Final = 0.04
_ANSWER_SECONDS: Final = 40.0  # SIP's own timeout for an INVITE nobody answers is 32 s
_HERE: Final = Path()
# A leg tells from the gateway's point of view: there "gateway" is this end.
_BY: Final[dict[HungUpBy, HungUpBy]] = {"gateway": "caller", "caller": "gateway", "lost": "lost"}


async def run_call(
    agent: UserAgent,
    target: str,
    script: Script,
    *,
    folder: Path,
    base: Path = _HERE,
    record: Path | None = None,
    tcp: bool = False,
) -> CallResult:
    """Call ``target`` (``sip:12345@HOST:PORT``; without a user part: the script's ``called``), follow the script.

    ``folder`` keeps what is said as sound files, ``base`` is where the script's own sound files are found.
    ``record`` gets a stereo WAV: left what we said, right what we heard. Raises VoiceError or SoundError when
    something cannot be said, SipError when the target cannot be dialled; what happens later is in the result.
    """
    rehearsal = await rehearse(script, folder=folder, base=base)
    return await _Caller(agent, target, rehearsal, record).call(tcp=tcp)


async def run_calls(
    agent: UserAgent,
    target: str,
    scripts: Sequence[Script],
    *,
    folder: Path,
    base: Path = _HERE,
    tcp: bool = False,
) -> tuple[CallResult, ...]:
    """Place all these calls at once, after everything in them is ready to be said; otherwise like ``run_call``."""
    rehearsals = [await rehearse(script, folder=folder, base=base) for script in scripts]
    callers = [_Caller(agent, target, rehearsal, None) for rehearsal in rehearsals]
    return tuple(await asyncio.gather(*(caller.call(tcp=tcp) for caller in callers)))


class _Caller:
    """One call in the making."""

    def __init__(self, agent: UserAgent, target: str, rehearsal: Rehearsal, record: Path | None) -> None:
        self._agent, self._rehearsal, self._record = agent, rehearsal, record
        self._target = re.sub(r"^(sips?:)(?!.*@)", rf"\g<1>{rehearsal.script.called}@", target)
        self._conversation = Conversation(rehearsal.script, rehearsal.seconds)
        self._memory = Memory()
        self._loop = asyncio.get_running_loop()
        self._answered: asyncio.Future[float] = self._loop.create_future()
        self._ended: asyncio.Future[Ended] = self._loop.create_future()
        self._ended_at: datetime | None = None

    async def call(self, *, tcp: bool) -> CallResult:
        dialled_at, start = datetime.now(UTC), self._loop.time()
        script = self._rehearsal.script
        first = script.forwarded_from
        headers = {"Diversion": f"<sip:{first}@{self._agent.address}>;reason=unconditional"} if first else {}
        leg = self._agent.dial(self._target, caller=script.caller, tcp=tcp, headers=headers)
        leg.on_confirmed = lambda: self._answered.set_result(1000 * (self._loop.time() - start))
        leg.on_ended = lambda ended: self._end(leg, ended)
        turning_points = (self._answered, self._ended)
        await asyncio.wait(turning_points, timeout=_ANSWER_SECONDS, return_when=asyncio.FIRST_COMPLETED)
        if not self._answered.done():
            self._hang_up(leg)
        while not self._ended.done():
            if self._answered.done():
                self._converse(leg)
            await asyncio.wait((self._ended,), timeout=_TICK)
        await leg.closed
        if self._record:
            await asyncio.to_thread(self._memory.write, self._record)
        return self._tell(leg, dialled_at)

    def _converse(self, leg: Leg) -> None:
        for act in self._conversation.advance(leg.media_seconds, self._hear(leg)):
            try:
                self._do(act, leg)
            except SipError:  # the other side has hung up: on_ended is on its way
                return

    def _do(self, act: Act, leg: Leg) -> None:
        match act:
            case Speak(step):
                sound = self._rehearsal.sounds[step]
                assert sound is not None  # noqa: S101 - every step that speaks was rehearsed
                leg.play(sound)
                self._memory.say(leg.media_seconds, sound)
            case PressKeys(keys):
                leg.press(keys)
            case HangUp():
                self._hang_up(leg)

    def _hear(self, leg: Leg) -> bytes:
        pcm = leg.read()
        if self._record:
            self._memory.hear(pcm)
        return pcm

    def _hang_up(self, leg: Leg) -> None:
        self._ended_at = self._ended_at or datetime.now(UTC)
        leg.hang_up()

    def _end(self, leg: Leg, ended: Ended) -> None:
        self._ended_at = self._ended_at or datetime.now(UTC)
        self._conversation.hung_up(_BY[ended.by], self._hear(leg))
        self._ended.set_result(ended)

    def _tell(self, leg: Leg, dialled_at: datetime) -> CallResult:
        ended = self._ended.result()
        answered = self._answered.result() if self._answered.done() else None
        return CallResult(
            script=self._rehearsal.script.name,
            target=self._target,
            sip_call_id=leg.sip_call_id,
            dialled_at=dialled_at,
            answered_ms=answered,
            status=ended.status,
            reason=ended.reason,
            retry_after=ended.retry_after,
            hung_up_by=_BY[ended.by],
            ended_at=self._ended_at or dialled_at,
            media_seconds=ended.media_seconds,
            said=self._conversation.said,
            heard=self._conversation.heard,
            pressed=self._conversation.pressed,
            failure=self._conversation.failure
            if answered is not None
            else f"not answered: {ended.status} {ended.reason}",
        )
