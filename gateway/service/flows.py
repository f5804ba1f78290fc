"""What leads the calls: the hotlines with their flows, and what is said in them, as the settings name them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from config.calendar import read_calendar
from config.categories import read_categories
from config.document import embedded, load
from config.prompts import PromptTexts
from ivr.compile import compile_flow
from ivr.hotlines import read_hotlines

if TYPE_CHECKING:
    from gateway.site.settings import DialogueSettings
    from ivr.flow import Flow
    from ivr.hotline import Hotlines


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
