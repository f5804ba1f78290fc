"""Calls that we place, as the settings say: by which trunk, as whom, and only while callers have lines enough.

Those of a list, led by a flow; and those that agents make from the page.
"""

from __future__ import annotations

import asyncio
import dataclasses
import logging
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, NamedTuple
from weakref import WeakKeyDictionary

from config.calendar import Calendar, read_calendar
from config.document import ConfigError
from gateway.calls.call import Call
from gateway.calls.callouts import Callouts
from gateway.calls.campaign import Campaign
from gateway.calls.line_record import describe
from gateway.calls.pagecall import PageCall
from gateway.calls.pagecalls import PageCalls
from gateway.calls.pagetalk import Desk
from gateway.calls.scribe import Scribe
from gateway.sip.fault import SipError
from gateway.sip.leg import Leg
from gateway.site import metrics
from ivr.hotline import Called, Found
from ivr.targets import make_hours
from recordings.entries import Incoming, Placed
from tickets.number import CITY_TIME

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from config.duty import Duty
    from gateway.calls.dialogue import Dialogue
    from gateway.calls.filer import Filer
    from gateway.calls.followed import Followed
    from gateway.calls.house import House
    from gateway.calls.switchboard import Switchboard
    from gateway.sip.pj import UserAgent
    from gateway.sip.trunk import Trunk
    from gateway.site.settings import Settings
    from ivr.hotline import Hotline
    from recordings.agentcalls import AgentCall, Stage
    from recordings.callouts import Callout
    from recordings.database import Database
    from recordings.journals import Journals

log = logging.getLogger(__name__)

_PROOF_SECONDS = 1.0  # in which a disk that works takes a write


def place_calls(
    settings: Settings,
    trunks: Sequence[Trunk],
    agent: UserAgent,
    switchboard: Switchboard,
    house: House,
    journals: Journals,
    db: Database,
    filer: Filer,
    duty: Followed[Duty],
) -> Placer:
    """Who places the calls of this gateway: none where its settings name no trunk of its own for them."""
    callback = settings.callback
    trunk = next((trunk for trunk in trunks if trunk.name == callback.trunk), None)
    placing = _Placing(settings, trunk, agent, switchboard, house, journals, filer, duty)
    look, rules = placing.may_look, rules_of(settings)
    return Placer(
        Callouts(db, settings.node, rules, placing.dial, placing.lead, placing.is_free, look),
        PageCalls(db, settings.node, placing.make, placing.has_room, look),
    )


def rules_of(settings: Settings) -> Campaign:
    """The rules by which calls are placed. A calendar that cannot be read is left out: the gateway has told of it."""
    try:
        calendar = read_calendar(settings.dialogue.calendar)
    except ConfigError:
        calendar = Calendar()
    callback = settings.callback
    return Campaign(
        tuple(make_hours(hours, calendar) for hours in callback.hours),
        callback.per_minute,
        callback.at_once,
        callback.ring_seconds,
        callback.busy_seconds,
        callback.no_answer_seconds,
        settings.sip.longest_call_seconds,
    )


class Placer(NamedTuple):
    """Who places calls: those of a list, and those that agents make."""

    callouts: Callouts
    agents: PageCalls

    async def run(self) -> None:
        """Place them until cancelled."""
        await asyncio.gather(self.callouts.run(), self.agents.run())

    async def stop(self, seconds: float) -> None:
        """Place no more, and let those under way end: see both."""
        await asyncio.gather(self.callouts.stop(seconds), self.agents.stop(seconds))


class _Placing:
    """Dials citizens and leads the calls that they answer."""

    def __init__(
        self,
        settings: Settings,
        trunk: Trunk | None,
        agent: UserAgent,
        switchboard: Switchboard,
        house: House,
        journals: Journals,
        filer: Filer,
        duty: Followed[Duty],
    ) -> None:
        self._settings, self._trunk, self._agent, self._switchboard = settings, trunk, agent, switchboard
        self._house, self._journals, self._filer, self._duty = house, journals, filer, duty
        self._dialogues = WeakKeyDictionary[Leg, "Dialogue"]()  # as they were when somebody was called

    async def may_look(self) -> bool:
        """Whether the disk moves: the database may lie on it, and who looks into it then can hold up all calls."""
        return await self._journals.moves(_PROOF_SECONDS)

    def is_free(self, callout: Callout | None) -> bool:
        """Whether a call may go out now without taking the last lines of those who call; ``callout``: this one."""
        dialogue = self._switchboard.dialogue
        if not dialogue.placed or dialogue.makeshift or not self._has_lines(0):
            return False
        if self._duty.value.order_for(dialogue.hotlines.front.number, datetime.now(UTC)):
            return False  # whose callers are to have people, calls nobody by machine
        if (
            self._house.model() is None or self._house.is_short_of_disk()
        ):  # he could not be heard, or not recorded
            return False
        return callout is None or (
            callout.kind in dialogue.placed and self._settings.callback.allows(callout.number)
        )

    def has_room(self, calls: int) -> bool:
        """Whether an agent may call now, who takes a line more than any other, while so many do."""
        return calls < self._settings.callback.agents_at_once and self._has_lines(1)

    def _has_lines(self, more: int) -> bool:
        """Whether those who call us have lines enough if one, and so many more, are taken now."""
        keep, board, trunk = self._settings.callback.keep_free + more, self._switchboard, self._trunk
        if trunk is None or board.trouble or board.calls + keep > board.cap:
            return False
        standing = next((s for s in self._agent.standings if s.name == trunk.name), None)
        return standing is not None and not standing.trouble and standing.calls + keep <= standing.cap

    def make(self, wanted: AgentCall, reach: Callable[[Stage], None]) -> PageCall:
        """The call that an agent wants; raises ValueError when it may not be made."""
        callback, dialogue = self._settings.callback, self._switchboard.dialogue
        if not callback.allows(wanted.number):
            raise ValueError("the number may not be called: see callback.numbers")
        if not callback.allows_extension(wanted.extension):
            raise ValueError("the agent's telephone may not be called: see callback.extensions")
        desk = Desk(
            self.dial,
            self._journals.begin,
            partial(self._filer.file, final=True),
            self._house,
            self._find_line(wanted.hotline),
            dialogue.prompts,
            callback.caller,
            callback.trunk,
            self._settings.node,
            callback.ring_seconds,
            callback.announce,
        )
        return PageCall(wanted, desk, reach)

    def _find_line(self, number: str) -> Hotline:
        """The line that the citizen had called; of one that is no more, whatever it was."""
        hotlines = self._switchboard.dialogue.hotlines
        today = hotlines.look_up(number, datetime.now(CITY_TIME).date())
        return today or next(reversed(hotlines.by_number.get(number, ())), hotlines.front)

    def dial(self, number: str) -> Leg:
        """Call a citizen as 12345; raises SipError."""
        if self._trunk is None:
            raise SipError(f"call {number}: calls are not placed here: set callback.trunk")
        shown = self._settings.callback.caller
        headers = {"P-Asserted-Identity": f"<{self._trunk.asserted(shown)}>"}
        leg = self._agent.dial(number, caller=shown, headers=headers, trunk=self._trunk.name)
        leg.number = number
        self._dialogues[leg] = self._switchboard.dialogue
        return leg

    async def lead(self, leg: Leg, callout: Callout) -> None:
        """Lead a call that was answered, with its journal, as any other; raises JournalError."""
        dialogue, shown = self._dialogues[leg], self._settings.callback.caller
        front = dialogue.hotlines.front
        hotline = dataclasses.replace(front, flow=dialogue.placed[callout.kind], openings={}, appeal=None)
        journal = self._journals.begin(callout.call_id)
        try:
            scribe = Scribe(journal, self._house.board, anonymous=hotline.anonymous)
            called = Incoming(
                call_id=callout.call_id,
                sip_call_id=leg.sip_call_id,
                caller=callout.number,
                called=shown,
                hotline=hotline.number,
                line=describe(Found(hotline, Called(shown, "to"))),
                flow=hotline.flow.name,
                node=self._settings.node,
                trunk=self._settings.callback.trunk,
            )
            scribe.note(called)
            scribe.note(Placed(callout.kind, callout.ticket))
            await journal.settle()
            call = Call(leg, journal, self._house, hotline, dialogue.prompts, ticket=callout.ticket)
            outcome = await call.run(self._house.model())
            await journal.sync()
            metrics.CALLS.labels(outcome).inc()
            log.info("call over", extra={"outcome": outcome})
        finally:
            leg.hang_up()
            journal.close()
            self._house.board.close(callout.call_id)
            self._filer.file(journal.folder, final=True)
