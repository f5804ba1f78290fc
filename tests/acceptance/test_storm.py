"""After a storm of hostile INVITEs the house comes to rest: no call, thread, descriptor or file goes on by itself."""

from __future__ import annotations

import random
import time
from typing import TYPE_CHECKING, Any

import pytest
from acceptance.conftest import eventually
from acceptance.hostile.storm import Storm
from acceptance.hostile.wire import Wire
from wholecall import STEPS

if TYPE_CHECKING:
    import psutil

CAP = 300
REST_SECONDS = 90  # an unacknowledged call may live 64 × T1 twice: until it is given up, and until its BYE is
IDLE_CPU = 0.02  # of a core
OPEN_AT_REST = 8  # descriptors more than before: the database's connections
# Threads more than before: for each kind of work that blocks, those connections, and what writes recordings.
THREADS_AT_REST = 19 + 10 + 4


def size(house: Any) -> int:
    """Bytes in the folders of calls."""
    return sum(f.stat().st_size for part in ("spool", "calls") for f in (house.data / part).rglob("*.*"))


def cpu_seconds(process: psutil.Process) -> float:
    times = process.cpu_times()
    return float(times.user + times.system)


def is_empty(house: Any) -> bool:
    return bool(house.health()["calls"] == 0)


def storm_and_rest(house: Any, invites: int, rate: float, idle: float = IDLE_CPU) -> None:
    gateway, idle_objects = house.child("gateway"), house.native_objects()
    house.calls([{"name": "before", "caller": "13855812345", "steps": [{"pause": 1.0}, "hang_up"]}])
    eventually(lambda: is_empty(house), 30, "the end of the first call")
    descriptors, threads = gateway.num_fds(), gateway.num_threads()

    with Wire(house.sip_port) as wire:
        storm = Storm(wire, random.Random(12345))
        storm.blow(invites, rate)
        print({f"{kind or 'another'} {status}": n for (kind, status), n in sorted(storm.statuses.items())})
        # The storm was one: calls stood, though who acknowledges none gets no more than a quarter of the places.
        assert storm.statuses["parted", 200] >= invites / 20
        over = time.monotonic()
        eventually(lambda: is_empty(house), REST_SECONDS, "the end of every call")
    print(f"at rest after {time.monotonic() - over:.0f} s")

    assert house.child("gateway") == gateway
    eventually(lambda: house.native_objects() == idle_objects, 40, "the end of every native object")
    eventually(lambda: gateway.num_fds() <= descriptors + OPEN_AT_REST, 10, "the end of every descriptor")
    eventually(lambda: gateway.num_threads() <= threads + THREADS_AT_REST, 10, "the end of every thread")
    eventually(lambda: not any((house.data / "spool").iterdir()), 60, "the filing of every call")
    assert_rests(house, gateway, idle)
    assert house.faults() == []
    (result,) = house.calls([{"name": "after", "caller": "13855812345", "steps": STEPS}])
    assert not result["failure"]
    ticket = house.whole_ticket(result["sip_call_id"])
    assert "施工" in ticket["appeal"]["content"]


def assert_rests(house: Any, gateway: psutil.Process, idle: float, seconds: float = 10.0) -> None:
    """Nothing grows, and next to nothing is done, for so many seconds."""
    before = (gateway.num_fds(), gateway.num_threads(), size(house))
    cpu, start = cpu_seconds(gateway), time.monotonic()
    time.sleep(seconds)
    used = (cpu_seconds(gateway) - cpu) / (time.monotonic() - start)
    after = (gateway.num_fds(), gateway.num_threads(), size(house))
    print(f"descriptors, threads, bytes {before}, then {after}; CPU {used:.1%}")
    assert all(now <= then for now, then in zip(after, before, strict=True))
    assert used <= idle


@pytest.fixture
def stormy_house(make_house: Any) -> Any:
    house = make_house(sip={"cap": CAP})
    house.start()
    return house


def test_a_hundred_hostile_invites(stormy_house: Any) -> None:
    storm_and_rest(stormy_house, invites=100, rate=20, idle=2 * IDLE_CPU)  # other tests run beside it


@pytest.mark.soak
@pytest.mark.timeout(900)
def test_two_thousand_hostile_invites(stormy_house: Any) -> None:
    storm_and_rest(stormy_house, invites=2000, rate=40)
