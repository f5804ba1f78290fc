"""What leads the calls: the hotlines with their flows, and what is said in them, as the settings name them."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from config.calendar import read_calendar
from config.categories import read_categories
from config.document import ConfigError, embedded, load
from config.prompts import PromptTexts
from ivr.compile import compile_flow
from ivr.hotlines import read_hotlines
from recordings.calloutwords import Kind

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from gateway.site.settings import DialogueSettings
    from ivr.flow import Flow
    from ivr.hotline import Hotlines

_PLACED: Final = {
    Kind.FOLLOW_UP: "placed_follow_up.yaml",
    Kind.CARE: "placed_care.yaml",
    Kind.MISSED: "placed_missed.yaml",
}


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


def read_placed(dialogue: DialogueSettings, folder: Path | None) -> Mapping[Kind, Flow]:
    """What calls that we place are led by: the files of that folder, else the embedded ones. Raises ConfigError."""
    texts = read_texts(dialogue)
    flows = {kind: _compile_placed(name, folder, texts) for kind, name in _PLACED.items()}
    return MappingProxyType(flows)


def _compile_placed(name: str, folder: Path | None, texts: PromptTexts) -> Flow:
    own = folder / name if folder is not None else None
    file = own if own is not None and own.exists() else embedded(f"flows/{name}")
    flow = compile_flow(file, texts)
    if not flow.placed:
        what = "it is no flow of a call that we place: who answers could hear what is another's"
        raise ConfigError(
            str(file), 0, what, "name under `neutral:` what may be said before the person has confirmed"
        )
    return flow


def read_texts(dialogue: DialogueSettings) -> PromptTexts:
    """The prompts file in use; raises ConfigError."""
    return load(PromptTexts, dialogue.prompts or embedded("prompts.yaml"))
