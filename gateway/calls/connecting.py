"""One wish for a person: the reason's targets are called in order, and the one that takes the call talks."""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Final

from gateway.calls.target_line import TargetLine
from gateway.prompts.sounds import SoundError
from gateway.prompts.voice import KilledError, VoiceError
from gateway.prompts.wording import PromptError
from gateway.sip.fault import SipError
from gateway.site import metrics
from ivr.actions import Prompt
from ivr.events import Calling, Connected, Parted, Refused
from recordings.entries import Dialled, LegAnswered, LegEnded
from tickets.number import CITY_TIME

if TYPE_CHECKING:
    from collections.abc import Callable

    from gateway.calls.errand import Errand
    from gateway.calls.outgoing import Outgoing
    from gateway.calls.scribe import Scribe
    from gateway.calls.speaker import Speaker
    from gateway.calls.target_line import By
    from gateway.prompts.book import PromptBook
    from gateway.sip.leg import Leg
    from gateway.site.sound import Sound
    from ivr.actions import Connect
    from ivr.events import Event, Refusal
    from ivr.target import Target

log = logging.getLogger(__name__)

_ACCEPT: Final = "1"
_ACCEPT_SECONDS: Final = 15.0  # for a person to take the telephone to his ear, listen, and press a key
_WHISPER_SECONDS: Final = 1.0  # how long a summary that is not ready when the target answers is waited for
_WHISPER_LONGEST: Final = 6.0  # of it the target hears, while the caller waits: what is longer is cut
_MUSIC: Final = Prompt("hold_music")
_PRESS_ONE: Final = Prompt("press_one")


@dataclass(frozen=True, slots=True)
class Party:
    """The caller's side: his leg, what he is told, where it is written down, and how the dialogue hears of it."""

    leg: Leg
    speaker: Speaker
    prompts: PromptBook
    scribe: Scribe
    tell: Callable[[Event], None]
    now: Callable[[], float]
    """Seconds since the answer."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """How long, in seconds, a target's line may send nothing at all, and how long either side may be on hold."""

    silence: float
    hold: float


class Connecting:
    """Performs one ``Connect``. ``number_leg`` gives each leg of the call its number."""

    def __init__(
        self,
        connect: Connect,
        errand: Errand,
        party: Party,
        outgoing: Outgoing,
        bounds: Bounds,
        number_leg: Callable[[], int],
    ) -> None:
        self._connect, self._errand, self._party = connect, errand, party
        self._outgoing, self._bounds, self._number_leg = outgoing, bounds, number_leg
        self._joined = asyncio.Event()
        self._line: TargetLine | None = None
        self._relays_keys = False
        self._music: Sound | None = None
        self._given_up: By = "caller"
        self.connected_at: float | None = None
        """When the dialogue was told that somebody is there."""

    @property
    def id(self) -> int:
        """The wish's."""
        return self._connect.id

    @property
    def is_talking(self) -> bool:
        """Whether caller and target hear each other."""
        return self._joined.is_set() and self._line is not None

    async def run(self) -> None:
        """Call one after the other until one takes the call, and stay until they part; tells the dialogue all of it.

        Cancelled, it ends whatever line there is. Raises JournalError.
        """
        why: Refusal = "no_target"
        try:
            for target in self._errand.hotline.targets.get(self._connect.reason, ()):
                if not target.is_open(datetime.now(CITY_TIME)):
                    why = "closed" if why == "no_target" else why
                    continue
                refusal = await self._try(target)
                if refusal is None:
                    return
                why = refusal
                metrics.CONNECTS.labels(refusal).inc()
        finally:
            self._party.speaker.hum(None)
        self._tell(Refused(self._party.now(), self.id, why))

    def give_up(self, by: By) -> None:
        """Whoever ends it, before the task is cancelled: the journal is to say so."""
        self._given_up = by

    def join(self) -> None:
        """The dialogue knows, and keeps silent from here on: let them hear each other."""
        line = self._line
        self._party.speaker.hum(None)
        self._party.speaker.stop()
        if line is not None and not self._joined.is_set():
            line.leg.stop_playing()
            self._party.leg.bridge(line.leg)
            line.leg.on_held = self._target_holds
            self._joined.set()
            if line.leg.is_held:  # since before: an exchange may answer, and put it in a queue
                self._entertain(self._party.leg, wanted=True)

    def press(self, key: str) -> None:
        """The caller has pressed a key while they talk: it is the target's."""
        if self._line is not None and self._relays_keys:
            try:
                self._line.press(key)
            except SipError as error:
                log.warning("a key could not be relayed: %s", error)

    def hold(self, *, held: bool) -> None:
        """The caller holds the line, or is back: whoever he talks with hears music meanwhile."""
        if self._line is not None and self.is_talking:
            self._entertain(self._line.leg, wanted=held)

    async def _try(self, target: Target) -> Refusal | None:
        """Call one target; why it did not come to a talk, None when it did."""
        party, errand = self._party, self._errand
        self._tell(Calling(party.now(), self.id, target.name))
        try:
            leg = self._outgoing.call(
                target, caller=errand.shown_caller, headers=errand.headers(), danger=errand.danger
            )
        except SipError as error:
            why = str(error).replace(target.uri, target.name)  # which may be somebody's number
            log.warning("a target cannot be called: %s", why, extra={"target": target.name})
            return "failed"
        log.info("a target is called", extra={"target": target.name, "reason": self._connect.reason})
        line = self._line = TargetLine(leg)
        self._relays_keys = target.keys
        leg_number, joined_at = self._number_leg(), None
        whisper = asyncio.create_task(self._render(errand.whisper() if target.whisper else None))
        try:
            self._note_dialled(leg_number, target, leg)
            if self._music is None:
                self._music = await self._render(_MUSIC)
            party.speaker.hum(self._music)
            with metrics.RING.time():
                answered = await self._rings(target, line)
            if not answered or not await self._is_taken(target, line, whisper):
                line.hang_up("gateway")
                return line.refusal()
            self.connected_at = party.now()
            self._tell(Connected(self.connected_at, self.id, target.name))
            self._entertain(leg, wanted=True)  # until the dialogue has taken note
            await line.comes_first(self._joined.wait())
            if self._joined.is_set():
                joined_at = party.now()
                party.scribe.note(LegAnswered(leg_number, joined_at, line.their_id(target.call_id_header)))
                await self._talk(line)
            self._tell_parted(line, joined_at)
        except asyncio.CancelledError:
            line.hang_up(self._given_up)
            raise
        finally:
            whisper.cancel()
            line.hang_up("gateway")
            self._line = None
            talked = 0.0 if joined_at is None else party.now() - joined_at
            by, cause = line.ending()
            their_id = line.their_id(target.call_id_header)
            party.scribe.note(LegEnded(leg_number, party.now(), by, cause, talked, their_id))
            log.info("a target's line is down", extra={"target": target.name, "by": by, "cause": cause})
        return None

    async def _rings(self, target: Target, line: TargetLine) -> bool:
        """Whether it is answered in time; until then there is music, or what comes from its side before the answer."""
        early = asyncio.create_task(self._let_hear(line)) if target.early_media else None
        try:
            return await line.is_answered(target.ring_seconds)
        finally:
            if early is not None:
                early.cancel()
                line.leg.unbridge()
                self._party.speaker.hum(self._music)

    async def _let_hear(self, line: TargetLine) -> None:
        await line.sends()
        self._party.speaker.hum(None)
        self._party.leg.bridge(line.leg, both=False)

    async def _is_taken(self, target: Target, line: TargetLine, whisper: asyncio.Task[Sound | None]) -> bool:
        """Whether a person takes the call that was answered, and has been told what it is about."""
        if target.kind == "personal":
            asked = await self._render(_PRESS_ONE)
            if asked is not None:
                line.leg.play(asked, loop=True)
            if not await line.presses(_ACCEPT, _ACCEPT_SECONDS):
                return False  # his voicemail, perhaps
            line.leg.stop_playing()
        await asyncio.wait((whisper,), timeout=_WHISPER_SECONDS)
        told = whisper.result() if whisper.done() else None
        return await line.hears(told, _WHISPER_LONGEST) if told is not None else not line.has_ended

    async def _talk(self, line: TargetLine) -> None:
        metrics.CONNECTS.labels("connected").inc()
        self._outgoing.bridged += 1
        try:
            await line.talks(self._bounds.silence, self._bounds.hold)
        finally:
            self._outgoing.bridged -= 1
            line.leg.on_held = lambda _held: None
            self._entertain(self._party.leg, wanted=False)
            line.leg.unbridge()

    def _target_holds(self, held: bool) -> None:
        self._entertain(self._party.leg, wanted=held)

    def _entertain(self, leg: Leg, *, wanted: bool) -> None:
        """Music for who waits on this leg, or no more of it."""
        if not wanted:
            leg.stop_playing()
        elif self._music is not None and leg.ended is None:
            with suppress(SipError):  # it has just ended
                leg.play(self._music, loop=True)

    async def _render(self, prompt: Prompt | None) -> Sound | None:
        """The prompt as a sound, None when it cannot be made: a call is passed on without it, too."""
        if prompt is None:
            return None
        try:
            return (await self._party.prompts.render(prompt)).sound
        except (PromptError, VoiceError, SoundError, KilledError, OSError) as error:
            # What cannot be said may be the caller's own words.
            told = "it cannot be said" if isinstance(error, VoiceError) else error
            log.error("prompt %s left out: %s", prompt.name, told)  # noqa: TRY400 - the message says what and where
            return None

    def _note_dialled(self, number: int, target: Target, leg: Leg) -> None:
        self._party.scribe.note(
            Dialled(
                leg=number,
                at=self._party.now(),
                attempt=self.id,
                matter=self._connect.matter.index,
                reason=self._connect.reason,
                target=target.name,
                uri=target.uri,
                ticket=target.ticket,
                sip_call_id=leg.sip_call_id,
            )
        )

    def _tell_parted(self, line: TargetLine, joined_at: float | None) -> None:
        now = self._party.now()
        by, _ = line.ending()
        talked = 0.0 if joined_at is None else now - joined_at
        self._tell(Parted(now, self.id, "gateway" if by == "caller" else by, talked))

    def _tell(self, event: Event) -> None:
        self._party.tell(event)
