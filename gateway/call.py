"""One answered call: drives the dialogue, writes the journal before each effect, and ends as filed matters."""

from __future__ import annotations

import asyncio
import logging
from contextlib import closing
from contextvars import copy_context
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from asr.ear import Deaf, Ear, PartialText
from asr.ear import SpeechStarted as EarSpeechStarted
from asr.transcript import Utterance
from gateway import metrics
from gateway.anonymity import withhold
from gateway.leg import SipError
from gateway.sounds import SoundError
from gateway.voice import KilledError, VoiceError
from gateway.wording import PromptError
from ivr.actions import Finish, Hangup, Listen, LookUp, Play, StopListening, StopPlaying, Submit
from ivr.events import (
    Answered,
    Digit,
    EarLost,
    Elapsed,
    Heard,
    HungUp,
    LookedUp,
    PromptEnded,
    SpeechStarted,
    Submitted,
)
from ivr.machine import advance, start
from recordings.folders import AUDIO
from recordings.journal import JournalError
from tickets.number import CITY_TIME
from tickets.place import brief, find

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine
    from pathlib import Path

    from asr.client import AsrClient
    from asr.ear import EarEvent
    from asr.transcript import ModelFingerprint
    from gateway.leg import Ended, Leg
    from gateway.live import Board
    from gateway.prompts import PromptBook
    from gateway.pump import MediaPump
    from ivr.actions import Action
    from ivr.events import Event
    from ivr.hotline import Hotline
    from ivr.matter import Matter
    from recordings.journal import Journal
    from tickets.number import NumberBook

log = logging.getLogger(__name__)

_CLOSE_SECONDS = 5.0  # for the line to go down, the recording to be closed, a number to be written
_RENDER_SECONDS = 3.0  # a prompt that takes longer to make is left out
_FLUSH_SECONDS = 0.6  # how long the words of a phrase that was cut off are waited for
_SPEECH_SECONDS = 0.5  # a shorter sound without words is none
_BYTES_PER_SECOND = 16000
_PLAYER_TAIL_SECONDS = 0.04  # the native player's last frame leaves two ticks late


@dataclass(frozen=True, slots=True)
class House:
    """What every call needs and none owns."""

    asr: AsrClient
    prompts: PromptBook
    pump: MediaPump
    board: Board
    numbers: NumberBook
    file: Callable[[Path], None]
    """Asks for the call's tickets to be brought up to date with its journal; never blocks, never fails."""


class Call:
    """One call from the answer to the end of its journal."""

    def __init__(self, leg: Leg, journal: Journal, house: House, hotline: Hotline) -> None:
        self._leg, self._journal, self._house = leg, journal, house
        self._flow, self._hotline = hotline.flow, hotline
        self._loop = asyncio.get_running_loop()
        self._answered_at = self._loop.time()
        self._events: asyncio.Queue[Event | Exception] = asyncio.Queue()
        self._state = start(hotline.flow, openings=hotline.openings, appeal=hotline.appeal)
        self._ear: Ear | None = None
        self._listen: Listen | None = None
        self._held: list[Heard] | None = None  # phrases told while a key or the end waits for them
        self._position = 0.0  # recording time of the next byte read
        self._playing: tuple[int, float] | None = None  # Play.id, and the recording time of its end
        self._found: LookedUp | None = None  # what the event being taken asked for
        self._numbers: dict[int, str] = {}
        self._numbering = asyncio.Lock()
        self._working: set[asyncio.Task[None]] = set()

    @property
    def call_id(self) -> str:
        """The call's identifier, the name of its folder."""
        return self._journal.folder.name

    async def run(self, model: ModelFingerprint | None) -> str:
        """Answer, hold the dialogue, and close the journal; returns who ended the call, or "unanswered".

        ``model`` None: nobody can listen right now. However it ends, an answered call is hung up, its recording
        closed, and its journal ``finished``, unless the journal itself cannot be written any more (JournalError).
        """
        leg, context = self._leg, copy_context()
        leg.on_digit = lambda key: self._events.put_nowait(Digit(self._now(), key))
        leg.on_ended = lambda ended: context.run(self._ended, ended)
        if model is None:
            self._go_deaf("speech recognition was out of reach when the call came")
        else:
            self._note("model", **asdict(model))
        try:
            leg.answer(None if self._hotline.anonymous else self._journal.folder / AUDIO)
        except SipError as error:
            await self._miss(error)
            return "unanswered"
        try:
            self._answered_at = self._loop.time()
            metrics.SETUP.observe(self._answered_at - leg.began)
            self._note("answered")
            self._work(self._journal.sync())
            self._house.pump.join(self)
            caller = leg.incoming.caller if leg.incoming else ""
            await self._take(Answered(0.0, caller, self._hotline.number, hears=model is not None))
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
        await self._leg.closed
        self._note("finished")

    async def _close(self) -> None:
        """Hang up, let what is under way end, and finish the journal."""
        self._leg.hang_up()
        self._house.pump.leave(self)
        await asyncio.wait((self._leg.closed, *self._working), timeout=_CLOSE_SECONDS)
        for work in self._working:
            work.cancel()
        self._deafen()
        trouble = (
            self._leg.recording_trouble if self._leg.closed.done() else "the recording could not be closed"
        )
        if self._leg.closed.done():
            metrics.count_reception(self._leg.reception)
            self._note("media", **asdict(self._leg.reception))
        if trouble:
            metrics.RECORDING_TROUBLE.inc()
            log.error("recording incomplete: %s", trouble)
            self._note("recording_trouble", reason=trouble)
        self._note("finished")

    def _work(self, work: Coroutine[Any, Any, None]) -> None:
        """Do what waits for a disk beside the dialogue, whose own times go on."""

        async def guarded() -> None:
            try:
                await work
            except OSError as error:  # JournalError among them
                log.error("the disk fails: %s", error)  # noqa: TRY400

        task = asyncio.create_task(guarded())
        self._working.add(task)
        task.add_done_callback(self._working.discard)

    # --- events ------------------------------------------------------------------------------------------------
    async def _next(self) -> Event:
        if self._events.empty():  # what has happened comes before what has not
            deadline = self._state.deadline
            timeout = None if deadline is None else max(0.0, deadline - self._now())
            try:
                event = await asyncio.wait_for(self._events.get(), timeout)
            except TimeoutError:
                return Elapsed(self._now())
        else:
            event = self._events.get_nowait()
        if isinstance(event, Exception):
            raise event
        return event

    async def _take(self, event: Event) -> None:
        """Let one event have its effect; what the caller was saying when a key or the end came, comes first."""
        if isinstance(event, Digit | HungUp) and self._ear is not None:
            await self._flush(self._ear)
        self._note("event", name=type(event).__name__, **asdict(event))
        before = self._state.matters
        self._state, actions = advance(self._flow, self._state, event)
        for matter in self._state.matters:
            if matter not in before:
                self._note("matter", **asdict(matter))
        for action in actions:
            await self._perform(action)
        found, self._found = self._found, None
        if found is not None:  # before anything else: a key or the end must not come between
            await self._take(found)

    async def _flush(self, ear: Ear) -> None:
        """End the phrase the caller is in, and let it and any still unanswered one have their effect first."""
        self._ear, self._held = None, []
        if self._listen is not None and self._leg.ended is None:
            self._hear(self._listen)  # he may speak on while the words are waited for
        utterance = await ear.finish(_FLUSH_SECONDS)
        held, self._held = self._held, None
        if utterance is not None:
            held.append(self._heard(utterance))
        for heard in held:
            await self._take(heard)

    def _ended(self, ended: Ended) -> None:
        self.tick()
        if ended.by == "gateway" and self._state.phase == "talking":
            self._note("interrupted", reason="the gateway ended the call before the dialogue did")
        self._note(
            "hungup", by=ended.by, cause=f"{ended.status} {ended.reason}", media_seconds=ended.media_seconds
        )
        self._events.put_nowait(HungUp(self._now(), ended.by))

    def fail(self, error: Exception) -> None:
        """Media pump: the caller cannot be heard any more; the call breaks off."""
        self._events.put_nowait(error)

    def tick(self) -> None:
        """Media pump: hand the caller's audio to whoever listens, and see whether the prompt has ended."""
        pcm = self._leg.read()
        if pcm and self._ear is not None:
            self._ear.feed(pcm)
        self._position += len(pcm) / _BYTES_PER_SECOND
        if self._playing is not None and self._leg.media_seconds >= self._playing[1]:
            number, self._playing = self._playing[0], None
            self._events.put_nowait(PromptEnded(self._now(), number))

    def _sound(self, event: EarEvent) -> None:
        """What the ear tells, in recording time, becomes what the dialogue understands."""
        match event:
            case EarSpeechStarted(at=start):
                self._events.put_nowait(SpeechStarted(self._now(), start))
            case PartialText(text=text):
                if not self._hotline.anonymous:
                    self._house.board.publish(self.call_id, "partial", text=text)
            case Utterance():
                heard = self._heard(event)
                if self._held is None:
                    self._events.put_nowait(heard)
                else:
                    self._held.append(heard)
            case Deaf(reason=reason):
                log.warning("speech recognition lost: %s", reason)
                self._go_deaf(reason)
                self._events.put_nowait(EarLost(self._now()))

    def _go_deaf(self, reason: str) -> None:
        metrics.DEAF.inc()
        self._note("deaf", reason=reason)

    def _heard(self, utterance: Utterance) -> Heard:
        self._take_down(utterance)
        return Heard(
            at=self._now(),
            text=utterance.text,
            confidence=utterance.confidence,
            start=utterance.start,
            end=utterance.end,
            level=utterance.level,
            confirmed=utterance.confirmed,
        )

    # --- actions -----------------------------------------------------------------------------------------------
    async def _perform(self, action: Action) -> None:
        match action:
            case Play():
                await self._play(action)
            case StopPlaying():
                self._playing = None
                self._leg.stop_playing()
            case Listen():
                self._deafen()
                self._hear(action)
            case StopListening():
                self._deafen()
            case LookUp(text=text):
                place = find(text)
                self._found = LookedUp(self._now(), place.name if place else "", brief(text))
            case Submit(matter=matter):
                self._work(self._submit(matter))
            case Hangup():
                self._leg.hang_up()
            case Finish():
                pass  # every matter stands in the journal already

    async def _play(self, action: Play) -> None:
        """Play it; a prompt that cannot be played is left out, and the dialogue goes on."""
        try:
            async with asyncio.timeout(_RENDER_SECONDS):
                with metrics.PROMPT_RENDER.time():
                    rendered = await self._house.prompts.render(action.prompt)
            with closing(rendered):  # the player opens it at once
                if self._leg.ended is not None:
                    return
                began = self._leg.media_seconds
                # A slot of an anonymous line's prompt is filled with what nobody else may read.
                text = "" if self._hotline.anonymous and action.prompt.slots else rendered.text
                self._note("played", id=action.id, name=action.prompt.name, text=text, start=began)
                self._leg.play(rendered.path)
        except JournalError:
            raise
        except (
            PromptError,
            VoiceError,
            SoundError,
            KilledError,
            SipError,
            OSError,
        ) as error:  # TimeoutError is an OSError
            log.error(  # noqa: TRY400 - the message says what and where
                "prompt %s left out: %s",
                action.prompt.name,
                # What cannot be said may be the caller's own words.
                "it cannot be said" if isinstance(error, VoiceError) else error or "no answer",
            )
            self._note("unplayed", id=action.id, name=action.prompt.name)
            self._events.put_nowait(PromptEnded(self._now(), action.id))
        else:
            self._playing = (action.id, began + rendered.seconds + _PLAYER_TAIL_SECONDS)

    def _hear(self, listen: Listen) -> None:
        self._listen = listen
        self._ear = Ear(self._house.asr, listen.phrases, listen.end_silence, self._position, self._sound)

    def _deafen(self) -> None:
        """Listen no more; words that the dialogue no longer waits for are taken down, to be completed later."""
        self._listen = None
        ear, self._ear = self._ear, None
        if ear is not None:
            for utterance in ear.close():
                if utterance.text or utterance.end - utterance.start >= _SPEECH_SECONDS:
                    self._take_down(utterance)

    async def _submit(self, matter: Matter) -> None:
        """Give the matter its number, make that durable, and only then let anybody say it."""
        async with self._numbering:
            number = self._numbers.get(matter.index)
            if number is None:
                today = datetime.now(CITY_TIME).date()
                number = await asyncio.to_thread(self._house.numbers.next, today)
                self._numbers[matter.index] = number
                self._note("number", matter=matter.index, number=number)
                await self._journal.sync()
        self._house.file(self._journal.folder)
        self._events.put_nowait(Submitted(self._now(), matter.index, number))

    # --- the record --------------------------------------------------------------------------------------------
    def _now(self) -> float:
        return self._loop.time() - self._answered_at

    def _note(self, kind: str, **fields: Any) -> None:
        if self._hotline.anonymous:
            fields = withhold(kind, fields)
        self._journal.append(kind, **fields)
        self._house.board.publish(self.call_id, kind, **fields)

    def _take_down(self, utterance: Utterance) -> None:
        self._note("heard", question=self._state.question, **asdict(utterance))
