"""One target being called: it rings, is told what the call is about, takes it or does not, and is noted as a leg."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from gateway.calls.target_line import TargetLine
from gateway.prompts.sounds import SoundError
from gateway.prompts.voice import KilledError, VoiceError
from gateway.prompts.wording import PromptError
from gateway.sip.fault import SipError
from ivr.actions import Prompt
from recordings.entries import Dialled, LegAnswered, LegEnded

if TYPE_CHECKING:
    from collections.abc import Callable

    from gateway.calls.errand import Errand
    from gateway.calls.outgoing import Outgoing
    from gateway.calls.scribe import Scribe
    from gateway.calls.speaker import Speaker
    from gateway.calls.target_line import By
    from gateway.prompts.book import PromptBook, Rendered
    from gateway.sip.leg import Leg
    from gateway.site.sound import Sound
    from ivr.events import Event
    from ivr.target import Target

log = logging.getLogger(__name__)

_ACCEPT: Final = "1"
_ACCEPT_SECONDS: Final = 15.0  # for a person to take the telephone to his ear, listen, and press a key
_WHISPER_SECONDS: Final = 1.0  # how long a summary that is not ready when the target answers is waited for
_WHISPER_LONGEST: Final = 6.0  # of it the target hears, while the caller waits: what is longer is cut
_PRESS_ONE: Final = Prompt("press_one")


async def render(prompts: PromptBook, prompt: Prompt) -> Rendered | None:
    """The prompt, None when it cannot be made."""
    try:
        return await prompts.render(prompt)
    except (PromptError, VoiceError, SoundError, KilledError, OSError) as error:
        # What cannot be said may be the caller's own words.
        told = "it cannot be said" if isinstance(error, VoiceError) else error
        log.error("prompt %s left out: %s", prompt.name, told)  # noqa: TRY400 - the message says what and where
        return None


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

    async def render(self, prompt: Prompt | None) -> Sound | None:
        """The prompt as a sound, None when it cannot be made: a call is passed on without it, too."""
        rendered = await render(self.prompts, prompt) if prompt is not None else None
        return rendered.sound if rendered is not None else None


@dataclass(frozen=True, slots=True)
class Wish:
    """Why somebody is called: for the dialogue's ``Connect`` of that id, for a reason, about an errand of the caller's.

    ``number_leg`` gives each leg of the call its number.
    """

    id: int
    reason: str
    errand: Errand
    party: Party
    number_leg: Callable[[], int]

    def note_dialled(self, number: int, target: Target, sip_call_id: str) -> None:
        """Write down who is called; raises JournalError."""
        self.party.scribe.note(
            Dialled(
                leg=number,
                at=self.party.now(),
                attempt=self.id,
                matter=self.errand.matter.index,
                reason=self.reason,
                target=target.name,
                uri=target.uri,
                ticket=target.ticket,
                sip_call_id=sip_call_id,
            )
        )


class Attempt:
    """The target is called as soon as this is made: raises SipError. Whoever makes one ends it by `close`."""

    def __init__(self, wish: Wish, target: Target, outgoing: Outgoing) -> None:
        self._wish, self.target = wish, target
        errand = wish.errand
        leg = outgoing.call(
            target, caller=errand.shown_caller, headers=errand.headers(), danger=errand.danger
        )
        log.info("a target is called", extra={"target": target.name, "reason": wish.reason})
        self.line = TargetLine(leg)
        self._number = wish.number_leg()
        self._is_noted = self._is_over = False
        self.joined_at: float | None = None
        """When it and the caller began to hear each other, in seconds since the answer."""
        told = errand.whisper() if target.whisper else None
        self._whisper = asyncio.create_task(wish.party.render(told))

    @property
    def talked(self) -> float:
        """For how long they have, by now, in seconds."""
        return 0.0 if self.joined_at is None else self._wish.party.now() - self.joined_at

    def note(self) -> None:
        """Write down that it is called; raises JournalError."""
        self._wish.note_dialled(self._number, self.target, self.line.leg.sip_call_id)
        self._is_noted = True

    async def is_taken(self) -> bool:
        """Whether the call is answered in time, by a person who takes it and has been told what it is about."""
        return await self.line.is_answered(self.target.ring_seconds) and await self.is_accepted()

    async def is_accepted(self) -> bool:
        """Whether a person takes the call that was answered, and has been told what it is about."""
        party, line = self._wish.party, self.line
        if self.target.kind == "personal":
            asked = await party.render(_PRESS_ONE)
            if asked is not None:
                line.leg.play(asked, loop=True)
            if not await line.presses(_ACCEPT, _ACCEPT_SECONDS):
                return False  # his voicemail, perhaps
            line.leg.stop_playing()
        await asyncio.wait((self._whisper,), timeout=_WHISPER_SECONDS)
        told = self._whisper.result() if self._whisper.done() else None
        return await line.hears(told, _WHISPER_LONGEST) if told is not None else not line.has_ended

    def join(self) -> None:
        """They hear each other from now on; raises JournalError."""
        self.joined_at = self._wish.party.now()
        their_id = self.line.their_id(self.target.call_id_header)
        self._wish.party.scribe.note(LegAnswered(self._number, self.joined_at, their_id))

    def press(self, key: str) -> None:
        """A key of the caller's, for an exchange that asks for it."""
        if self.target.keys:
            try:
                self.line.press(key)
            except SipError as error:
                log.warning("a key could not be relayed: %s", error)

    def close(self, by: By = "gateway") -> None:
        """End it, unless it has ended, and write that down; harmless again. Raises JournalError."""
        self._whisper.cancel()
        self.line.hang_up(by)
        if self._is_over:
            return
        self._is_over = True
        talked = self.talked
        who, cause = self.line.ending()
        their_id = self.line.their_id(self.target.call_id_header)
        if self._is_noted:
            self._wish.party.scribe.note(
                LegEnded(self._number, self._wish.party.now(), who, cause, talked, their_id)
            )
        log.info("a target's line is down", extra={"target": self.target.name, "by": who, "cause": cause})
