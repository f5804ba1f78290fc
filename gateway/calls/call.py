"""One answered call: drives the dialogue, writes the journal before each effect, and ends as filed matters."""

from __future__ import annotations

import asyncio
import logging
from contextvars import copy_context
from datetime import datetime
from typing import TYPE_CHECKING

from gateway.calls.attempt import Party
from gateway.calls.beside import Beside
from gateway.calls.bounds import Watch
from gateway.calls.dialogue import begin
from gateway.calls.ending import Ending
from gateway.calls.hold import Hold
from gateway.calls.inquiring import Inquiring
from gateway.calls.listener import Listener
from gateway.calls.numbering import Numbering
from gateway.calls.passing import Passing
from gateway.calls.presence import Presence
from gateway.calls.reserve import Taping
from gateway.calls.scribe import Scribe
from gateway.calls.speaker import Speaker
from gateway.calls.waiting import Waiting
from gateway.sip.fault import SipError
from gateway.site import metrics
from ivr import actions, events
from ivr.machine import advance
from recordings import entries
from recordings.folders import AUDIO
from recordings.journal import JournalError
from tickets.entries import note_event, note_news
from tickets.lookup import answer
from tickets.number import CITY_TIME

if TYPE_CHECKING:
    from asr.transcript import ModelFingerprint
    from gateway.calls.house import House
    from gateway.prompts.book import PromptBook
    from gateway.sip.ended import Ended
    from gateway.sip.leg import Leg
    from ivr.actions import Action
    from ivr.events import Event
    from ivr.hotline import Hotline
    from ivr.matter import Matter
    from recordings.journals import JournalWriter

log = logging.getLogger(__name__)

_CLOSE_SECONDS = 5.0  # for the line to go down, the recording to be closed, a number to be written


class Call:
    """One call from the answer to the end of its journal."""

    def __init__(
        self,
        leg: Leg,
        journal: JournalWriter,
        house: House,
        hotline: Hotline,
        prompts: PromptBook,
        *,
        at_once: bool = False,
        ticket: str = "",
    ) -> None:
        self._leg, self._house, self._flow, self._hotline = leg, house, hotline.flow, hotline
        self._loop = loop = asyncio.get_running_loop()
        self._answered_at, self._hold = loop.time(), Hold(loop.time)
        self._events, self._beside = Waiting(), Beside()
        self._state = begin(hotline, house, at_once=at_once, ticket=ticket)
        self._scribe = Scribe(journal, house.board, anonymous=hotline.anonymous)
        journal.on_error = self.fail
        self._speaker = Speaker(leg, prompts, self._scribe)
        self._taping = Taping(leg, self._speaker, house.is_short_of_disk, anonymous=hotline.anonymous)
        self._listener = Listener(
            house.asr,
            self._scribe,
            self._events.put_nowait,
            self.fail,
            self._now,
            lambda: self._state.question,
            *(self._speaker.sounded, house.least, hotline.flow.words),
        )
        self._presence = Presence(house.model, self._scribe)
        self._numbering = Numbering(house.numbers, self._scribe)
        self._found: events.LookedUp | None = None  # what the event being taken asked for
        tell = self._events.put_nowait
        self._inquiring = Inquiring(house.inquire, self._scribe, self._beside, tell, self._now)
        party = Party(leg, self._speaker, prompts, self._scribe, tell, self._now)
        self._passing = Passing(house, hotline, party, self._numbering, self._beside, self.fail)
        self._ending = Ending(self._scribe, Watch(house.bounds, lambda: leg.has_sent), self._is_talking)

    async def run(self, model: ModelFingerprint | None) -> str:
        """Answer, unless we have called; hold the dialogue; close the journal; returns who ended it, or "unanswered".

        ``model`` None: nobody can listen right now. However it ends, an answered call is hung up, its recording
        closed, and its journal ``finished``, unless the journal itself cannot be written any more (JournalError).
        """
        leg, context = self._leg, copy_context()
        leg.on_digit = self._press
        leg.on_held = lambda held: context.run(self._held, held=held)
        leg.on_ended = lambda ended: context.run(self._ended, ended)
        leg.on_confirmed = lambda: self._ending.watch.confirm(self._now())
        leg.on_media = lambda: self._ending.watch.hear(self._now())
        if model is None:
            self._listener.go_deaf("speech recognition was out of reach when the call came", 0.0, "away")
        self._presence.begin(model)
        try:
            leg.answer(self._taping.place(self._scribe.folder / AUDIO))
        except SipError as error:
            await self._miss(error)
            return "unanswered"
        try:
            self._answered_at = self._loop.time()
            if leg.incoming is None:  # whom we have called has answered before
                self._ending.watch.stand(self._now(), audible=leg.is_audible)
            else:
                metrics.SETUP.observe(self._answered_at - leg.began)
            self._scribe.note(entries.Answered())
            self._beside.do(self._scribe.sync())
            self._house.pump.join(self)
            await self._take(events.Answered(0.0, leg.number, self._hotline.number, hears=model is not None))
            while not self._state.ended:
                await self._take(await self._next())
        finally:
            await self._close()
        return leg.ended.by if leg.ended else "gateway"

    async def _miss(self, error: SipError) -> None:
        """The caller has gone, or offers no media that works: there was no call."""
        log.info("not answered: %s", error)
        if self._leg.ended is not None:  # before anybody looked
            self._ended(self._leg.ended)
        self._leg.hang_up()
        await self._scribe.caught_up()
        await asyncio.wait((self._leg.closed,), timeout=_CLOSE_SECONDS)
        self._ending.write()
        self._scribe.note(entries.Finished())

    async def _close(self) -> None:
        """Hang up, let what is under way end, and finish the journal."""
        self._leg.hang_up()
        self._house.pump.leave(self)
        self._listener.stop()
        await self._passing.close()
        await self._scribe.caught_up()  # recording and number are on the same disk
        await self._beside.end(_CLOSE_SECONDS, self._leg.closed)
        self._ending.write()
        trouble = "the recording could not be closed"
        if self._leg.closed.done():
            trouble, reception = self._leg.recording_trouble, self._leg.reception
            metrics.count_reception(reception.packets, reception.lost, reception.jitter_seconds)
            self._scribe.note(entries.Media(reception.packets, reception.lost, reception.jitter_seconds))
        if trouble:
            metrics.RECORDING_TROUBLE.inc()
            log.error("recording incomplete: %s", trouble)
            self._scribe.note(entries.RecordingTrouble(trouble))
        self._scribe.note(entries.Finished())

    async def _next(self) -> Event:
        while True:
            event = await (self._wait_for_the_caller() if self._speaker.is_held else self._look())
            if isinstance(event, BaseException):
                raise event
            if event is not None:
                return event

    async def _look(self) -> Event | BaseException | None:
        """What has happened, before what has not: the dialogue's deadline."""
        if not self._events.empty():
            return self._events.get_nowait()
        deadline = self._state.deadline
        timeout = None if deadline is None else max(0.0, deadline - self._now())
        try:
            return await asyncio.wait_for(self._events.get(), timeout)
        except TimeoutError:
            return events.Elapsed(self._now())

    async def _wait_for_the_caller(self) -> Event | None:
        """Let the dialogue stand until he takes the line from hold, or the call ends."""
        try:
            held = await self._hold.over(self._house.longest_hold)
        except TimeoutError:
            self._ending.reason = "the caller had the line on hold for too long"
            self._speaker.stop()
            self._leg.hang_up()
            held = 0.0
        again = self._speaker.release()
        if again is not None and self._leg.ended is None:
            await self._perform(again)
        return events.Resumed(self._now(), held) if held else None

    async def _take(self, event: Event) -> None:
        """Let one event have its effect; what the caller was saying when a key or the end came, comes first."""
        if isinstance(event, events.Digit | events.HungUp):
            for heard in await self._listener.flush(on=self._leg.ended is None):
                await self._take(heard)
        self._scribe.note(note_event(event))
        before = self._state
        if isinstance(event, events.Connected):
            self._passing.join(event.id)
        self._state, wanted = advance(self._flow, self._state, event)
        for news in note_news(before, self._state):
            self._scribe.note(news)
        if self._state.hears != before.hears:
            self._listener.follow(hears=self._state.hears)
        if not any(isinstance(action, actions.Alert | actions.Connect) for action in wanted):
            await self._scribe.settle()  # who may be in danger waits for no disk
        for action in wanted:
            await self._perform(action)
        found, self._found = self._found, None
        if found is not None:  # before anything else: a key or the end must not come between
            await self._take(found)

    def _press(self, key: str) -> None:
        if not self._passing.press(key):
            self._events.press(events.Digit(self._now(), key))

    def _held(self, *, held: bool) -> None:
        self._passing.hold()
        if not held:
            self._ending.watch.hear(self._now())
            self._hold.end()
            return
        self._ending.watch.hold()
        self._hold.begin()
        self._speaker.hold()
        self._events.put_nowait(None)
        try:
            self._scribe.note(entries.Held(self._now()))
        except JournalError as error:
            self.fail(error)

    def _ended(self, ended: Ended) -> None:
        self._ending.take(ended)  # whatever fails from here on, the dialogue is told
        self._passing.end("gateway" if ended.by == "gateway" else "caller")
        self._hold.end()
        try:
            self.tick()
            self._ending.write()
        finally:
            self._events.put_nowait(events.HungUp(self._now(), ended.by))

    def fail(self, error: BaseException) -> None:
        """Media pump, ear: the caller cannot be heard any more; the call breaks off."""
        self._hold.end()
        self._events.put_nowait(error)

    def tick(self) -> None:
        """Media pump: hand the caller's audio to whoever listens, see whether the prompt or the call must end."""
        self._taping.look()
        pcm, missed = self._leg.read(), self._leg.missed_seconds  # what was lost, was before what is read
        self._listener.feed(pcm, missed)
        checked = self._presence.look(self._now())
        if checked is not None:
            self._events.put_nowait(checked)
        for number, ago in self._speaker.take_ended():
            self._events.put_nowait(events.PromptEnded(self._now() - ago, number))
        if self._ending.cut(self._now(), pcm):
            self._leg.hang_up()

    async def _perform(self, action: Action) -> None:  # noqa: C901 - one case for each kind of action
        """At ``Finish`` there is nothing to do: every matter stands in the journal already."""
        match action:
            case actions.Play():
                if not await self._speaker.play(action):
                    self._events.put_nowait(events.PromptEnded(self._now(), action.id))
            case actions.PausePlaying() | actions.ResumePlaying() | actions.StopPlaying():
                self._speaker.change(action)
            case actions.Listen():
                self._listener.listen(action)
            case actions.StopListening():
                self._listener.stop()
            case actions.LookUp():
                self._found = answer(action, self._now(), datetime.now(CITY_TIME).date())
            case actions.Submit(matter=matter):
                self._beside.do(self._submit(matter))
            case actions.Alert() | actions.Connect() | actions.Part():
                self._passing.perform(action)
            case actions.Inquire() | actions.Rate():
                self._inquiring.perform(action)
            case actions.Hangup():
                self._leg.hang_up()

    async def _submit(self, matter: Matter) -> None:
        number = await self._numbering.number(matter)
        self._house.file(self._scribe.folder)
        self._events.put_nowait(events.Submitted(self._now(), matter.index, number))

    def _is_talking(self) -> bool:
        return self._state.phase in {"talking", "connected"} and not self._passing.is_handed_over

    def _now(self) -> float:
        return self._loop.time() - self._answered_at
