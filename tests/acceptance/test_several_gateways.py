from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import pytest
from waiting import RTP_PORTS, free_port

GOLDEN = Path(__file__).parents[1] / "golden"


@pytest.mark.soak
def test_up_runs_a_gateway_for_each_sip_port(make_house: Any) -> None:
    """The second one's tickets bear its node, and the one worker transcribes late for both."""
    further = free_port()
    house = make_house(gateways=[{"port": further, "node": 2, "rtp_first_port": RTP_PORTS + 6000}])
    house.start()
    house.sip_port = further
    with house.hung("asr"):  # the words have to come from the recording, by the worker
        call = house.call(GOLDEN / "asr_down.yaml")
        assert call.stdout
        result = json.loads(call.stdout.read())
        (ticket,) = house.final_tickets(result["sip_call_id"])
        assert ticket["number"][5:7] == "02"
        assert ticket["appeal"]["text_pending"]
    (ticket,) = wait_for_words(house, result["sip_call_id"])
    assert "施工" in ticket["appeal"]["content"]


def wait_for_words(house: Any, sip_call_id: str) -> Any:
    deadline = time.monotonic() + 90
    while True:
        found = house.final_tickets(sip_call_id)
        if not any(t["appeal"]["text_pending"] for t in found):
            return found
        assert time.monotonic() < deadline, house.log()
        time.sleep(0.5)
