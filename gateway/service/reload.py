"""Taking hotlines, flows, prompts, understanding, caps and who may call anew: prepared first, then swapped as one."""

from __future__ import annotations

import asyncio
import logging
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from config.fault import Fault
from gateway.service.dialogues import open_dialogue
from gateway.service.rules import name_rules
from gateway.site import metrics
from recordings.threads import Threads
from tickets.meaning.understanding import go_by, prepare, prove

if TYPE_CHECKING:
    from collections.abc import Callable

    from gateway.calls.dialogue import Dialogue
    from gateway.site.renewal import Source
    from gateway.site.settings import Paths, Settings
    from tickets.meaning.files import RuleFiles

log = logging.getLogger(__name__)

_preparing: Final = Threads("reload", 1)


class StoppedError(Fault):
    """The gateway stops: nothing more is taken anew."""


@dataclass(frozen=True, slots=True)
class Reloaded:
    """A reload that was done. ``late`` names the settings that differ and that only a restart takes."""

    dialogue: Dialogue
    late: tuple[str, ...]


class Reload:
    """Reloads one gateway.

    ``swap`` gives it the settings and what calls are led by from now on, and raises SipError before it has changed
    anything.
    """

    def __init__(self, source: Source, paths: Paths, swap: Callable[[Settings, Dialogue], None]) -> None:
        self._source, self._paths, self._swap = source, paths, swap
        # The stack's table was made at the start.
        self._most, self._most_outgoing = source.running.sip.cap, source.running.passing.cap
        self._turn = asyncio.Lock()
        self._over = threading.Event()
        self.refused = ""
        """Why the last reload was refused; "" when it was done, or none was asked for."""

    async def reload(self) -> Reloaded:
        """Prove and prepare what the files say now, away from the loop, then lead the calls to come by it.

        Whatever is wrong with them, nothing changes and the fault is raised (ConfigError, DivisionsError, ModelError,
        PromptError, SoundError, VoiceError, KilledError, SipError, OSError); the log has it too. Who asks while another
        reload runs waits for his own.
        """
        async with self._turn:
            try:
                settings, late, dialogue, rules = await _preparing.run(asyncio.run, self._prepare())
                self._swap(settings, dialogue)
                go_by(rules)
            except (Fault, OSError) as fault:
                self.refused = str(fault)
                metrics.RELOADS.labels("refused").inc()
                log.error(  # noqa: TRY400 - the message says what, where, and what to do
                    "reload refused, what was in force stays: %s", fault
                )
                raise
            self._source.running, self.refused = settings, ""
        metrics.RELOADS.labels("done").inc()
        lines, flows = len(dialogue.hotlines), [flow.name for flow in dialogue.hotlines.flows]
        log.info("reloaded", extra={"hotlines": lines, "flows": flows, "cap": dialogue.cap})
        if late:
            log.warning("a restart is needed for: %s", ", ".join(late))
        return Reloaded(dialogue, late)

    def close(self) -> None:
        """Let a reload that runs end soon, with nothing changed."""
        self._over.set()

    async def _prepare(self) -> tuple[Settings, tuple[str, ...], Dialogue, RuleFiles]:
        settings, late = self._source.read()
        running, changes = self._source.running, dict[str, Any]()
        if settings.sip.cap > self._most:
            changes["sip"] = settings.sip.model_copy(update={"cap": running.sip.cap})
            late = (*late, "sip.cap")
        if settings.passing.cap > self._most_outgoing:
            changes["passing"] = running.passing
            late = (*late, "passing.cap")
        settings = settings.model_copy(update=changes)
        rules = prove(name_rules(settings))
        prepare(rules)
        return settings, late, await open_dialogue(settings, self._paths, self._note_made, at_once=1), rules

    def _note_made(self, _made: int, _wanted: int) -> None:
        if self._over.is_set():
            raise StoppedError("the gateway stops: nothing was reloaded")
