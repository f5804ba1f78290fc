"""`hotline up` where its surroundings are not as it would have them."""

from __future__ import annotations

import json
import socket
import subprocess
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, unquote

import pytest
from callfolder import told
from waiting import eventually

from recordings.entries import Played

if TYPE_CHECKING:
    from collections.abc import Callable

GOLDEN = Path(__file__).parents[1] / "golden"
INVITATION = "call in"


def call(house: Any, name: str = "hang_up_at_once") -> dict[str, Any]:
    """The result of one scripted call, which must have been answered."""
    peer = house.call(GOLDEN / f"{name}.yaml")
    result: dict[str, Any] = json.loads(peer.communicate(timeout=90)[0])
    assert result["answered_ms"] is not None, result
    return result


def until(look: Callable[[], bool], house: Any, seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not look():
        assert time.monotonic() < deadline, house.log()
        assert house.process.poll() is None, house.log()
        time.sleep(0.1)


def test_calls_are_answered_while_a_distant_speech_server_is_down(make_house: Any) -> None:
    with socket.socket() as deaf:
        deaf.bind(("127.0.0.1", 0))  # and does not listen
        url = f"ws://127.0.0.1:{deaf.getsockname()[1]}"
        house = make_house(asr={"url": url}, passing={"deaf_seconds": 0})
        house.launch()
        until(lambda: INVITATION in house.log(), house)
        assert house.health()["asr"] == "down"
        with pytest.raises(ProcessLookupError):
            house.child("asr")  # it runs elsewhere
        call(house)
    assert house.process.poll() is None
    (journal,) = eventually(lambda: list(house.data.glob("calls/*/*/*/*/events.jsonl")), 20, "the filing")
    played = [entry.name for entry in told(journal.parent) if isinstance(entry, Played)]
    assert played[0] == "offer_person"


@pytest.mark.soak
def test_a_new_house_takes_over_from_one_that_still_drains(make_house: Any) -> None:
    house = make_house()
    house.start()
    steps = [{"pause": 14}, "hang_up"]
    peer = house.start_calls([{"name": "in the middle", "caller": "13855812345", "steps": steps}])
    until(lambda: house.health()["calls"] == 1, house)
    house.process.kill()
    house.process.wait(10)
    house.launch()
    until(lambda: "already works on" in house.log(), house)
    assert house.log().count(INVITATION) == 1, "the old gateway is not the new house's"
    (result,) = house.results(peer)
    assert (result["failure"], result["hung_up_by"]) == ("", "caller")
    until(lambda: house.log().count(INVITATION) == 2, house)
    assert house.health()["sip"] == house.sip
    call(house)


def test_a_taken_sip_port_is_waited_for(make_house: Any) -> None:
    house = make_house()
    with socket.socket(type=socket.SOCK_DGRAM) as another:
        another.bind(("127.0.0.1", house.sip_port))
        house.launch()
        until(lambda: "cannot listen for SIP" in house.log(), house)
        until(lambda: "starting it again" in house.log(), house)
    until(lambda: INVITATION in house.log(), house)
    assert house.health()["sip"] == house.sip
    command = [*house.hotline, "--config", str(house.config), "--data", str(house.data), "up"]
    second = subprocess.run(command, capture_output=True, text=True, env=house.environment, check=False)
    assert second.returncode == 1
    assert f"`hotline up` already works on {house.data}" in second.stderr
    assert "Traceback" not in second.stderr
    assert house.faults() == []
    assert_calls_come_first(house)


def assert_calls_come_first(house: Any) -> None:
    """Decoding and what follows a call give way to audio."""
    nices = {"gateway": 0, "asr": 10, "worker": 5}
    until(lambda: {name: house.child(name).nice() for name in nices} == nices, house)
    # Each child has a session of its own, and Linux weighs sessions first, where it knows of them.
    for name, nice in nices.items():
        group = Path(f"/proc/{house.child(name).pid}/autogroup")
        assert not group.exists() or group.read_text(encoding="ascii").split()[-1] == str(nice)


def test_calls_are_answered_while_the_database_is_away(
    make_house: Any, postgres: Any, tmp_path: Path
) -> None:
    server, _, folder = postgres.url(postgres.create()).partition("?host=")
    road = tmp_path / "road"  # to the server's socket; not there yet
    house = make_house(database={"url": f"{server}?host={quote(str(road))}"})
    house.launch()
    until(lambda: INVITATION in house.log(), house)
    sentence = "颍上县慎城镇房子漏雨"
    steps = [{"pause": 2}, {"say": sentence, "over": True}, {"press": "#"}, {"wait": "prompt"}, "hang_up"]
    (result,) = house.calls([{"name": "no database", "caller": "13855812345", "steps": steps}])
    assert result["failure"] == ""
    assert "tickets wait for the database" in house.log()
    assert house.faults() == []
    road.symlink_to(unquote(folder))
    ticket = house.whole_ticket(result["sip_call_id"])
    assert sentence in ticket["appeal"]["content"]
    assert house.faults() == []
