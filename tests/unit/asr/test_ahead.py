"""Making recognisers before anybody calls."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

import pytest

from asr.admission import Admission
from asr.ahead import Ahead, _memory_left
from asr.turns import Turns

CONFINEMENT = Path(__file__).parents[3] / "systemd/system/hotline-.service.d/50-confinement.conf"


class Spare:
    """A recogniser."""

    def accept(self, _: bytes) -> bool:
        time.sleep(0.001)
        return False

    def final(self) -> str:
        return ""

    def release(self) -> bool:
        return True


class Lacking:
    """An engine that never has as many as it should."""

    made = 0

    def spare(self, *_: int) -> Spare:
        self.made += 1
        return Spare()


@pytest.fixture
def turns():
    made = Turns(1)
    yield made
    made.close()


def test_a_service_that_may_not_see_how_much_memory_is_left_starts_all_the_same(tmp_path: Path, monkeypatch):
    monkeypatch.setattr("asr.ahead._MEMORY", tmp_path / "hidden")
    assert _memory_left() > 0
    assert "\nProcSubset=" not in CONFINEMENT.read_text(), "what caches would give back is not in it"


async def test_a_start_on_a_slow_machine_ends_and_the_rest_is_made_afterwards(turns, monkeypatch):
    monkeypatch.setattr("asr.ahead._BEGIN_SECONDS", 0.1)
    engine = Lacking()
    async with asyncio.timeout(30):
        await Ahead(engine, turns, Admission(1, 8.0)).begin()
    assert engine.made
