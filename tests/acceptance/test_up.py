"""`hotline up` where its surroundings are not as it would have them."""

from __future__ import annotations

import json
import socket
from pathlib import Path
from typing import Any

import pytest

GOLDEN = Path(__file__).parents[1] / "golden"
INVITATION = "call in"


def call(house: Any, name: str = "hang_up_at_once") -> dict[str, Any]:
    """The result of one scripted call, which must have been answered."""
    peer = house.call(GOLDEN / f"{name}.yaml")
    result: dict[str, Any] = json.loads(peer.communicate(timeout=90)[0])
    assert result["answered_ms"] is not None, result
    return result


def test_calls_are_answered_while_a_distant_speech_server_is_down(make_house: Any) -> None:
    with socket.socket() as deaf:
        deaf.bind(("127.0.0.1", 0))  # and does not listen
        house = make_house(asr={"url": f"ws://127.0.0.1:{deaf.getsockname()[1]}"})
        house.launch()
        house.says(INVITATION)
        assert house.health()["asr"] == "down"
        with pytest.raises(ProcessLookupError):
            house.child("asr")  # it runs elsewhere
        call(house)
    assert house.process.poll() is None
