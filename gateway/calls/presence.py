"""Whether anybody can listen to one call, as its dialogue and its journal were told last."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ivr.events import EarChecked
from tickets.entries import note_model

if TYPE_CHECKING:
    from collections.abc import Callable

    from asr.transcript import ModelFingerprint
    from gateway.calls.scribe import Scribe


class Presence:
    """Follows the house's ``model``: the next question will listen, or not try."""

    def __init__(self, model: Callable[[], ModelFingerprint | None], scribe: Scribe) -> None:
        self._model, self._scribe = model, scribe
        self._is_there, self._told_model = True, False

    def begin(self, model: ModelFingerprint | None) -> None:
        """The call is being answered, and this is who listens then."""
        self._is_there = model is not None
        self._tell(model)

    def look(self, now: float) -> EarChecked | None:
        """What the dialogue must be told, if speech recognition has come or gone since the last look."""
        model = self._model()
        if (model is not None) is self._is_there:
            return None
        self._is_there = model is not None
        self._tell(model)
        return EarChecked(now, self._is_there)

    def _tell(self, model: ModelFingerprint | None) -> None:
        if model is not None and not self._told_model:
            self._told_model = True
            self._scribe.note(note_model(model))
