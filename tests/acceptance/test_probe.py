"""`hotline probe` is content with a service that is well, and finds what is not; its tickets are nobody's work."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from acceptance.test_reload import copy_files, edit, hotline, set_settings

from gateway.prompts import sounds

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from conftest import HouseUp

pytestmark = pytest.mark.soak

CALLER = "05589990000"


@pytest.fixture
def house(make_house: Callable[..., HouseUp]) -> HouseUp:
    house = make_house(probe={"caller": CALLER, "ticket_seconds": 15, "answer_ms": 20_000})
    copy_files(house)
    house.start()
    return house


def probe(house: HouseUp, *options: str) -> dict[str, bool]:
    """What was well by its name, the exit code being as it should."""
    done = hotline(house, "--config", str(house.config), "probe", "--json", *options)
    found = {check["name"]: check["ok"] for check in json.loads(done.stdout)}
    assert done.returncode == (0 if all(found.values()) else 1)
    return found


def test_a_probe_is_content_and_finds_dead_intake_and_dead_speech(house: HouseUp, tmp_path: Path) -> None:
    textfile = tmp_path / "probe.prom"
    well = probe(house, "--textfile", str(textfile))
    assert well == dict.fromkeys(("answer", "dialogue", "prompt", "ticket", "speech", "keys", "intake"), True)
    lines = textfile.read_text().splitlines()
    assert {f'hotline_probe_ok{{check="{name}"}} 1.0' for name in well} <= set(lines)
    (ticket,) = house.tickets()
    (document, *_) = [revision["ticket"] for revision in ticket["revisions"]]
    assert document["appeal"]["title"].startswith("【拨测】")
    assert document["notes"][0] == "拨测来电,不是市民诉求,请勿派单"

    with house.hung("intake"):
        assert [name for name, ok in probe(house).items() if not ok] == ["intake"]
    with house.hung("asr"):
        found = probe(house)
        assert not found["speech"]
        assert found["answer"]
        assert found["prompt"]


def test_a_probe_finds_a_silent_prompt_and_a_wrong_key(house: HouseUp) -> None:
    folder = house.folder / "dialogue"
    (folder / "recordings").mkdir()
    sounds.write_wav(folder / "recordings" / "opening.wav", b"\0\0" * 16_000)
    set_settings(house, dialogue={"replacements": str(folder / "recordings")})
    assert hotline(house, "reload").returncode == 0
    found = probe(house)
    assert not found["prompt"]
    assert found["intake"]

    set_settings(house, dialogue={"replacements": None})
    edit(
        folder / "flow.yaml",
        'on: {"yes": use_number, 1: use_number,',
        'on: {"yes": use_number, 1: no_contact,',
    )
    assert hotline(house, "reload").returncode == 0
    found = probe(house)
    assert not found["keys"]
    assert found["prompt"]
    assert found["intake"]


def test_where_no_number_is_a_probes_none_is_made(make_house: Callable[..., HouseUp]) -> None:
    done = hotline(make_house(), "probe")
    assert done.returncode == 78
    assert "probe.caller" in done.stderr
