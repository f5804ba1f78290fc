"""A gateway that starts with files that cannot be used."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from gateway.calls.dialogue import Dialogue
from gateway.service import dialogues
from gateway.service.flows import read_dialogue
from gateway.site.settings import DialogueSettings, Paths, Settings

if TYPE_CHECKING:
    from pathlib import Path

    import pytest


async def test_a_broken_calendar_alone_costs_nobody_the_dialogue(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def open_unspoken(settings: Settings, paths: Paths, *_: object, own_flows: bool = True) -> Dialogue:
        hotlines = read_dialogue(settings.dialogue, own_flows=own_flows)
        return Dialogue(hotlines, dialogues.open_prompts(settings.dialogue, paths), 1, datetime.now(UTC))

    monkeypatch.setattr(dialogues, "open_dialogue", open_unspoken)
    calendar = tmp_path / "calendar.yaml"
    calendar.write_text("rest: [{from: 2027-13-01}]\n", encoding="utf-8")
    settings = Settings(dialogue=DialogueSettings(calendar=calendar))
    opened = await dialogues.open_some_dialogue(settings, Paths(tmp_path, {}))
    assert opened.makeshift == ""
    assert opened.calendar.startswith(f"{calendar}:1: ")

    flow = tmp_path / "flow.yaml"
    flow.write_text("start: nowhere\n", encoding="utf-8")
    both = Settings(dialogue=DialogueSettings(calendar=calendar, flow=flow))
    opened = await dialogues.open_some_dialogue(both, Paths(tmp_path, {}))
    assert opened.makeshift.startswith(f"{flow}:")
    assert opened.calendar.startswith(f"{calendar}:1: ")
