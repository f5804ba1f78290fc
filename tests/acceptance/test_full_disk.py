"""A disk that fills during calls: recordings end with their reason, journals and tickets are whole, callers told."""

from __future__ import annotations

import os
import shutil
from typing import TYPE_CHECKING, Any

import pytest
from acceptance.conftest import MADE_PROMPTS
from callfolder import told
from frozendisk import FreezableDisk
from waiting import eventually

from gateway.calls.reserve import ENDED
from recordings import wav
from recordings.entries import Finished, Played, RecordingTrouble
from recordings.folders import AUDIO

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = pytest.mark.soak

CALLS = 20
NOTICE = "对不起，存储空间不足，从现在起通话不录音。"
NOISE = "颍州区清河街道小区夜间施工噪音扰民"


def script(name: str, pause: float) -> dict[str, Any]:
    steps = [{"wait": "prompt"}, {"pause": pause}, {"say": NOISE}, {"press": "#"}, *({"wait": "prompt"},) * 2]
    return {
        "name": name,
        "called": "12345",
        "caller": "13855812345",
        "steps": [*steps, {"pause": 2.0}, "hang_up"],
    }


def fill(folder: Any, left: int) -> None:
    """Leave so many bytes."""
    free = shutil.disk_usage(folder).free
    with (folder / "ballast").open("wb") as file:
        os.posix_fallocate(file.fileno(), 0, free - left)


def test_recordings_end_before_journals_and_tickets_cannot_be_written(make_house: Callable[..., Any]) -> None:
    house = make_house(sip={"cap": 2 * CALLS})
    disk = FreezableDisk(house.data, 256)  # of which a twentieth, 13 MiB, is kept back
    try:
        if MADE_PROMPTS.is_dir():
            shutil.copytree(MADE_PROMPTS, house.data / "prompts")
        house.start()
        peer = house.start_calls([script(f"before {n}", 12.0) for n in range(CALLS)], 0.05)
        eventually(lambda: (house.health() or {}).get("calls") == CALLS, 60, "all the calls")
        fill(house.data, 8 << 20)
        eventually(
            lambda: "no call is recorded" in house.page("gateway.sock", "/readyz")[1], 30, "it is noticed"
        )
        later = house.calls([script("later", 0.1)])
        results = [*house.results(peer), *later]
        assert [r["failure"] for r in results] == [""] * (CALLS + 1)
        for result in results:
            (ticket,) = house.final_tickets(result["sip_call_id"])
            assert ticket["call"]["ended_at"]
            place = next(house.data.rglob(ticket["call"]["call_id"]))
            entries = told(place)
            assert any(isinstance(one, Finished) for one in entries)
            (trouble,) = [one for one in entries if isinstance(one, RecordingTrouble)]
            assert trouble.reason == ENDED
            said = [one.text for one in entries if isinstance(one, Played)]
            assert any(text.endswith(NOTICE) for text in said), said
            heard = wav.duration(place / AUDIO)
            assert heard < result["media_seconds"] - 1
            assert (heard == 0) == (result["script"] == "later")
        assert house.faults() == []
    finally:
        house.stop()
        disk.close()
