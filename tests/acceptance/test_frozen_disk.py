"""Calls while the disk of the data folder stands still: answered, told the truth, passed on, and filed afterwards."""

from __future__ import annotations

import contextlib
import errno
import json
import os
import shutil
import signal
import time
from typing import TYPE_CHECKING, Any

import pytest
from acceptance.conftest import MADE_PROMPTS
from acceptance.people import People, loudest, passing_house, read_channel
from acceptance.test_passing import ringing
from callfolder import told
from frozendisk import FreezableDisk
from waiting import eventually

from recordings import folders, journal
from recordings.entries import (
    AlarmedEvent,
    Answered,
    Dialled,
    DigitEvent,
    Heard,
    Played,
    RecordingTrouble,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

pytestmark = pytest.mark.few

CALLER = "13855812345"
WAIT, NOISE = {"wait": "prompt"}, {"say": "颍州区清河街道小区夜间施工噪音扰民"}
DEEDS: dict[str, list[Any]] = {
    "801": ["answers"],
    "802": ["answers", {"talks": 5.0}, "hangs_up"],
}
BEFORE: dict[str, list[Any]] = {  # up when the disk begins to stand still
    "talks": [WAIT, {"press": "0"}, {"pause": 32.0}, "hang_up"],
    "key": [WAIT, WAIT, {"pause": 12.0}, {"press": "9"}, {"pause": 8.0}, "hang_up"],
}
MEANWHILE: dict[str, list[Any]] = {  # come when it does
    "tells": [
        *(WAIT, NOISE, {"press": "#"}, WAIT, {"say": "是的"}, WAIT, {"say": "行"}),
        *(WAIT, {"pause": 8.0}, "hang_up"),
    ],
    "leaves": [WAIT, NOISE, {"pause": 1.0}, "hang_up"],
    "new_key": [WAIT, WAIT, {"press": "9"}, {"pause": 8.0}, "hang_up"],
    "new_words": [WAIT, {"say": "我家着火了"}, {"pause": 8.0}, "hang_up"],
}


def scripts(steps: dict[str, list[Any]]) -> list[dict[str, Any]]:
    return [
        {"name": name, "called": "12345", "caller": CALLER, "steps": some} for name, some in steps.items()
    ]


@pytest.fixture
def people(tmp_path: Path) -> Iterator[People]:
    people = People(DEEDS, tmp_path)
    yield people
    people.stop()


@pytest.fixture
def disks() -> Iterator[list[FreezableDisk]]:
    disks: list[FreezableDisk] = []
    yield disks
    for disk in disks:
        disk.close()


@pytest.fixture
def make(disks: list[FreezableDisk], make_house: Callable[..., Any]) -> Callable[..., Any]:
    """Houses whose data lie on a disk that can be let stand still; `disks` has it."""

    def build(*, log_elsewhere: bool = False, **settings: Any) -> Any:
        house = make_house(**settings)
        disks.append(FreezableDisk(house.data))
        if MADE_PROMPTS.is_dir():
            shutil.copytree(MADE_PROMPTS, house.data / "prompts")
        if not log_elsewhere:
            (house.data / "up.log").touch()
            (house.folder / "up.log").symlink_to(house.data / "up.log")
        return house

    return build


def place_of(house: Any, sip_call_id: str) -> Path:
    return next(
        f.parent for f in (house.data / "calls").rglob("events.jsonl") if sip_call_id in f.read_text()
    )


def test_a_disk_that_stands_still_keeps_nobody_from_a_person_and_loses_nothing(
    make: Callable[..., Any], disks: list[FreezableDisk], people: People
) -> None:
    house = passing_house(
        make,
        people,
        {"12345": {"person": [people.target("801")], "danger": [people.target("802")]}},
        sip={"cap": len(BEFORE) + len(MEANWHILE)},  # a full house
        passing={"cap": 21, "kept_for_danger": 20},  # whose one ordinary line to people is taken
    )
    (disk,) = disks
    before = house.start_calls(scripts(BEFORE), 0.1, record_to=house.folder / "before")
    eventually(lambda: (house.health() or {}).get("bridged") == 1, 60, "the talk")
    with disk.frozen():
        meanwhile = house.start_calls(scripts(MEANWHILE), 0.1, record_to=house.folder / "meanwhile")
        called = eventually(lambda: len(people.told("invited")) == 4 and people.told("invited"), 60, "alarms")
        assert house.page("gateway.sock", "/readyz")[0] == 200
        assert "stands still" in house.page("gateway.sock", "/readyz")[1]
        results = house.results(meanwhile)
        assert not any(result["refused"] for result in results)
        assert len(list((house.data / "spool").iterdir())) == len(BEFORE)  # nothing could be written
        assert not list((house.data / "calls").rglob("*.jsonl"))
    results = house.results(before) + results
    sip_ids = {
        name: result["sip_call_id"] for name, result in zip([*BEFORE, *MEANWHILE], results, strict=True)
    }
    for name, sip_call_id in sip_ids.items():
        tickets = house.final_tickets(sip_call_id)
        place = place_of(house, sip_call_id)
        entries = told(place)
        assert not [e for e in entries if isinstance(e, RecordingTrouble)], name
        assert json.loads((place / journal.NAME).read_text().splitlines()[0])["kind"] == "incoming"
        assert [t["appeal"]["urgency"] for t in tickets] == (
            ["特急"] if name.endswith(("key", "words")) else ["一般"]
        ), name
    assert "Traceback" not in house.log()

    for name in ("key", "new_key", "new_words"):
        place = place_of(house, sip_ids[name])
        alarm = next(e for e in told(place) if isinstance(e, AlarmedEvent | DigitEvent))
        answered = next(w.wall for w in journal.read(place).entries if isinstance(w.entry, Answered))
        assert answered.timestamp() + alarm.at > disk.frozen_at
        if isinstance(alarm, DigitEvent):
            late = people.invited(place.name) - answered.timestamp() - alarm.at
            print(f"{name}: the target rang {late:.2f} s after the key")
        else:
            late = ringing(place, people, alarm.at)
        assert 0 <= late < 1, name
        assert len([e for e in told(place) if isinstance(e, Dialled)]) == 1
        assert loudest(read_channel(place / folders.AUDIO, 1)) > 3000  # they have talked, and it is recorded
    assert len(called) == 4

    place = place_of(house, sip_ids["tells"])
    assert "no_number" in [e.name for e in told(place) if isinstance(e, Played)]  # the truth
    for name in ("tells", "leaves"):
        said = "".join(e.text for e in told(place_of(house, sip_ids[name])) if isinstance(e, Heard))
        assert "噪音" in said, name
    assert loudest(read_channel(place_of(house, sip_ids["talks"]) / folders.AUDIO, 1)) > 3000


@pytest.mark.soak
def test_many_short_calls_over_a_disk_that_stops_and_goes_are_all_filed_and_nothing_is_left(
    make: Callable[..., Any], disks: list[FreezableDisk], people: People
) -> None:
    house = passing_house(make, people, {"12345": {}})
    (disk,) = disks
    gateway = house.child("gateway")
    house.calls(scripts({"first": [WAIT, "hang_up"]}))
    descriptors = gateway.num_fds()
    peer = house.start_calls(
        scripts({f"{n}": [{"pause": 2.0}, {"press": "1"}, "hang_up"] for n in range(200)}), 0.1
    )
    while peer.poll() is None and (house.health() or {}).get("calls", 0) == 0:
        time.sleep(0.1)
    for _ in range(4):
        with disk.frozen():
            time.sleep(4)
        time.sleep(1)
    results = house.results(peer)
    assert not any(result["refused"] for result in results)
    assert len({result["sip_call_id"] for result in results}) == 200
    ended = house.data / "calls"
    eventually(lambda: len(list(ended.rglob(journal.NAME))) == 201, 60, "the end of each call's filing")
    for file in ended.rglob(journal.NAME):
        assert [e.kind for e in told(file.parent)][-1] == "finished", file
        assert not [e for e in told(file.parent) if isinstance(e, RecordingTrouble)], file
    eventually(lambda: not any(house.data.joinpath("spool").iterdir()), 30, "an empty spool")
    eventually(lambda: house.native_objects()["recordings"] == 0, 30, "the end of the recordings")
    eventually(lambda: gateway.num_fds() <= descriptors + 8, 30, "descriptors as before")
    assert house.child("gateway").pid == gateway.pid
    assert house.faults() == []


def fill(file: Path) -> None:
    """Take all the room there is on a disk."""
    with file.open("wb") as ballast:
        for size in (1024 * 1024, 4096, 1):
            with contextlib.suppress(OSError):
                while os.write(ballast.fileno(), b"\xff" * size):
                    pass
        with pytest.raises(OSError, match=os.strerror(errno.ENOSPC)):
            os.write(ballast.fileno(), b"\xff" * 4096)
        os.fsync(ballast.fileno())


@pytest.mark.soak
def test_a_disk_that_fills_up_and_stands_still_costs_nobody_what_he_had_said(
    make: Callable[..., Any], disks: list[FreezableDisk], people: People
) -> None:
    house = passing_house(make, people, {"12345": {}}, log_elsewhere=True)
    (disk,) = disks
    told_before = [WAIT, NOISE, {"pause": 60.0}, {"press": "#"}, "hang_up"]
    peer = house.start_calls(scripts({f"{n}": told_before for n in range(8)}), 0.5)
    spooled, ballast = house.data / "spool", house.data / "ballast"

    def all_heard() -> bool:
        return sum('"heard"' in file.read_text() for file in spooled.rglob(journal.NAME)) == 8

    eventually(all_heard, 60, "their words")
    with disk.frozen():
        (still,) = house.calls(scripts({"frozen": [WAIT, {"pause": 1.0}, "hang_up"]}))
    fill(ballast)
    for _ in range(2):
        with disk.frozen():
            time.sleep(3)
        (full,) = house.calls(scripts({"full": [WAIT, "hang_up"]}))
        assert (full["refused"], full["status"]) == (True, 503)
    assert not still["refused"]
    results = house.results(peer)
    ballast.unlink()
    (after,) = house.calls(scripts({"after": [WAIT, NOISE, {"pause": 3.0}, "hang_up"]}))
    assert not after["refused"]
    house.child("gateway").send_signal(
        signal.SIGTERM
    )  # the next one takes up what could not be written to its end
    eventually(lambda: not any(spooled.iterdir()), 90, "an empty spool")
    for result in [*results, after]:
        (ticket,) = house.final_tickets(result["sip_call_id"])
        assert "噪音" in "".join(said["text"] for said in ticket["transcript"]["utterances"])
    assert house.faults() == []


@pytest.mark.soak
def test_a_speech_server_that_hangs_while_the_disk_stands_still_costs_no_word(
    make: Callable[..., Any], disks: list[FreezableDisk], people: People
) -> None:
    house = passing_house(make, people, {"12345": {"danger": [people.target("802")]}}, log_elsewhere=True)
    (disk,) = disks
    before = house.start_calls(
        scripts(
            {
                "before": [
                    WAIT,
                    {"pause": 12.0},
                    {"say": NOISE["say"], "over": True},
                    {"pause": 3.0},
                    "hang_up",
                ]
            }
        )
    )
    eventually(lambda: house.health()["calls"] == 1, 30, "the call")
    with disk.frozen(), house.hung("asr"):
        meanwhile = house.calls(
            scripts(
                {
                    "says": [WAIT, NOISE, {"pause": 3.0}, "hang_up"],
                    "key": [WAIT, WAIT, {"press": "9"}, {"pause": 8.0}, "hang_up"],
                }
            )
        )
        assert len(people.told("invited")) == 1
        (mine,) = house.results(before)
    assert not any(result["refused"] for result in meanwhile)
    for result in (mine, meanwhile[0]):
        ticket = house.whole_ticket(result["sip_call_id"])
        assert "噪音" in "".join(said["text"] for said in ticket["transcript"]["utterances"])
    (ticket,) = house.final_tickets(meanwhile[1]["sip_call_id"])
    assert ticket["appeal"]["urgency"] == "特急"
    assert house.faults() == []


@pytest.mark.soak
def test_a_gateway_that_is_stopped_while_the_disk_stands_still_ends_and_says_what_is_not_written(
    make: Callable[..., Any], disks: list[FreezableDisk], people: People
) -> None:
    house = passing_house(make, people, {"12345": {}}, sip={"drain_seconds": 2}, log_elsewhere=True)
    (disk,) = disks
    peer = house.start_calls(scripts({"tells": [WAIT, NOISE, {"pause": 20.0}, "hang_up"]}))
    eventually(lambda: house.health()["calls"] == 1, 30, "the call")
    spooled = house.data / "spool"
    eventually(lambda: any('"heard"' in f.read_text() for f in spooled.rglob(journal.NAME)), 30, "his words")
    gateway = house.child("gateway")
    with disk.frozen():
        gateway.send_signal(signal.SIGTERM)
        eventually(lambda: "ended without waiting for what the disk holds" in house.log(), 2 + 30, "the end")
        assert "are not written whole" in house.log()
    (result,) = house.results(peer)
    eventually(lambda: not gateway.is_running() or gateway.status() == "zombie", 10, "the process's end")
    eventually(house.is_ready, 60, "another gateway")
    (ticket,) = house.final_tickets(result["sip_call_id"])
    assert any("噪音" in said["text"] for said in ticket["transcript"]["utterances"])
