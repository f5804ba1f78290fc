"""A call that is not heard for a while: its question goes by keys, the next one listens, and no word is lost."""

from __future__ import annotations

import asyncio
import signal
import subprocess
import sys
import tempfile
from typing import TYPE_CHECKING, Any

import pytest
from callfolder import told
from wholecall import SENTENCE

from asr.catalogue import open_model
from asr.endpoint import Ended, Endpointer
from asr.engine import Engine
from asr.server import SpeechServer
from recordings import entries, wav
from recordings.folders import AUDIO
from tickets.reading import read_record

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from pathlib import Path

WATER = "我家停水三天了没人管"
STALL = 7.0  # seconds; the ring buffer holds four
STALLING = f"""
import signal, sys, time
signal.signal(signal.SIGUSR1, lambda *_: time.sleep({STALL}))  # the event loop's thread, and no other
from gateway.cli import main
main()
"""
PATIENT = 60.0


@pytest.fixture
async def speech() -> AsyncIterator[SpeechServer]:
    """The speech server of the house, here in the test."""
    with tempfile.TemporaryDirectory(prefix="asr") as folder:
        server = SpeechServer(Engine(open_model(None)))
        server.url = f"unix:{folder}/asr.sock"  # type: ignore[attr-defined]
        await server.start(server.url)  # type: ignore[attr-defined]
        yield server
        await server.stop()


def journals(data: Path) -> list[Path]:
    return [file.parent for file in data.rglob("events.jsonl")]


def journal(data: Path) -> list[entries.Entry]:
    return [entry for folder in journals(data) for entry in told(folder)]


def kinds(data: Path) -> list[str]:
    return [entry.kind for entry in journal(data)]


async def until(condition: Callable[[], Any], what: str) -> Any:
    async with asyncio.timeout(PATIENT):
        while not (found := await asyncio.to_thread(condition)):  # noqa: ASYNC110 - seen from outside
            await asyncio.sleep(0.1)
    assert found, what
    return found


@pytest.mark.soak
async def test_a_question_that_was_refused_goes_by_keys_and_the_next_one_is_heard(
    make_house: Any, speech: Any
) -> None:
    house = make_house(asr={"url": speech.url})
    await asyncio.to_thread(house.start)
    load = speech._crowd.load
    load.arrived("dictation", 10_000.0)  # as if so much waited: nobody is let in
    steps = [
        {"pause": 1.5},
        {"say": SENTENCE, "over": True},
        {"wait": "prompt", "timeout": 20},  # the menu by keys
        {"press": "1"},
        {"wait": "prompt", "timeout": 20},
        {"say": WATER},
        {"pause": 1.5},
        {"press": "#"},
        {"pause": 1.0},
        "hang_up",
    ]
    script = {"name": "refused", "caller": "13855812345", "steps": steps}
    calls = asyncio.create_task(asyncio.to_thread(house.calls, [script]))
    await until(lambda: "deaf" in kinds(house.data), "the refusal")
    load.arrived("dictation", -10_000.0)
    (result,) = await calls
    assert not result["failure"]

    (ticket,) = await asyncio.to_thread(house.final_tickets, result["sip_call_id"])
    (folder,) = journals(house.data)
    deaf, hearing = (e for e in told(folder) if isinstance(e, entries.Deaf | entries.Hearing))
    assert "busy" in deaf.reason
    assert 1.0 < deaf.at < hearing.at
    heard = [(e.question, e.text) for e in told(folder) if isinstance(e, entries.Heard) and e.confirmed]
    assert heard == [("dictation", WATER)]

    def complete() -> Any:
        (ticket,) = house.final_tickets(result["sip_call_id"])
        return ticket if ticket["transcript"]["complete"] else None

    ticket = await until(complete, "the words from the recording")
    assert WATER in ticket["appeal"]["content"]
    assert SENTENCE in ticket["appeal"]["content"]
    assert not ticket["appeal"]["text_pending"]


async def test_after_a_stall_of_the_loop_words_lie_where_they_were_said(make_house: Any, speech: Any) -> None:
    """The recording goes on, the ring buffer overflows: what was lost has its time all the same."""
    house = make_house(asr={"url": speech.url})
    with (house.folder / "gateway.log").open("ab") as log:
        gateway = subprocess.Popen(
            [sys.executable, "-c", STALLING, "--config", house.config, "--data", house.data, "gateway"],
            stderr=log,
            env=house.environment,
        )
    house.peers.append(gateway)
    await until(lambda: (health := house.health()) and health["asr"] == "up", "the gateway")
    steps = [
        {"pause": 2.0},
        {"say": SENTENCE, "over": True},
        {"pause": STALL},
        {"say": WATER, "over": True},
        {"pause": 3.0},
        "hang_up",
    ]
    script = {"name": "stalled", "caller": "13855812345", "steps": steps}
    calls = asyncio.create_task(asyncio.to_thread(house.calls, [script]))
    await until(lambda: "event.speech_started" in kinds(house.data), "the first words")
    gateway.send_signal(signal.SIGUSR1)
    (result,) = await calls
    assert not result["failure"]
    await until(lambda: "finished" in kinds(house.data), "the end of the call")

    (folder,) = journals(house.data)
    deaf, hearing = (e for e in told(folder) if isinstance(e, entries.Deaf | entries.Hearing))
    assert STALL - 4.5 < hearing.at - deaf.at < STALL - 3.0
    voiced = find_voice(folder / AUDIO)
    (water,) = (e for e in told(folder) if isinstance(e, entries.Heard) and WATER in e.text)
    assert water.start == pytest.approx(voiced[-1][0], abs=0.3)
    assert water.end == pytest.approx(voiced[-1][1], abs=0.3)
    assert (await read_record(folder)).transcription == "wanted", "what was lost follows from the recording"


def find_voice(audio: Path) -> list[tuple[float, float]]:
    endpointer = Endpointer(1.0)
    found = endpointer.feed(wav.read_channel(audio, 0, 0.0, wav.duration(audio))) + endpointer.finish()
    return [(event.start, event.end) for event in found if isinstance(event, Ended)]
