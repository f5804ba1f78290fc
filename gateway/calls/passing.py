"""What a call does with the dialogue's wish for a person, one at a time, and for alarm: beside all else of the call."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from gateway.calls.attempt import Wish
from gateway.calls.connecting import Connecting
from gateway.calls.errand import Errand
from gateway.calls.third import Bounds
from gateway.site import metrics
from ivr.actions import Alert, Connect, Part
from ivr.events import Parted, Refused
from recordings.entries import Alarm
from recordings.journal import JournalError

if TYPE_CHECKING:
    from collections.abc import Callable

    from gateway.calls.attempt import Party
    from gateway.calls.beside import Beside
    from gateway.calls.house import House
    from gateway.calls.numbering import Numbering
    from gateway.calls.target_line import By
    from ivr.events import Event
    from ivr.hotline import Hotline

log = logging.getLogger(__name__)

_NUMBER_SECONDS: Final = (
    0.5  # how long a target is called later for the sake of the ticket's number; never in danger
)


class Passing:
    """Passes one call on. ``fail`` gets what keeps the journal from being written."""

    def __init__(
        self,
        house: House,
        hotline: Hotline,
        party: Party,
        numbering: Numbering,
        beside: Beside,
        fail: Callable[[BaseException], None],
    ) -> None:
        self._house, self._hotline, self._party = house, hotline, party
        self._numbering, self._beside, self._fail = numbering, beside, fail
        self._connecting: Connecting | None = None
        self._task: asyncio.Task[None] | None = None  # the last wish
        self._tasks: set[asyncio.Task[None]] = set()  # and what is just ending of those before
        self._wish = -1  # the last one; they count from 0
        self._legs = 0
        self._over: Connecting | None = None  # the last one

    @property
    def is_handed_over(self) -> bool:
        """Whether the caller is with somebody else, without us."""
        return self._over is not None and self._over.is_handed_over

    @property
    def is_talking(self) -> bool:
        """Whether the caller talks with somebody."""
        return self._connecting is not None and self._connecting.is_talking

    def perform(self, action: Alert | Connect | Part) -> None:
        """Give alarm; or call the targets of a reason, one after the other, give that up, end the talk. Never waits."""
        if isinstance(action, Alert):
            self._party.scribe.note(Alarm(action.matter, action.risk, action.words))
            metrics.ALARMS.labels("words" if action.risk else "key").inc()
            self._house.file(self._party.scribe.folder)
        elif isinstance(action, Connect):
            self._end("gateway")
            self._wish = action.id
            task = self._task = asyncio.create_task(self._run(action), name=f"connect {action.reason}")
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        elif action.id == self._wish:
            self._end("gateway")

    def join(self, wish: int) -> None:
        """The dialogue has taken note that somebody is there: they hear each other."""
        if self._connecting is not None and self._connecting.id == wish:
            self._connecting.join()

    def press(self, key: str) -> bool:
        """Give a key to who the caller talks with; whether that is where it went, or was to go."""
        connecting = self._connecting
        if connecting is None or not connecting.is_talking:
            return False
        connecting.press(key)
        return True

    def hold(self) -> None:
        """The caller holds the line, or is back."""
        if self._connecting is not None:
            self._connecting.hold()

    def end(self, by: By) -> None:
        """The caller's line is down, ended by him or us: end whatever there is, at once."""
        self._end(by)

    async def close(self) -> None:
        """As `end`, and wait until the journal says so."""
        self._end("caller")
        if self._tasks:
            await asyncio.wait(self._tasks)

    def _end(self, by: By) -> None:
        connecting, self._connecting = self._connecting, None
        if connecting is not None:
            connecting.give_up(by)
        task, self._task = self._task, None
        if task is not None:  # once: what is to be learnt yet of a caller who was handed over, is
            task.cancel()

    async def _run(self, connect: Connect) -> None:
        errand = Errand(
            call_id=self._party.scribe.call_id,
            caller=self._party.leg.number,
            hotline=self._hotline,
            matter=connect.matter,
            number=self._numbering.given(connect.matter),
        )
        try:
            if not errand.number and self._wants_number(errand, connect.reason):
                number = self._beside.do(self._numbering.number(connect.matter))
                await asyncio.wait((number,), timeout=_NUMBER_SECONDS)
                if number.done():
                    errand = replace(errand, number=number.result() or "")
            bounds = Bounds(self._house.target_silence, self._house.longest_hold)
            wish = Wish(connect.id, connect.reason, errand, self._party, self._count)
            connecting = self._connecting = self._over = Connecting(wish, self._house.outgoing, bounds)
            await connecting.run()
        except (JournalError, OSError) as error:
            self._fail(error)
        except (
            Exception
        ):  # boundary, call task: whatever it was, the caller goes on, and must not wait for ever
            log.exception("passing the call on has failed")
            self._party.tell(self._give_up(connect))

    def _give_up(self, connect: Connect) -> Event:
        """What the dialogue is told when passing the call on has failed here."""
        connecting, now = self._connecting, self._party.now()
        if connecting is None or connecting.id != connect.id or connecting.connected_at is None:
            return Refused(now, connect.id, "failed")
        return Parted(now, connect.id, "lost", now - connecting.connected_at)

    def _wants_number(self, errand: Errand, reason: str) -> bool:
        """Whether a target is to know the ticket's number; in danger nobody waits for one."""
        if errand.danger or self._hotline.anonymous:
            return False
        return any(target.ticket == "ours" for target in self._hotline.targets.get(reason, ()))

    def _count(self) -> int:
        self._legs += 1
        return self._legs
