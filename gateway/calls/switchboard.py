"""The door: who is let in, one task per call, and a clean way out."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import secrets
import threading
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING

import structlog

from config.duty import Duty
from gateway.calls.access import keep_here
from gateway.calls.call import Call
from gateway.calls.dialogue import why_at_once
from gateway.calls.line_record import describe, tell_call
from gateway.calls.redirecting import redirect
from gateway.calls.scribe import Scribe
from gateway.calls.unacknowledged import OVERDUE_SECONDS, Unacknowledged
from gateway.sip.fault import SipError
from gateway.site import metrics
from recordings.entries import Claim
from recordings.entries import Incoming as Invited
from recordings.journal import JournalError
from tickets.number import CITY_TIME

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from gateway.calls.dialogue import Dialogue
    from gateway.calls.house import House
    from gateway.calls.outgoing import Outgoing
    from gateway.sip.incoming import Incoming
    from gateway.sip.leg import Leg
    from gateway.site.settings import Settings
    from ivr.hotline import Found
    from recordings.journals import Journals, JournalWriter

log = logging.getLogger(__name__)

_HANGUP_SECONDS = 8.0  # for a call that is cut short to be closed
_UNFINISHED_A_PLACE = (
    2  # calls that may be under way for each place in the cap, those that are only closed included
)

Refusal = tuple[int, "Mapping[str, str]"]


class Switchboard:
    """Admits calls up to the cap and runs each as one task.

    A place is taken from the INVITE until the line is down; what is still to be done for a call then (its last words,
    its recording, its journal) goes on beside the next ones, as many of them as there are places.
    """

    def __init__(
        self,
        settings: Settings,
        journals: Journals,
        house: House,
        dialogue: Dialogue,
        duty: Callable[[], Duty],
        closed: Callable[[Path], None],
    ) -> None:
        self._settings, self._journals, self._house = settings, journals, house
        self.dialogue = dialogue
        """What calls that come from now on are led by."""
        self._duty, self._closed = duty, closed
        self.lead: Callable[[Found, str], Found] = lambda found, _caller: found
        """Called with a call's line and calling number: how the line answers him."""
        self.refused: Callable[[Incoming], None] = lambda _incoming: None
        """Called, on any thread, with each call that is turned away; waits for nothing."""
        self._lock = threading.RLock()
        self._unacknowledged = Unacknowledged()
        self._lines = 0
        self._unfinished = 0
        self._left = asyncio.Event()
        self._draining = False
        self._calls: dict[asyncio.Task[None], Leg] = {}

    def lead_by(self, dialogue: Dialogue) -> None:
        """Lead the calls to come by this; those in progress keep what they have."""
        self.dialogue = dialogue

    @property
    def calls(self) -> int:
        """Lines that are up at this moment, those still ringing included, without what nobody acknowledges."""
        return self._lines - self._unacknowledged.placeless

    @property
    def unfinished(self) -> int:
        """Calls whose record is not closed yet: those of which the line is up, and those that are only finished."""
        return self._unfinished

    @property
    def cap(self) -> int:
        """Calls let in at once at most."""
        return self.dialogue.cap

    @property
    def outgoing(self) -> Outgoing:
        """The lines on which people are called."""
        return self._house.outgoing

    @property
    def trouble(self) -> str:
        """Why a call that came now would be refused; empty when it would be let in. Any thread."""
        return self._trouble_for("")

    def _trouble_for(self, source: str) -> str:
        if self._draining:
            return "draining: the gateway is stopping"
        with self._lock:
            full = self._lines >= self.cap
            if full and self._lines >= self.cap + self._unacknowledged.spare(source, self.cap):
                return f"full: {self.calls} calls of {self.cap}"
        if self._unfinished >= _UNFINISHED_A_PLACE * self.cap:
            return f"behind: {self._unfinished} calls are not finished, the disk may be slow"
        return ""

    @property
    def is_draining(self) -> bool:
        """Whether new calls are refused because the gateway is stopping."""
        return self._draining

    def is_probe(self, incoming: Incoming) -> bool:
        """Whether it is a call of `hotline probe`, no citizen's. Any thread."""
        return self._settings.probe.is_ours(incoming.caller)

    def admit(self, incoming: Incoming) -> Refusal | None:
        """SIP thread: None lets the call in; else the status and headers to refuse it with."""
        with self._lock:
            source = incoming.source
            if self._trouble_for(source) or self._unacknowledged.is_too_many(source, self.cap):
                self.refused(incoming)
                return self._refuse()
            self._unacknowledged.expect(source)
            self._lines += 1
            self._unfinished += 1
        return None

    def _refuse(self) -> Refusal:
        metrics.REFUSED.labels("503").inc()
        return 503, {"Retry-After": str(self._settings.sip.retry_after_seconds)}

    def take(self, leg: Leg) -> None:
        """Loop: run an admitted call."""
        leg.on_gone = partial(self._free, leg)
        with self._lock:
            self._unacknowledged.begin(leg)
        asyncio.get_running_loop().call_later(OVERDUE_SECONDS, self._look_for_ack, leg)
        task = asyncio.create_task(self._run(leg))
        self._calls[task] = leg
        task.add_done_callback(self._calls.pop)

    async def drain(self) -> None:
        """Refuse new calls, give those in progress ``sip.drain_seconds`` to end by themselves, then hang up."""
        with self._lock:
            self._draining = True
        if not self._unfinished:
            return
        log.info("draining", extra={"calls": self._unfinished})
        if await self._emptied(self._settings.sip.drain_seconds):
            return
        late = tuple(self._calls.values())
        for leg in late:
            # The dialogue takes it as any other hang-up: what was said becomes tickets.
            leg.hang_up()
        log.warning("calls cut short: %d", len(late))
        await self._emptied(_HANGUP_SECONDS)

    async def _emptied(self, seconds: float) -> bool:
        """Wait until every call that was let in is finished, at most so long; whether they all are."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                while self._unfinished:
                    self._left.clear()
                    await self._left.wait()
        return not self._unfinished

    def _look_for_ack(self, leg: Leg) -> None:
        """Loop, again and again until the ACK has come or the call is over: how long has it been waited for?"""
        with self._lock:
            if leg.ended is not None or leg.is_confirmed:
                self._unacknowledged.discard(leg)
                return
            if leg.is_answered:
                self._unacknowledged.add(leg)
        asyncio.get_running_loop().call_later(OVERDUE_SECONDS, self._look_for_ack, leg)

    def _free(self, leg: Leg) -> None:
        with self._lock:
            self._lines -= 1
            self._unacknowledged.discard(leg)

    def _leave(self) -> None:
        with self._lock:
            self._unfinished -= 1
        self._left.set()

    async def _run(self, leg: Leg) -> None:
        call_id = f"{datetime.now(UTC):%Y%m%dT%H%M%S}-{secrets.token_hex(4)}"
        structlog.contextvars.bind_contextvars(call_id=call_id)  # for this task and what it starts
        outcome = "failed"
        try:
            if self._draining:  # it was let in before
                self._turn_away(leg)
                outcome = "unanswered"
            else:
                outcome = await self._answer(leg, call_id)
        except Exception:  # boundary, call task: one call's trouble must not become another's
            log.exception("the call broke off")
            leg.hang_up()
        finally:
            metrics.CALLS.labels(outcome).inc()
            self._leave()

    def _turn_away(self, leg: Leg) -> None:
        if leg.incoming is not None:
            self.refused(leg.incoming)
        try:
            leg.refuse(*self._refuse())
        except SipError:  # the caller has gone by himself
            leg.hang_up()

    async def _answer(self, leg: Leg, call_id: str) -> str:
        """Run the call with its journal; its outcome."""
        incoming = leg.incoming
        assert incoming is not None  # noqa: S101 - only invited legs come here
        dialogue = self.dialogue
        found = dialogue.hotlines.find(incoming.dialled, datetime.now(CITY_TIME).date())
        led = self.lead(found, incoming.caller)
        barred, probed = led is not found, self.is_probe(incoming)
        duty = Duty() if probed else self._duty()
        at_once = "" if barred else why_at_once(dialogue, duty, found.hotline.number)
        found = keep_here(led) if probed else led
        hotline = found.hotline
        try:
            journal = await self._begin(call_id, incoming, found, at_once, barred=barred)
        except JournalError as error:
            log.error(  # noqa: TRY400 - the message says what, where, and what to do
                "no record can be begun, the call is refused: %s", error
            )
            self._turn_away(leg)
            return "failed"
        log.info("call", extra=tell_call(incoming, hotline.number) | {"at_once": at_once or None})
        if found.called is None:
            log.warning(
                "an unknown line was called, answered as the front door: list it in the hotlines file",
                extra={"called": incoming.called},
            )
        try:
            outcome = await redirect(leg, journal, self._house.board, hotline, at_once=bool(at_once))
            if not outcome:
                call = Call(leg, journal, self._house, hotline, dialogue.prompts, at_once=bool(at_once))
                outcome = await call.run(self._house.model())
            await journal.sync()
            log.info("call over", extra={"outcome": outcome})
        finally:
            journal.close()
            self._house.board.close(call_id)
            self._closed(journal.folder)
        return outcome

    async def _begin(
        self, call_id: str, incoming: Incoming, found: Found, at_once: str, *, barred: bool
    ) -> JournalWriter:
        """The call's journal, before anything is answered; raises JournalError.

        One that a disk which stands still has neither made nor refused by then follows: the caller may be in danger.
        """
        hotline = found.hotline
        journal = self._journals.begin(call_id)
        try:
            invited = Invited(
                call_id=call_id,
                sip_call_id=incoming.sip_call_id,
                caller=incoming.caller,
                called=incoming.called,
                hotline=hotline.number,
                line=describe(found),
                flow=hotline.flow.name,
                node=self._settings.node,
                at_once=at_once,
                trunk=incoming.trunk,
                claims=tuple(Claim(claim.header, claim.user) for claim in incoming.claims),
                barred=barred,
                test=self.is_probe(incoming),
            )
            Scribe(journal, self._house.board, anonymous=hotline.anonymous).note(invited)
            await journal.settle()
        except JournalError:
            journal.close()
            raise
        return journal
