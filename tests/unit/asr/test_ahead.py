"""Making recognisers before anybody calls."""

from __future__ import annotations

from pathlib import Path

from asr.ahead import _memory_left

CONFINEMENT = Path(__file__).parents[3] / "systemd/system/hotline-.service.d/50-confinement.conf"


def test_a_service_that_may_not_see_how_much_memory_is_left_starts_all_the_same(tmp_path: Path, monkeypatch):
    monkeypatch.setattr("asr.ahead._MEMORY", tmp_path / "hidden")
    assert _memory_left() > 0
    assert "\nProcSubset=" not in CONFINEMENT.read_text(), "what caches would give back is not in it"
