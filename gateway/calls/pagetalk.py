"""What begins when the citizen answers a call that an agent makes from the page: both talk, and it is recorded."""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, NamedTuple

from gateway.calls.attempt import render
from gateway.calls.line_record import describe
from gateway.calls.reserve import Taping
from gateway.calls.scribe import Scribe
from gateway.calls.speaker import Speaker
from gateway.sip.fault import SipError
from gateway.site import metrics
from ivr.actions import Prompt
from ivr.hotline import Called, Found
from recordings import entries
from recordings.agentcalls import PURPOSE, UNWRITTEN, Outcome, Stage
from recordings.folders import AUDIO
from recordings.journal import JournalError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from gateway.calls.house import House
    from gateway.calls.target_line import TargetLine
    from gateway.prompts.book import PromptBook, Rendered
    from gateway.sip.leg import Leg
    from ivr.hotline import Hotline
    from recordings.agentcalls import AgentCall
    from recordings.entries import Entry
    from recordings.journals import JournalWriter

log = logging.getLogger(__name__)

PROMPT_SECONDS: Final = 10.0
"""The longest that either is told something."""

_ANNOUNCED: Final = Prompt("agent_call_recorded")
_UNTOLD: Final = "ended: who was called held the line while he was to be told of it"
_CLOSE_SECONDS: Final = 5.0  # for the line to go down, and the recording to be closed


class Ended(NamedTuple):
    """What has come of a call; ``cause`` is SIP's word for it, ``talked_s`` the seconds that both talked."""

    outcome: Outcome
    cause: str = ""
    talked_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Desk:
    """What such a call is made by: of the moment at which it is made.

    ``dial`` calls a number by the trunk of that name as ``shown``, and raises SipError; ``begin`` makes the journal of
    a call, ``file`` has it filed once it is closed. ``announce``: the citizen is told that the talk is recorded; where
    he cannot be, it is not.
    """

    dial: Callable[[str], Leg]
    begin: Callable[[str], JournalWriter]
    file: Callable[[Path], None]
    house: House
    hotline: Hotline
    prompts: PromptBook
    shown: str
    trunk: str
    node: int
    ring_seconds: float
    announce: bool


class Talk:
    """What begins with the citizen's answer: a call with a journal and a recording of its own, as any other.

    Two people talk, and nothing that is done follows from what is written: a disk that takes no more of the journal
    costs the recording, never the talk.
    """

    def __init__(
        self,
        wanted: AgentCall,
        desk: Desk,
        journal: JournalWriter,
        agent: TargetLine,
        citizen: TargetLine,
        music: Rendered | None,
    ) -> None:
        self._wanted, self._desk, self._agent, self._citizen = wanted, desk, agent, citizen
        self._journal, self._music = journal, music
        self._scribe = Scribe(journal, desk.house.board, anonymous=desk.hotline.anonymous)
        speaker = Speaker(citizen.leg, desk.prompts, self._scribe)
        short = desk.house.is_short_of_disk
        self._taping = Taping(citizen.leg, speaker, short, anonymous=desk.hotline.anonymous)
        self._loop = asyncio.get_running_loop()
        self._answered_at = self._loop.time()
        self._joined_at: float | None = None
        self._is_unwritten = False

    async def run(self, reach: Callable[[Stage], None]) -> Ended | None:
        """Until either hangs up; None: before they heard each other."""
        desk, leg, wanted = self._desk, self._citizen.leg, self._wanted
        announced = desk.announce and not wanted.discreet
        told = await render(desk.prompts, _ANNOUNCED) if announced else None
        file = self._taping.place(self._scribe.folder / AUDIO)
        called = Found(desk.hotline, Called(desk.shown, "to"))
        incoming = entries.Incoming(
            call_id=wanted.call_id,
            sip_call_id=leg.sip_call_id,
            caller=wanted.number,
            called=desk.shown,
            hotline=desk.hotline.number,
            line=describe(called),
            flow=PURPOSE,  # no dialogue leads it
            node=desk.node,
            trunk=desk.trunk,
        )
        self._note(incoming)
        self._note(entries.Placed(PURPOSE, wanted.ticket))
        try:
            await self._journal.settle()
        except JournalError as error:
            self._go_on(error)
        may_record = (told is not None or not desk.announce) and not self._is_unwritten
        recorded = file if may_record else None
        try:
            leg.answer(recorded)
        except SipError:  # he has gone again: it was a call all the same, and its journal is finished
            self._citizen.hang_up("gateway")
        self._answered_at = self._loop.time()
        self._note(entries.Answered())
        whom = entries.Dialled(
            leg=1,
            at=0.0,
            reason=PURPOSE,
            target=wanted.agent,
            uri=wanted.extension,
            sip_call_id=self._agent.leg.sip_call_id,
        )
        self._note(whom)
        desk.house.pump.join(self)
        try:
            await self._greet(told if recorded is not None else None)
            await self._join(reach)
        finally:
            desk.house.pump.leave(self)
            await self._close()
        if self._joined_at is None:
            return None
        cause = UNWRITTEN if self._is_unwritten else self._citizen.ending()[1]
        return Ended(Outcome.TALKED, cause, self._talked)

    def _note(self, entry: Entry) -> None:
        try:
            self._scribe.note(entry)
        except JournalError as error:
            self._go_on(error)

    def _go_on(self, error: JournalError) -> None:
        """The disk has refused what was told: nothing is recorded any more, whatever it takes later."""
        if not self._is_unwritten:
            self._is_unwritten = True
            metrics.RECORDING_TROUBLE.inc()
            self._citizen.leg.channel.stop_recording(UNWRITTEN)
            log.error(
                "an agent's talk is not written down, and recorded no more; who talks, talks on: %s. "
                "磁盘写不进,坐席通话不再录音和记录,通话不中断:请立即腾出空间。",
                error,
            )

    async def _greet(self, told: Rendered | None) -> None:
        """Tell the citizen what he is to know before anybody talks with him; the agent hears him from the answer on."""
        self._agent.leg.bridge(self._citizen.leg, both=False)
        if told is not None:
            leg = self._citizen.leg
            missed = [leg.is_held]
            leg.on_held = missed.append
            self._note(entries.Played(0, _ANNOUNCED.name, told.text, leg.media_seconds))
            await self._agent.comes_first(self._citizen.hears(told.sound, PROMPT_SECONDS))
            leg.stop_playing()
            if any(missed):
                leg.channel.stop_recording(_UNTOLD)
        self._agent.leg.unbridge()

    async def _join(self, reach: Callable[[Stage], None]) -> None:
        """Let them hear each other until either has gone."""
        agent, citizen, house = self._agent, self._citizen, self._desk.house
        if agent.has_ended or citizen.has_ended:
            return
        citizen.leg.bridge(agent.leg)
        self._joined_at = self._now()
        self._note(entries.LegAnswered(1, self._joined_at))
        reach(Stage.TALKING)
        self._mind_hold(citizen.leg, agent.leg)
        self._mind_hold(agent.leg, citizen.leg)
        talks = [
            asyncio.create_task(line.talks(house.target_silence, house.longest_hold))
            for line in (agent, citizen)
        ]
        try:
            await asyncio.wait(talks, timeout=house.bounds.longest, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in talks:
                task.cancel()
            for leg in (agent.leg, citizen.leg):
                leg.on_held = lambda _held: None

    def _mind_hold(self, leg: Leg, other: Leg) -> None:
        """Music for the other while this one holds the line: an agent may have done so while it rang."""
        leg.on_held = lambda held: entertain(other, self._music, wanted=held)
        if leg.is_held:
            entertain(other, self._music, wanted=True)

    async def _close(self) -> None:
        """Hang up, and finish the journal."""
        leg, agent = self._citizen.leg, self._agent
        agent.hang_up("caller" if self._citizen.has_ended else "gateway")
        by, cause = agent.ending()
        self._note(entries.LegEnded(1, self._now(), by, cause, self._talked))
        self._citizen.hang_up("gateway")
        await self._scribe.caught_up()
        await asyncio.wait((leg.closed,), timeout=_CLOSE_SECONDS)
        ended = leg.ended
        if ended is not None:
            told = f"{ended.status} {ended.reason}"
            self._note(entries.HungUp(ended.by, told, ended.media_seconds))
        trouble = "the recording could not be closed"
        if leg.closed.done():
            trouble, reception = leg.recording_trouble, leg.reception
            media = entries.Media(reception.packets, reception.lost, reception.jitter_seconds)
            self._note(media)
        if trouble:
            if not self._is_unwritten:
                metrics.RECORDING_TROUBLE.inc()
                log.error("recording incomplete: %s", trouble)
            self._note(entries.RecordingTrouble(trouble))
        self._note(entries.Finished())
        try:
            await self._journal.sync()
        except JournalError as error:
            self._go_on(error)

    @property
    def _talked(self) -> float:
        """For how long they have talked, in seconds."""
        return 0.0 if self._joined_at is None else self._over_at - self._joined_at

    @property
    def _over_at(self) -> float:
        """When the recording of the talk ended, by the same clock; while it goes on: now."""
        ended = self._citizen.leg.ended
        return max(self._joined_at or 0.0, ended.media_seconds) if ended is not None else self._now()

    def _now(self) -> float:
        return self._loop.time() - self._answered_at

    def tick(self) -> None:
        """Media pump: the recording ends once there is no room for it."""
        self._taping.look()

    def fail(self, error: Exception) -> None:
        """Media pump: it looks no more."""


def entertain(leg: Leg, music: Rendered | None, *, wanted: bool) -> None:
    """Music for who waits on this leg, or no more of it."""
    if not wanted:
        leg.stop_playing()
    elif music is not None and leg.ended is None:
        with suppress(SipError):  # it has just ended
            leg.play(music.sound, loop=True)
