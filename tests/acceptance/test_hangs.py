"""`hotline up` and a process that hangs: it is replaced, and what it cut off is finished."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psutil
import pytest
from waiting import eventually

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

REPLACED_SECONDS = 15.0
TALKING = [{"pause": 1.0}, {"say": "颍上县慎城镇房子漏雨", "over": True}, {"pause": 120}]
DEADLOCK = """import signal

def drill(*_):
    import pjsua2

    pjsua2.drillDeadlock()

signal.signal(signal.SIGUSR2, drill)
"""
"""What each process does at its start, as a module named sitecustomize: the wheel's drill upon a signal."""


def talk(house: Any, count: int = 1) -> Any:
    """Calls in progress, in which something has been said and nobody will hang up."""
    scripts = [{"name": f"talker {n}", "caller": f"1385581234{n}", "steps": TALKING} for n in range(count)]
    peer = house.start_calls(scripts)
    eventually(lambda: house.health()["calls"] == count, 30, "the calls")
    spool = house.data / "spool"

    def heard() -> bool:
        journals = list(spool.glob("*/events.jsonl"))
        return len(journals) == count and all('"heard"' in j.read_text() for j in journals)

    eventually(heard, 30, "the words")
    return peer


def serves(house: Any, name: str) -> bool:
    """Whether a child does its work; raises OSError when nobody answers."""
    if name == "intake":
        return isinstance(house.tickets(), list)
    socket = "asr-health.sock" if name == "asr" else f"{name}.sock"
    return bool(house.page(socket, "/healthz")[0] == 200)


def all_serve(house: Any) -> dict[str, psutil.Process]:
    """Every child by its name, once all have begun."""
    names = ("asr", "worker", "console", "intake", "gateway")
    eventually(lambda: all(serves(house, name) for name in names), 60, "the start of all")
    return {name: house.child(name) for name in names}


def replaced(house: Any, name: str, old: psutil.Process, since: float) -> None:
    """A child of this name serves in place of the old one, in time."""

    def is_replaced() -> bool:
        try:
            return house.child(name).pid != old.pid and serves(house, name)
        except psutil.Error:
            return False

    try:
        eventually(is_replaced, REPLACED_SECONDS - (time.monotonic() - since), f"the replacement of {name}")
    except AssertionError as error:
        raise AssertionError(f"{error}\n{house.log()}") from None


def interrupted_tickets(house: Any, calls: int) -> list[dict[str, Any]]:
    """The last revision of every call's ticket, once the spool is empty; each must have been cut off."""
    eventually(lambda: not list((house.data / "spool").glob("*/")), 60, "the filing")

    def look() -> list[dict[str, Any]] | None:
        newest = [t["revisions"][-1]["ticket"] for t in house.tickets()]
        return newest if len(newest) == calls and all(t["call"]["ended_at"] for t in newest) else None

    found: list[dict[str, Any]] = eventually(look, 30, "the tickets")
    assert all(t["call"]["interrupted"] for t in found)
    return found


@contextlib.contextmanager
def connected(house: Any) -> Iterator[None]:
    """A trunk's SIP connection over TCP that is open all the while."""
    host, port = house.sip.split(":")
    with socket.create_connection((host, int(port))):
        yield


@pytest.mark.few
def test_a_stopped_gateway_is_replaced_and_its_calls_become_interrupted_tickets(house: Any) -> None:
    peer = talk(house, 2)
    old = house.child("gateway")
    with connected(house):
        began = time.monotonic()
        old.send_signal(signal.SIGSTOP)
        replaced(house, "gateway", old, began)
    peer.kill()
    assert "has given no sign of life" in house.log()
    assert "most recent call first" in house.log()
    assert all("漏雨" in t["appeal"]["content"] for t in interrupted_tickets(house, 2))
    (result,) = house.calls([{"name": "afterwards", "caller": "", "steps": [{"wait": "prompt"}, "hang_up"]}])
    assert result["answered_ms"] is not None


@pytest.mark.few
def test_a_native_deadlock_is_found_and_its_stacks_are_in_the_log(
    make_house: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    drills = tmp_path / "drills"
    drills.mkdir()
    (drills / "sitecustomize.py").write_text(DEADLOCK)
    monkeypatch.setenv("PYTHONPATH", f"{drills}:{Path(__file__).parents[2]}")
    house = make_house()
    house.start()
    peer = talk(house)
    old = house.child("gateway")
    began = time.monotonic()
    old.send_signal(signal.SIGUSR2)
    replaced(house, "gateway", old, began)
    peer.kill()
    assert "Fatal Python error: Aborted" in house.log()
    assert "most recent call first" in house.log()
    interrupted_tickets(house, 1)


@pytest.mark.parametrize("name", ["asr", "worker", "console", "intake"])
@pytest.mark.soak
def test_each_of_the_others_that_stands_still_is_replaced(house: Any, name: str) -> None:
    eventually(lambda: serves(house, name), 60, f"the start of {name}")
    old = house.child(name)
    began = time.monotonic()
    old.send_signal(signal.SIGSTOP)
    eventually(lambda: not old.is_running(), 12, f"the end of {name}")
    replaced(house, "gateway", psutil.Process(os.getpid()), began)  # the telephone was there all the while
    eventually(lambda: house.child(name).pid != old.pid and serves(house, name), 60, f"the next {name}")
    eventually(house.is_ready, 60, "the hearing")
    (result,) = house.calls(
        [{"name": "afterwards", "caller": "13855812345", "steps": [*TALKING[:2], "hang_up"]}]
    )
    (ticket,) = house.final_tickets(result["sip_call_id"])
    assert ticket["appeal"]["content"].startswith("颍上县")


@pytest.mark.soak
def test_a_supervisor_that_stood_still_itself_ends_nobody(house: Any) -> None:
    """And its children go on all the while, though nobody hears their signs of life."""
    children = all_serve(house)
    house.process.send_signal(signal.SIGSTOP)
    try:
        (result,) = house.calls([{"name": "meanwhile", "caller": "", "steps": [{"pause": 25}, "hang_up"]}])
    finally:
        house.process.send_signal(signal.SIGCONT)
    assert (result["failure"], result["hung_up_by"]) == ("", "caller")
    time.sleep(REPLACED_SECONDS)
    assert {name: house.child(name) for name in children} == children
    assert "no sign of life" not in house.log()


@pytest.mark.soak
def test_a_machine_that_slept_has_lost_nobody(house: Any) -> None:
    """All stand still together, as in a suspended machine, and go on in no order."""
    children = list(all_serve(house).values())
    everybody = [psutil.Process(house.process.pid), *children]
    for one in everybody:
        one.suspend()
    time.sleep(REPLACED_SECONDS)
    for one in everybody:
        one.resume()
    time.sleep(REPLACED_SECONDS)
    assert all(child.is_running() for child in children)
    assert "no sign of life" not in house.log()
