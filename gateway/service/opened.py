"""What the settings name, opened: the dialogue, the prompts, the intake."""

from __future__ import annotations

import logging
import os
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from config.calendar import read_calendar
from config.categories import read_categories
from config.document import ConfigError, embedded, load
from config.fault import LastingFault
from config.prompts import PromptTexts
from gateway.calls.dialogue import Dialogue
from gateway.prompts.book import PromptBook
from ivr.compile import compile_flow
from ivr.hotlines import read_hotlines
from tickets.client import IntakeClient
from tickets.mapped import MappedClient
from tickets.mapping import read_mapping
from tickets.meaning.files import RuleFiles
from tickets.meaning.understanding import use

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from gateway.site.settings import DialogueSettings, Paths, Settings
    from ivr.flow import Flow
    from ivr.hotline import Hotlines

log = logging.getLogger(__name__)

_OPERATORS = ("replacements", "prompts", "categories", "calendar", "hotlines")
"""The operator's files, in the order in which a dialogue does without them: last, which lines there are."""


def read_dialogue(dialogue: DialogueSettings, *, own_flows: bool = True) -> Hotlines:
    """The hotlines with their flows, all proved; raises ConfigError. See `read_hotlines` for ``own_flows``."""
    texts = read_texts(dialogue)
    flow = compile_flow(dialogue.flow or embedded("flows/default.yaml"), texts)
    categories = read_categories(dialogue.categories)
    file = dialogue.hotlines or embedded("hotlines.yaml")
    calendar = read_calendar(dialogue.calendar)
    return read_hotlines(file, texts, flow, categories, calendar, own_flows=own_flows)


def read_nuisance_flow(dialogue: DialogueSettings) -> Flow:
    """What a caller on the nuisance list hears, proved with the prompts in use; raises ConfigError."""
    return compile_flow(embedded("flows/nuisance.yaml"), read_texts(dialogue))


def read_texts(dialogue: DialogueSettings) -> PromptTexts:
    """The prompts file in use; raises ConfigError."""
    return load(PromptTexts, dialogue.prompts or embedded("prompts.yaml"))


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
    return Dialogue(hotlines, prompts, settings.sip.cap, datetime.now(UTC))


async def open_some_dialogue(settings: Settings, paths: Paths) -> Dialogue:
    """The operator's dialogue, or as much of it as can be used: a caller is answered whatever an operator has written.

    The flows are the embedded ones then, whatever else cannot be used is replaced by what is embedded, too, and the
    dialogue is marked makeshift. Raises what `open_dialogue` does when not even what is embedded can be used.
    """
    try:
        return await open_dialogue(settings, paths)
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
            return replace(opened, makeshift=str(why))
    raise why


def _without_more_and_more(dialogue: DialogueSettings) -> Iterator[DialogueSettings]:
    """The embedded flows under the operator's hotlines and prompts, then without these, one after the other."""
    yield dialogue.model_copy(update={"flow": None})
    for name in _OPERATORS:
        if getattr(dialogue, name) is not None:
            dialogue = dialogue.model_copy(update={"flow": None, name: None})
            yield dialogue


def name_rules(settings: Settings) -> RuleFiles:
    """The operator's files that tickets are understood by."""
    files = settings.understanding
    return RuleFiles(
        categories=settings.dialogue.categories,
        classifier=files.classifier,
        dispatch=files.dispatch,
        gazetteer=files.gazetteer,
        divisions=files.divisions,
        points=files.points,
    )


def choose_rules(settings: Settings) -> None:
    """Let tickets be understood by the operator's files from here on; raises LastingFault."""
    use(name_rules(settings))


def choose_some_rules(settings: Settings) -> None:
    """The same, or by the embedded ones: calls are answered and filed whatever an operator has written."""
    try:
        choose_rules(settings)
    except LastingFault as fault:
        log.critical("tickets are understood by the embedded rules, yours cannot be used: %s", fault)
        use(RuleFiles())


def open_intake(settings: Settings) -> IntakeClient:
    """The client of the configured intake; raises ConfigError for a bad address, secret, access or mapping."""
    intake = settings.intake
    mapping = read_mapping(intake.mapping) if intake.mapping is not None else None
    try:
        if mapping is not None:
            return MappedClient(intake.address, intake.secret, intake.timeout_seconds, intake.access, mapping)
        return IntakeClient(
            intake.address, intake.secret, intake.timeout_seconds, intake.alerts_url, intake.access
        )
    except ValueError as error:
        remedy = "correct the section intake, or its credentials"
        raise ConfigError("settings", 0, f"intake: {error}", remedy) from None
