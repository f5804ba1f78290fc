"""Other people's SIP phones reach the gateway: sipp with A-law, baresip from a network of its own."""

from __future__ import annotations

import asyncio
import wave
from datetime import datetime
from typing import TYPE_CHECKING, Any

import pytest
from callfolder import told
from peers import baresip, sipp
from peers.namespace import namespace
from peers.timeline import Timeline

from gateway.caller.demo import count_errors
from recordings.entries import DigitEvent

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.few

CALLER, CONTACT = "13855812345", "13912340678"
SENTENCE = "颍上县慎城镇房子漏雨"


async def plan() -> Timeline:
    """Speak over the opening, end by #, agree by key, key another number to call back, agree, and hang up."""
    timeline = Timeline()
    at = timeline.press(await timeline.say(2.0, SENTENCE) + 1.5, "#")
    at = timeline.press(at + 8, "1")  # the summary is right
    at = timeline.press(at + 8, "2")  # not the calling number …
    at = timeline.press(at + 6, CONTACT + "#")  # … but this one
    at = timeline.press(at + 10, "1")  # read back rightly
    timeline.end = at + 8
    return timeline


def check(house: Any, sip_call_id: str) -> None:
    (ticket,) = house.final_tickets(sip_call_id)
    assert count_errors(SENTENCE, ticket["appeal"]["content"]) == 0
    assert ticket["call"]["caller"] == CALLER
    assert ticket["caller"]["contact"] == CONTACT
    assert ticket["call"]["hung_up_by"] == "caller"
    recording: Path = house.data / ticket["recording"]["path"]
    keys = [e.key for e in told(recording.parent) if isinstance(e, DigitEvent)]
    assert "".join(keys) == f"#12{CONTACT}#1"
    times = ticket["call"]
    wall = datetime.fromisoformat(times["ended_at"]) - datetime.fromisoformat(times["answered_at"])
    with wave.open(str(recording)) as sound:
        assert sound.getnchannels() == 2
        assert abs(sound.getnframes() / sound.getframerate() - wall.total_seconds()) < 0.1


@pytest.mark.timeout(400)
async def test_sipp_with_a_law_and_baresip_from_a_network_of_its_own(make_house: Any, tmp_path: Path) -> None:
    """Both at once: each is a minute of one call, told by the clock."""
    folders = [tmp_path / "sipp", tmp_path / "baresip"]
    for folder in folders:
        folder.mkdir()
    with namespace() as space:
        house = make_house(sip={"host": space.near})
        house.start()
        target = f"{space.near}:{house.sip_port}"
        result, call_id = await asyncio.gather(
            sipp.call(target, await plan(), folders[0], caller=CALLER, local=space.near),
            baresip.call(space, target, await plan(), folders[1], caller=CALLER),
        )
        assert result.succeeded, result.log
        check(house, result.call_id)
        check(house, call_id)
        house.stop()
