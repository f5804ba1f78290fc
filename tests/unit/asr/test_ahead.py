"""Making recognisers before anybody calls."""

from __future__ import annotations

import asyncio
import math
import time
from pathlib import Path

import pytest

from asr.admission import Admission
from asr.ahead import Ahead, _memory_left
from asr.turns import Turns

CONFINEMENT = Path(__file__).parents[3] / "systemd/system/hotline-.service.d/50-confinement.conf"


WORK, WAIT = 0.002, 0.01  # seconds that each piece takes: of the processor, and without it
PIECES = 20  # that a recogniser made ahead hears


class Spare:
    """A recogniser on a machine that others have taken."""

    def accept(self, _: bytes) -> bool:
        until = time.thread_time() + WORK
        while time.thread_time() < until:
            pass
        time.sleep(WAIT)
        return False

    def final(self) -> str:
        return ""

    def release(self) -> bool:
        return True


class Lacking:
    """An engine that can make so MANY, and never has enough."""

    def __init__(self, many: float) -> None:
        self.many, self.made = many, 0

    def spare(self, *_: int) -> Spare | None:
        if self.made >= self.many:
            return None
        self.made += 1
        return Spare()


class Load(Admission):
    """Writes down what it is told."""

    def decoded(self, audio: float, took: float) -> None:
        self.told = audio, took


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
    engine = Lacking(math.inf)
    async with asyncio.timeout(30):
        await Ahead(engine, turns, Admission(1, 8.0)).begin()
    assert engine.made


async def test_how_fast_a_start_was_beside_others_weighs_what_it_worked(turns):
    """They may be gone with the first caller: so slow it was, but little was learnt."""
    load = Load(1, 8.0)
    await Ahead(Lacking(1), turns, load).begin()
    audio, took = load.told
    assert audio / took < 4.0 / (PIECES * (WORK + WAIT))
    assert took < PIECES * WAIT
