"""kill -9 of each process while ten calls are at ten different moments; then of speech recognition for a whole call."""

from __future__ import annotations

import asyncio
import json
import sqlite3
import time
import wave
from typing import TYPE_CHECKING, Any

import pytest
from callfolder import kinds
from waiting import eventually
from wholecall import SENTENCE, STEPS

from asr.client import AsrClient
from asr.offline import transcribe
from gateway.site.settings import Paths, Settings
from recordings.wav import duration, read_channel

if TYPE_CHECKING:
    from pathlib import Path

MOMENTS = 10
STAGGER = 2.0
SCRIPT = {"name": "ten moments", "caller": "13855812345", "steps": STEPS}


def folders(house: Any) -> list[Path]:
    """Every call's folder, once nothing is left in the spool."""
    spool = house.data / "spool"
    deadline = time.monotonic() + 60
    while any(spool.iterdir()):
        assert time.monotonic() < deadline, f"still in the spool: {list(spool.iterdir())}\n{house.log()}"
        time.sleep(0.2)
    return sorted((house.data / "calls").glob("*/*/*/*"))


def reason(house: Any, call_id: str) -> str | None:
    with sqlite3.connect(f"file:{house.data / 'hotline.db'}?mode=ro", uri=True) as db:
        ((found,),) = db.execute("SELECT reason FROM calls WHERE call_id = ?", (call_id,))
        return found  # type: ignore[no-any-return]


def newest(house: Any, call_id: str) -> dict[str, Any] | None:
    found = house.tickets(call_id=call_id)
    assert len(found) <= 1, f"one matter, {len(found)} tickets: {found}"
    keys = [r["idempotency_key"] for t in found for r in t["revisions"]]
    assert len(keys) == len(set(keys))
    return found[0]["revisions"][-1]["ticket"] if found else None


def wait_for_the_moment(house: Any) -> None:
    """The last of the calls has just come, the first are near their end."""
    eventually(lambda: len([*house.data.glob("spool/2*"), *house.data.glob("calls/*/*/*/*")]) == MOMENTS, 90)
    time.sleep(3)


def plays(folder: Path) -> None:
    with wave.open(str(folder / "audio.wav")) as sound:
        assert sound.getnchannels() == 2
        assert sound.getnframes() > 0


async def spoken(house: Any, folder: Path) -> str:
    client = AsrClient(Paths(house.data, house.environment).asr_url(Settings()))
    try:
        file = folder / "audio.wav"
        return "".join(
            u.text for u in await transcribe(client, read_channel(file, 0, 0.0, duration(file)), 0.0)
        )
    finally:
        await client.close()


def the_text(ticket: dict[str, Any]) -> str:
    return "" if ticket["appeal"]["text_pending"] else ticket["appeal"]["content"]


def test_gateway_killed_at_ten_moments_and_stopped_in_a_call(make_house: Any) -> None:
    house = make_house(sip={"drain_seconds": 2})
    house.start()
    peer = house.start_calls([SCRIPT] * MOMENTS, STAGGER)
    wait_for_the_moment(house)
    house.kill("gateway")
    time.sleep(1)
    peer.kill()
    deadline = time.monotonic() + 60
    while not house.is_ready():
        assert time.monotonic() < deadline
        time.sleep(0.2)
    calls = folders(house)
    assert len(calls) == MOMENTS
    interrupted = 0
    for folder in calls:
        plays(folder)
        said = asyncio.run(spoken(house, folder))
        interrupted += "interrupted" in kinds(folder)
        deadline = time.monotonic() + 60
        while True:  # the words a crash cut off follow from the recording
            ticket = newest(house, folder.name)
            if ticket and ticket["call"]["ended_at"] and the_text(ticket):
                break
            if ticket is None and not said and reason(house, folder.name):
                break
            assert time.monotonic() < deadline, (
                f"{folder.name}: said {said!r}, ticket {ticket}\n{house.log()}"
            )
            time.sleep(0.2)
        if ticket and ticket["call"]["interrupted"]:
            assert any("中断" in note for note in ticket["notes"])
        if ticket:
            assert the_text(ticket)[:4] == SENTENCE[:4]
    assert interrupted >= MOMENTS // 2, "the kill came too late to interrupt calls"
    stop_in_a_call(house)


@pytest.mark.soak
@pytest.mark.parametrize("victim", ["asr", "worker"])
def test_killed_at_ten_moments(house: Any, victim: str) -> None:
    peer = house.start_calls([SCRIPT] * MOMENTS, STAGGER)
    wait_for_the_moment(house)
    house.kill(victim)
    results = house.results(peer)
    assert all(r["answered_ms"] for r in results)
    for folder in folders(house):
        plays(folder)
        deadline = time.monotonic() + 60
        while True:
            ticket = newest(house, folder.name)
            if ticket and ticket["call"]["ended_at"] and SENTENCE in the_text(ticket):
                break
            assert time.monotonic() < deadline, f"{folder.name}: {ticket}\n{house.log()}"
            time.sleep(0.2)
        assert not ticket["call"]["interrupted"]


@pytest.mark.soak
def test_speech_recognition_dead_for_a_whole_call(house: Any) -> None:
    script = {
        "name": "by keys",
        "caller": "13855812345",
        "steps": [
            {"wait": "prompt"},
            {"press": "1"},
            {"wait": "prompt"},
            {"say": SENTENCE},
            {"press": "#"},
            {"wait": "prompt"},
            {"press": "1"},
            {"wait": "prompt"},
            "hang_up",
        ],
    }
    with house.hung("asr"):  # a server that hangs is worse than one that is gone
        eventually(lambda: not house.is_ready(), 30, "the deafness")
        (result,) = house.calls([script])
        assert result["failure"] == "", house.log()
        (ticket,) = house.final_tickets(result["sip_call_id"])
        assert ticket["appeal"]["text_pending"]
        assert ticket["appeal"]["type"] == "投诉"
    deadline = time.monotonic() + 90
    while SENTENCE not in the_text(newest(house, ticket["call"]["call_id"]) or ticket):
        assert time.monotonic() < deadline, json.dumps(ticket, ensure_ascii=False) + house.log()
        time.sleep(0.5)


def stop_in_a_call(house: Any) -> None:
    """Every deployment does this: who is still speaking when the time is over must not be lost."""
    before = len(house.log())
    steps = [{"pause": 1.0}, {"say": SENTENCE, "over": True}, {"pause": 1.5}, {"say": SENTENCE, "over": True}]
    peer = house.start_calls([{"name": "stopped", "caller": "13855812345", "steps": [*steps, {"pause": 30}]}])
    eventually(lambda: any("heard" in kinds(f) for f in house.data.glob("spool/2*")), 30)
    house.child("gateway").terminate()
    (result,) = house.results(peer)
    assert result["answered_ms"]
    assert result["hung_up_by"] == "gateway"
    ticket = house.whole_ticket(result["sip_call_id"])
    assert ticket["call"]["interrupted"]
    assert SENTENCE in the_text(ticket)
    (folder,) = [found for found in folders(house) if found.name == ticket["call"]["call_id"]]
    plays(folder)
    assert house.faults(before) == []
