"""What the caller is told: prompts, made and played one at a time."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

from gateway.prompts.sounds import SoundError
from gateway.prompts.voice import KilledError, VoiceError
from gateway.prompts.wording import PromptError
from gateway.sip.fault import SipError
from gateway.site import metrics
from recordings.entries import Played, Unplayed
from recordings.journal import JournalError

if TYPE_CHECKING:
    from gateway.calls.scribe import Scribe
    from gateway.prompts.book import PromptBook
    from gateway.sip.leg import Leg
    from ivr.actions import Play

log = logging.getLogger(__name__)

_RENDER_SECONDS = 3.0  # a prompt that takes longer to make is left out


class Speaker:
    """Speaks on one leg."""

    def __init__(self, leg: Leg, prompts: PromptBook, scribe: Scribe) -> None:
        self._leg, self._prompts, self._scribe = leg, prompts, scribe
        self._playing: tuple[Play, int] | None = None  # and the leg's number for it
        self._held = False
        self._waiting: Play | None = None  # what is to be played when the caller is back

    async def play(self, action: Play) -> bool:
        """Play it; false when it cannot be played and is left out. Raises JournalError."""
        if self._held:
            self._waiting = action
            return True
        try:
            async with asyncio.timeout(_RENDER_SECONDS):
                with metrics.PROMPT_RENDER.time():
                    rendered = await self._prompts.render(action.prompt)
            if self._leg.ended is not None:
                return True
            if self._held:  # meanwhile
                self._waiting = action
                return True
            began = self._leg.media_seconds
            # A slot of an anonymous line's prompt is filled with what nobody else may read.
            text = "" if self._scribe.anonymous and action.prompt.slots else rendered.text
            self._scribe.note(Played(action.id, action.prompt.name, text, began))
            self._playing = (action, self._leg.play(rendered.sound))
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

    def stop(self) -> None:
        """End what is being played, at once."""
        self._playing = self._waiting = None
        self._leg.stop_playing()

    @property
    def is_held(self) -> bool:
        """Whether it keeps silent since `hold`."""
        return self._held

    def hold(self) -> None:
        """The caller wants to hear nothing: what is being played ends here, to begin anew when he is back."""
        self._held = True
        waiting = self._playing[0] if self._playing is not None else self._waiting
        self.stop()
        self._waiting = waiting

    def release(self) -> Play | None:
        """The caller is back; what is to be played for him now."""
        self._held = False
        waiting, self._waiting = self._waiting, None
        return waiting

    def take_ended(self) -> list[tuple[int, float]]:
        """The id of the Play that has come to its end since the last look, if any, and how many seconds ago it did."""
        if self._playing is None:
            return []
        action, wanted = self._playing
        number, at = self._leg.played
        if number != wanted:
            return []
        self._playing = None
        return [(action.id, max(0.0, self._leg.media_seconds - at))]
