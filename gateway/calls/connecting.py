"""One wish for a person: the reason's targets are called in order, and the one that takes the call talks."""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress
from datetime import datetime
from typing import TYPE_CHECKING, Final

from gateway.calls.attempt import Attempt
from gateway.calls.referring import Referring, can_refer
from gateway.calls.third import Bounds, Third
from gateway.sip.fault import SipError
from gateway.site import metrics
from ivr.actions import Prompt
from ivr.events import Calling, Connected, Parted, Refused
from tickets.number import CITY_TIME

if TYPE_CHECKING:
    from gateway.calls.attempt import Party, Wish
    from gateway.calls.outgoing import Outgoing
    from gateway.calls.target_line import By
    from gateway.sip.leg import Leg
    from gateway.site.sound import Sound
    from ivr.events import Event, Refusal
    from ivr.target import Target

log = logging.getLogger(__name__)

_MUSIC: Final = Prompt("hold_music")


class Connecting:
    """Performs one ``Connect``."""

    def __init__(self, wish: Wish, outgoing: Outgoing, bounds: Bounds) -> None:
        self._wish, self._outgoing, self._bounds = wish, outgoing, bounds
        self._party: Party = wish.party
        self._joined = asyncio.Event()
        self._attempt: Attempt | None = None
        self._referring: Referring | None = None
        self._third: Third | None = None
        self._music: Sound | None = None
        self._waiting: set[Leg] = set()  # whose other sides hear music, for one who holds his line
        self._given_up: By = "caller"
        self.connected_at: float | None = None
        """When the dialogue was told that somebody is there."""
        self.is_handed_over = False
        """Whether the caller is with somebody to whom his own side has passed him on."""

    @property
    def id(self) -> int:
        """The wish's."""
        return self._wish.id

    @property
    def is_talking(self) -> bool:
        """Whether caller and target hear each other."""
        return self._joined.is_set() and self._attempt is not None

    async def run(self) -> None:
        """Call one after the other until one takes the call, and stay until they part; tells the dialogue all of it.

        Cancelled, it ends whatever line there is. Raises JournalError.
        """
        why: Refusal = "no_target"
        try:
            for target in self._wish.errand.hotline.targets.get(self._wish.reason, ()):
                if not target.is_open(datetime.now(CITY_TIME)):
                    why = "closed" if why == "no_target" else why
                    continue
                refusal = await self._reach(target)
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
        if self._referring is not None:
            self._referring.give_up(by)

    def join(self) -> None:
        """The dialogue knows, and keeps silent from here on: let them hear each other."""
        attempt = self._attempt
        self._party.speaker.hum(None)
        self._party.speaker.stop()
        if attempt is not None and not self._joined.is_set():
            leg = attempt.line.leg
            leg.stop_playing()
            self._party.leg.bridge(leg)
            leg.on_held = lambda _held: self._tune()
            self._joined.set()
            self._tune()  # since before: an exchange may answer, and put it in a queue

    def press(self, key: str) -> None:
        """The caller has pressed a key while they talk: it is the target's."""
        if self._attempt is not None:
            self._attempt.press(key)

    def hold(self) -> None:
        """The caller holds the line, or is back: whoever he talks with hears music meanwhile."""
        self._tune()

    async def _reach(self, target: Target) -> Refusal | None:
        """Pass the caller on to one target; why it did not come to that, None when it did.

        The cold way is taken where it is wanted and can be; in danger only when the target cannot be called otherwise.
        """
        self._tell(Calling(self._party.now(), self.id, target.name))
        danger = self._wish.errand.danger
        ways = (self._try, self._refer) if danger else (self._refer, self._try)
        why: Refusal | None = "failed"
        for way in ways if can_refer(self._wish, target) else (self._try,):
            why = await way(target)
            if why != "failed":
                break
        return why

    async def _refer(self, target: Target) -> Refusal | None:
        """Have the caller's own side call it; "failed" when that has led to nothing, and the warm way may."""
        await self._hum()
        referring = self._referring = Referring(self._wish, target)
        try:
            refusal = await referring.run()
        finally:
            self._referring = None
        self.is_handed_over = refusal is None
        return refusal

    async def _try(self, target: Target) -> Refusal | None:
        """Call it, and let it talk with the caller."""
        try:
            attempt = Attempt(self._wish, target, self._outgoing)
        except SipError as error:
            why = str(error).replace(target.uri, target.name)  # which may be somebody's number
            log.warning("a target cannot be called: %s", why, extra={"target": target.name})
            return "failed"
        self._attempt, party, line = attempt, self._party, attempt.line
        try:
            attempt.note()
            await self._hum()
            with metrics.RING.time():
                answered = await self._rings(attempt)
            if not answered or not await attempt.is_accepted():
                line.hang_up("gateway")
                return line.refusal()
            self.connected_at = party.now()
            self._tell(Connected(self.connected_at, self.id, target.name))
            self._entertain(line.leg, wanted=True)  # until the dialogue has taken note
            await line.comes_first(self._joined.wait())
            last = attempt
            if self._joined.is_set():
                attempt.join()
                last = await self._talk(attempt)
            by, _ = last.line.ending()
            self._tell(Parted(party.now(), self.id, "gateway" if by == "caller" else by, attempt.talked))
        except asyncio.CancelledError:
            line.hang_up(self._given_up)
            raise
        finally:
            self._attempt = None
            attempt.close()
        return None

    async def _rings(self, attempt: Attempt) -> bool:
        """Whether it is answered in time; until then there is music, or what comes from its side before the answer."""
        early = asyncio.create_task(self._let_hear(attempt)) if attempt.target.early_media else None
        try:
            return await attempt.line.is_answered(attempt.target.ring_seconds)
        finally:
            if early is not None:
                early.cancel()
                attempt.line.leg.unbridge()
                self._party.speaker.hum(self._music)

    async def _let_hear(self, attempt: Attempt) -> None:
        await attempt.line.sends()
        self._party.speaker.hum(None)
        self._party.leg.bridge(attempt.line.leg, both=False)

    async def _talk(self, attempt: Attempt) -> Attempt:
        """Until nobody is there any more but the caller; who was the last."""
        metrics.CONNECTS.labels("connected").inc()
        self._outgoing.bridged += 1
        last, line = attempt, attempt.line
        if attempt.target.three_way:
            self._third = Third(self._wish, self._outgoing, self._bounds, attempt, self._tune)
        try:
            await line.talks(self._bounds.silence, self._bounds.hold)
            if self._third is not None and self._third.attempt is not None:  # the other two go on
                attempt.close()
                last = self._attempt = self._third.attempt
                last.line.leg.on_held = lambda _held: self._tune()
                self._tune()
                await self._third.stay()
        finally:
            self._outgoing.bridged -= 1
            for leg in (line.leg, last.line.leg):
                leg.on_held = lambda _held: None
            self._entertain(self._party.leg, wanted=False)
            line.leg.unbridge()
            if self._third is not None:
                await self._third.close(self._given_up)
        return last

    def _tune(self) -> None:
        """Music for who talks with nobody but one who holds his line, and no more of it for anybody else."""
        attempt, caller = self._attempt, self._party.leg
        if attempt is None or not self._joined.is_set():
            return
        other, are_three = (
            attempt.line.leg,
            self._third is not None and self._third.attempt not in {None, attempt},
        )
        for leg, from_whom in ((caller, other), (other, caller)):
            wanted = from_whom.is_held and not are_three
            if wanted != (leg in self._waiting):
                self._waiting ^= {leg}
                self._entertain(leg, wanted=wanted)

    async def _hum(self) -> None:
        """Music for the caller, until somebody is there."""
        if self._music is None:
            self._music = await self._party.render(_MUSIC)
        self._party.speaker.hum(self._music)

    def _entertain(self, leg: Leg, *, wanted: bool) -> None:
        """Music for who waits on this leg, or no more of it."""
        if not wanted:
            leg.stop_playing()
        elif self._music is not None and leg.ended is None:
            with suppress(SipError):  # it has just ended
                leg.play(self._music, loop=True)

    def _tell(self, event: Event) -> None:
        self._party.tell(event)
