"""The dialogue that the settings name, opened: its flows, and its prompts in memory."""

from __future__ import annotations

import logging
import os
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from config.calendar import read_calendar
from config.document import ConfigError, embedded
from config.fault import LastingFault
from gateway.calls.dialogue import Dialogue
from gateway.prompts.book import PromptBook
from gateway.service.flows import read_dialogue, read_placed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from gateway.site.settings import DialogueSettings, Paths, Settings


log = logging.getLogger(__name__)

_OPERATORS = ("replacements", "prompts", "categories", "hotlines")
"""The operator's files, in the order in which a dialogue does without them: last, which lines there are."""


def open_prompts(dialogue: DialogueSettings, paths: Paths) -> PromptBook:
    """The prompts in use; raises PromptError or ConfigError."""
    return PromptBook(dialogue.prompts or embedded("prompts.yaml"), dialogue.replacements, paths.prompts)


async def open_dialogue(
    settings: Settings,
    paths: Paths,
    progress: Callable[[int, int], None] = lambda _made, _wanted: None,
    at_once: int = os.cpu_count() or 1,
    *,
    own_flows: bool = True,
) -> Dialogue:
    """All that leads calls, proved, its prompts made (``at_once`` of them at a time) and in memory.

    Raises ConfigError, PromptError, SoundError, VoiceError or KilledError.
    """
    hotlines = read_dialogue(settings.dialogue, own_flows=own_flows)
    prompts = open_prompts(settings.dialogue, paths)
    await prompts.prepare(hotlines.openings, progress, at_once)
    opened = Dialogue(hotlines, prompts, settings.sip.cap, datetime.now(UTC))
    if not settings.callback.trunk:
        return opened
    try:
        placed = read_placed(settings.dialogue, settings.callback.flows)
    except ConfigError as fault:  # who calls us does not suffer for whom we call
        log.error(  # noqa: TRY400 - the message says what, where, and what to do
            "nobody is called by us: %s", fault
        )
        return replace(opened, unplaced=str(fault))
    return replace(opened, placed=placed)


async def open_some_dialogue(settings: Settings, paths: Paths) -> Dialogue:
    """The operator's dialogue, or as much of it as can be used: a caller is answered whatever an operator has written.

    The flows are the embedded ones then, whatever else cannot be used is replaced by what is embedded, too, and the
    dialogue is marked makeshift. A calendar alone costs nobody the dialogue: without it the embedded holidays and the
    weekdays decide. Raises what `open_dialogue` does when not even what is embedded can be used.
    """
    settings, uncounted = _do_without_a_broken_calendar(settings)
    try:
        return replace(await open_dialogue(settings, paths), calendar=uncounted)
    except LastingFault as fault:
        why = fault
    log.critical("the dialogue cannot be used, callers are passed to a person: %s", why)
    for fewer in _without_more_and_more(settings.dialogue):
        try:
            without = settings.model_copy(update={"dialogue": fewer})
            opened = await open_dialogue(without, paths, own_flows=False)
        except LastingFault as fault:
            log.info("nor without: %s", fault)
        else:
            return replace(opened, makeshift=str(why), calendar=uncounted)
    raise why


def _do_without_a_broken_calendar(settings: Settings) -> tuple[Settings, str]:
    """The settings without a calendar that cannot be read, and what is wrong with it; "" when nothing is."""
    try:
        read_calendar(settings.dialogue.calendar)
    except ConfigError as fault:
        log.error(  # noqa: TRY400 - the message says what, where, and what to do
            "the calendar cannot be used, the embedded holidays and the weekdays decide: %s", fault
        )
        without = settings.dialogue.model_copy(update={"calendar": None})
        return settings.model_copy(update={"dialogue": without}), str(fault)
    return settings, ""


def _without_more_and_more(dialogue: DialogueSettings) -> Iterator[DialogueSettings]:
    """The embedded flows under the operator's hotlines and prompts, then without these, one after the other."""
    yield dialogue.model_copy(update={"flow": None})
    for name in _OPERATORS:
        if getattr(dialogue, name) is not None:
            dialogue = dialogue.model_copy(update={"flow": None, name: None})
            yield dialogue
