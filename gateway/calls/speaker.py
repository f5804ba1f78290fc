"""What the caller is told: prompts, made and played one at a time."""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress
from typing import TYPE_CHECKING

from gateway.prompts.book import Rendered
from gateway.prompts.sounds import SoundError
from gateway.prompts.voice import KilledError, VoiceError
from gateway.prompts.wording import PromptError
from gateway.sip.fault import SipError
from gateway.site import metrics
from gateway.site.sound import Sound
from ivr.actions import PausePlaying, StopPlaying
from recordings.entries import Played, Unplayed
from recordings.journal import JournalError

if TYPE_CHECKING:
    from gateway.calls.scribe import Scribe
    from gateway.prompts.book import PromptBook
    from gateway.sip.leg import Leg
    from ivr.actions import Play, Prompt, ResumePlaying

log = logging.getLogger(__name__)

_RENDER_SECONDS = 3.0  # a prompt that takes longer to make is left out


class Speaker:
    """Speaks on one leg."""

    def __init__(self, leg: Leg, prompts: PromptBook, scribe: Scribe) -> None:
        self._leg, self._prompts, self._scribe = leg, prompts, scribe
        self._playing: tuple[Play, int] | None = None  # and the leg's number for it
        self._sound: Sound | None = None  # of it, or of the music
        self._paused = False
        self._from = 0  # the sample of the recording at which it began, had it never been paused
        self._held = False
        self._waiting: Play | None = None  # what is to be played when the caller is back
        self._music: Sound | None = None  # while nothing else is
        self.notice: Prompt | None = None
        """What he is still to be told, after whatever he is told next; None once he has heard it to its end."""
        self._telling: Prompt | None = None  # the notice that stands in what is being played
        self._humming, self._heard = False, 0  # and how far it had come when it was interrupted, in samples

    async def play(self, action: Play) -> bool:
        """Play it; false when it cannot be played and is left out. Raises JournalError."""
        if self._held:
            self._waiting = action
            return True
        try:
            async with asyncio.timeout(_RENDER_SECONDS):
                with metrics.PROMPT_RENDER.time():
                    rendered, notice = await self._add_notice(await self._prompts.render(action.prompt))
            if self._leg.ended is not None:
                return True
            if self._held:  # meanwhile
                self._waiting = action
                return True
            began = self._leg.media_seconds
            # A slot of an anonymous line's prompt is filled with what nobody else may read.
            text = "" if self._scribe.anonymous and action.prompt.slots else rendered.text
            self._scribe.note(Played(action.id, action.prompt.name, text, began))
            self._interrupt()
            self._playing, self._telling = (action, self._leg.play(rendered.sound)), notice
            self._sound, self._paused, self._from = rendered.sound, False, 0
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
                "it cannot be said" if isinstance(error, VoiceError) else str(error) or "no answer",
            )
            self._scribe.note(Unplayed(action.id, action.prompt.name))
            return False
        return True

    async def _add_notice(self, rendered: Rendered) -> tuple[Rendered, Prompt | None]:
        """With what he is still to be told after it, where the prompts have that."""
        notice = self.notice
        if notice is None:
            return rendered, None
        try:
            told = await self._prompts.render(notice)
        except (PromptError, VoiceError, SoundError, KilledError, OSError) as error:
            log.error("a notice is left out: %s", error)  # noqa: TRY400 - the message says what
            if not isinstance(error, KilledError):  # else the next prompt may have it
                self.notice = None
            return rendered, None
        return Rendered(Sound(rendered.sound.pcm + told.sound.pcm), rendered.text + told.text), notice

    def change(self, action: PausePlaying | ResumePlaying | StopPlaying) -> None:
        """Let what is being played stand still, go on, or end, at once."""
        if isinstance(action, StopPlaying):
            self.stop()
        elif isinstance(action, PausePlaying):
            self._paused = True
            self._leg.pause_playing()
        else:
            self._paused = False
            self._leg.resume_playing()

    def stop(self) -> None:
        """End what is being played, at once; music goes on."""
        self._interrupt()
        self._playing = self._waiting = self._sound = None
        self._leg.stop_playing()
        self._hum()

    def hum(self, music: Sound | None) -> None:
        """Play this over and over whenever nothing else is played; prompts interrupt it, and it goes on after them."""
        if music is self._music:
            return
        if self._humming:
            self._leg.stop_playing()
            self._sound = None
        self._music, self._humming, self._heard = music, False, 0
        self._hum()

    def _interrupt(self) -> None:
        if self._humming:
            self._humming, self._heard = False, self._leg.position

    def _hum(self) -> None:
        if self._music is not None and self._playing is None and not self._held:
            with suppress(SipError):  # the call is just ending
                self._leg.play(self._music, loop=True, first=self._heard)
                self._humming = True
                self._sound, self._paused, self._from = self._music, False, 0

    def sounded(self, at: int, count: int) -> bytes:
        """What was played in COUNT samples from this one of the recording on, s16le; b"" when it was silence.

        To be asked in order, as the recording goes; the edges of a pause are told to 50 ms only.
        """
        if self._leg.ended is not None:
            self._sound = None  # it may tell a caller's number: nobody holds it longer than it is played
        if self._sound is None or self._paused:
            return b""
        both = self._leg.alignment
        if both is not None:  # the greatest is the true one: in the middle of a tick it is 20 ms too little
            self._from = max(self._from, both[0] - both[1])
        begin, pcm = at - self._from, self._sound.pcm
        played = bytes(2 * min(count, max(0, -begin)))
        start, wanted = 2 * max(0, begin), 2 * count - len(played)
        if self._humming:
            start %= len(pcm)
        played += pcm[start : start + wanted]
        while self._humming and len(played) < 2 * count:  # over and over
            played += pcm[: 2 * count - len(played)]
        return played.ljust(2 * count, b"\0") if any(played) else b""

    @property
    def is_held(self) -> bool:
        """Whether it keeps silent since `hold`."""
        return self._held

    def hold(self) -> None:
        """The caller wants to hear nothing: what is being played ends here, to begin anew when he is back."""
        waiting = self._playing[0] if self._playing is not None else self._waiting
        self._interrupt()
        self._held = True
        self.stop()
        self._waiting = waiting

    def release(self) -> Play | None:
        """The caller is back; what is to be played for him now."""
        self._held = False
        waiting, self._waiting = self._waiting, None
        if waiting is None:
            self._hum()
        return waiting

    def take_ended(self) -> list[tuple[int, float]]:
        """The id of the Play that has come to its end since the last look, if any, and how many seconds ago it did."""
        if self._playing is None:
            return []
        action, wanted = self._playing
        number, at = self._leg.played
        if number != wanted:
            return []
        self._playing = self._sound = None
        if self._telling is not None:
            self.notice = self._telling = None
        self._hum()
        return [(action.id, max(0.0, self._leg.media_seconds - at))]
