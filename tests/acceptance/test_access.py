"""Calls that nobody acknowledges keep no caller out; a nuisance is refused, and his danger passes."""

from __future__ import annotations

import contextlib
import re
import subprocess
import time
from typing import TYPE_CHECKING, Any

import pytest
from acceptance.conftest import HOTLINE
from acceptance.hostile.wire import Wire
from waiting import eventually

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


pytestmark = pytest.mark.alone

TRUNK, OTHER = "127.0.0.9", "127.0.0.66"
CAP = 60
NUISANCE = "13855800066"


@pytest.fixture(scope="module")
def house(make_house_once: Callable[..., Any]) -> Any:
    house = make_house_once(sip={"cap": CAP})
    house.start()
    return house


@pytest.fixture(autouse=True)
def no_boundary_reached(house: Any) -> Iterator[None]:
    before = len(house.log())
    yield
    assert house.faults(before) == []


@contextlib.contextmanager
def wire_from(house: Any, address: str) -> Iterator[Wire]:
    with Wire(house.sip_port, address) as wire:
        yield wire


def calls_in_progress(house: Any) -> int:
    health = house.health()
    assert health
    return int(health["calls"])


def sample(house: Any, name: str) -> float:
    _status, text = house.page("gateway.sock", "/metrics")
    (found,) = re.findall(rf"^{re.escape(name)} (\S+)$", text, re.MULTILINE)
    return float(found)


def test_calls_that_nobody_acknowledges_give_their_places_back(house: Any) -> None:
    """The trunk itself, whose ACKs are lost: its places are free again after seconds, not after 32."""
    with wire_from(house, TRUNK) as wire:
        for _ in range(CAP - 20):
            wire.send(wire.request().encode())
        with wire_from(house, OTHER) as other:
            began = time.monotonic()
            answer = other.ask(other.request())
            assert time.monotonic() - began <= 1.0
            assert answer
            assert answer.status == 200, answer.raw
            other.end(answer)
        eventually(lambda: calls_in_progress(house) == 0, 20, "the places to be free again")


def test_a_caller_on_the_nuisance_list_is_refused_until_he_is_taken_off(house: Any) -> None:
    def steps(*more: Any) -> dict[str, Any]:
        return {"name": "nuisance", "caller": NUISANCE, "steps": [{"wait": "prompt"}, *more]}

    run_hotline(house, "add", NUISANCE, "--reason", "多次无故拨打", "--who", "王班长")
    assert "王班长" in run_hotline(house, "list")
    eventually(lambda: '"nuisance list", "callers": 1' in house.log(), 20, "the list to be in force")
    refused, danger = house.calls([steps(), steps({"press": "9"}, {"wait": "prompt"}, "hang_up")])
    assert [r["failure"] for r in (refused, danger) if r["failure"]] == []
    assert sample(house, "hotline_calls_nuisance_total") == 2
    assert house.tickets(sip_call_id=refused["sip_call_id"]) == []
    (ticket,) = house.final_tickets(danger["sip_call_id"])
    assert "来电人按键示意有危险" in str(ticket)
    assert NUISANCE not in house.log()
    run_hotline(house, "remove", NUISANCE)
    assert "名单为空" in run_hotline(house, "list")
    eventually(lambda: '"nuisance list", "callers": 0' in house.log(), 20, "the list to be empty")
    (result,) = house.calls([steps("hang_up")])
    assert not result["failure"]
    assert sample(house, "hotline_calls_nuisance_total") == 2


def run_hotline(house: Any, *words: str) -> str:
    command = [*HOTLINE, "--config", str(house.config), "--data", str(house.data), "nuisance", *words]
    done = subprocess.run(command, capture_output=True, text=True, env=house.environment, check=True)
    return done.stdout
