"""How one call ends: cut short by what bounds it, or hung up; its journal says so."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from asr.fax import Fax
from recordings import entries

if TYPE_CHECKING:
    from collections.abc import Callable

    from gateway.calls.bounds import Watch
    from gateway.calls.scribe import Scribe
    from gateway.sip.ended import Ended

log = logging.getLogger(__name__)


class Ending:
    """Keeps why a call must not go on, and its hang-up until the journal has taken it."""

    def __init__(self, scribe: Scribe, watch: Watch, is_talking: Callable[[], bool]) -> None:
        self._scribe, self.watch, self._is_talking = scribe, watch, is_talking
        self.reason = ""
        """Why the call is cut short, "" while it is not."""
        self._unwritten: Ended | None = None
        self._fax = Fax()

    def cut(self, now: float, pcm: bytes) -> bool:
        """Whether to hang up now: a bound has just been reached, or PCM, the next he sends, makes him a fax."""
        if not self.reason:
            fax = self._fax.take(pcm) and self._is_talking()
            self.reason = "a fax machine called" if fax else self.watch.overdue(now)
            if self.reason:
                log.warning("the call is cut short: %s", self.reason)
                return True
        return False

    def take(self, ended: Ended) -> None:
        """The line is down; ``write`` writes it."""
        self._unwritten = ended

    def write(self) -> None:
        """Write the hang-up if that is still to be done; raises JournalError, and may be called again."""
        ended = self._unwritten
        if ended is None:
            return
        if ended.by == "lost" and not self.watch.is_acknowledged:
            self.reason = self.reason or "the caller's side never acknowledged the answer"
        elif ended.by == "gateway" and self._is_talking():
            self.reason = self.reason or "the gateway ended the call before the dialogue did"
        if self.reason:
            self._scribe.note(entries.Interrupted(self.reason))
        self._scribe.note(entries.HungUp(ended.by, f"{ended.status} {ended.reason}", ended.media_seconds))
        self._unwritten = None
