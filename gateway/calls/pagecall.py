"""One call that an agent makes from the page (回拨): his own telephone, then the citizen's, then both talk."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

from gateway.calls.attempt import render
from gateway.calls.pagetalk import PROMPT_SECONDS, Ended, Talk, entertain
from gateway.calls.target_line import TargetLine
from gateway.sip.fault import SipError
from ivr.actions import Prompt
from recordings.agentcalls import Outcome, Stage

if TYPE_CHECKING:
    from collections.abc import Callable

    from gateway.calls.pagetalk import Desk
    from gateway.prompts.book import Rendered
    from recordings.agentcalls import AgentCall

_WAIT: Final = Prompt("agent_call")
_MUSIC: Final = Prompt("hold_music")
_DECLINED: Final = "603"


class PageCall:
    """Makes one call; ``reach`` is told how far it has come, and must not wait."""

    def __init__(self, wanted: AgentCall, desk: Desk, reach: Callable[[Stage], None]) -> None:
        self._wanted, self._desk, self._reach = wanted, desk, reach
        self._lines: list[TargetLine] = []
        self._is_cut = False

    @property
    def is_talking(self) -> bool:
        """Whether the citizen's telephone has been called, too: what follows is worth waiting for."""
        return len(self._lines) > 1

    def cut(self) -> None:
        """The gateway ends: so does the call."""
        self._is_cut = True
        for line in self._lines:
            line.hang_up("gateway")

    async def run(self) -> Ended:
        """Call one, then the other, and stay until they part."""
        try:
            ended = await self._call()
        except SipError:
            ended = Ended(Outcome.FAILED, "not sent")
        finally:
            for line in self._lines:
                line.hang_up("gateway")
        talked = ended.outcome is Outcome.TALKED
        return ended._replace(outcome=Outcome.CUT) if self._is_cut and not talked else ended

    def _dial(self, number: str) -> TargetLine:
        line = TargetLine(self._desk.dial(number))
        self._lines.append(line)
        if self._is_cut:
            line.hang_up("gateway")
        return line

    async def _call(self) -> Ended:
        desk, agent = self._desk, self._dial(self._wanted.extension)
        if not await agent.is_answered(desk.ring_seconds):
            return Ended(Outcome.AGENT_AWAY, agent.ending()[1])
        told = await render(desk.prompts, _WAIT)
        if told is not None:
            await agent.hears(told.sound, PROMPT_SECONDS)
        if agent.has_ended:  # nobody is called for one who has gone
            return Ended(Outcome.AGENT_LEFT, agent.ending()[1])
        self._reach(Stage.CITIZEN)
        music = await render(desk.prompts, _MUSIC)
        citizen = self._dial(self._wanted.number)
        if not await self._rings(agent, citizen, music):
            return _tell_refusal(agent, citizen)
        journal = desk.begin(self._wanted.call_id)
        try:
            talked = await Talk(self._wanted, desk, journal, agent, citizen, music).run(self._reach)
            return talked or _tell_refusal(agent, citizen)
        finally:
            citizen.hang_up("gateway")
            journal.close()
            desk.house.board.close(self._wanted.call_id)
            desk.file(journal.folder)

    async def _rings(self, agent: TargetLine, citizen: TargetLine, music: Rendered | None) -> bool:
        """Whether he answers in time; until then the agent has music, or hears what comes from his side before it."""
        entertain(agent.leg, music, wanted=True)
        early = asyncio.create_task(_let_hear(agent, citizen))
        try:
            await agent.comes_first(citizen.is_answered(self._desk.ring_seconds))
            return not agent.has_ended and await citizen.is_answered(0)
        finally:
            early.cancel()
            agent.leg.unbridge()
            entertain(agent.leg, music, wanted=False)


async def _let_hear(agent: TargetLine, citizen: TargetLine) -> None:
    await citizen.sends()
    agent.leg.stop_playing()
    agent.leg.bridge(citizen.leg, both=False)


def _tell_refusal(agent: TargetLine, citizen: TargetLine) -> Ended:
    """Why it has not come to a talk."""
    (by, why), refusal, (_, cause) = agent.ending(), citizen.refusal(), citizen.ending()
    if agent.has_ended and by in {"target", "lost"}:  # and was not hung up because the citizen had gone
        return Ended(Outcome.AGENT_LEFT, why)
    if refusal == "busy":
        return Ended(Outcome.DECLINED if cause.startswith(_DECLINED) else Outcome.BUSY, cause)
    return Ended(Outcome.NO_ANSWER if refusal == "no_answer" else Outcome.FAILED, cause)
