"""What the settings name, opened: the dialogue, the prompts, the intake."""

from __future__ import annotations

from typing import TYPE_CHECKING

from config.categories import read_categories
from config.document import ConfigError, embedded, load
from config.prompts import PromptTexts
from gateway.prompts.book import PromptBook
from ivr.compile import compile_flow
from ivr.hotlines import read_hotlines
from tickets.client import IntakeClient

if TYPE_CHECKING:
    from gateway.site.settings import DialogueSettings, Paths, Settings
    from ivr.hotline import Hotlines


def read_dialogue(dialogue: DialogueSettings) -> Hotlines:
    """The hotlines with their flows, all proved; raises ConfigError."""
    texts = read_texts(dialogue)
    flow = compile_flow(dialogue.flow or embedded("flows/default.yaml"), texts)
    categories = read_categories(dialogue.categories)
    return read_hotlines(dialogue.hotlines or embedded("hotlines.yaml"), texts, flow, categories)


def read_texts(dialogue: DialogueSettings) -> PromptTexts:
    """The prompts file in use; raises ConfigError."""
    return load(PromptTexts, dialogue.prompts or embedded("prompts.yaml"))


def open_prompts(dialogue: DialogueSettings, paths: Paths) -> PromptBook:
    """The prompts in use; raises PromptError or ConfigError."""
    return PromptBook(dialogue.prompts or embedded("prompts.yaml"), dialogue.replacements, paths.prompts)


def open_intake(settings: Settings) -> IntakeClient:
    """The client of the configured intake; raises ConfigError for a bad address or secret."""
    try:
        return IntakeClient(settings.intake.address, settings.intake.secret, settings.intake.timeout_seconds)
    except ValueError as error:
        raise ConfigError("settings", 0, f"intake: {error}", "correct intake.url or intake.secret") from None
