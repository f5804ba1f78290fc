from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import pytest
from callfolder import told
from waiting import RTP_PORTS, eventually, free_port

from recordings.entries import InformedEvent, Played

GOLDEN = Path(__file__).parents[1] / "golden"


@pytest.mark.soak
def test_up_runs_a_gateway_for_each_sip_port(make_house: Any) -> None:
    """The second one's tickets bear its node, and the one worker transcribes late for both."""
    further = free_port()
    house = make_house(gateways=[{"port": further, "node": 2, "rtp_first_port": RTP_PORTS + 750}])
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


def test_who_was_cut_off_goes_on_through_another_gateway(make_house: Any) -> None:
    """One ticket, with the words of both calls; he is asked, and told nothing of what it was about."""
    further = free_port()
    house = make_house(
        dialogue={"recall": True},
        gateways=[{"port": further, "node": 2, "rtp_first_port": RTP_PORTS + 750}],
    )
    house.start()
    ports = (house.sip_port, further)
    for caller in (f"1385581234{n}" for n in range(5)):
        if go_on(house, ports, caller):
            break
    else:
        raise AssertionError("for none of five callers the database answered in time")
    assert house.faults() == []


def go_on(house: Any, ports: tuple[int, int], caller: str) -> bool:
    """He is cut off and calls again; False when the database was asked too late for a busy machine's 300 ms."""
    house.sip_port = ports[0]
    first = [
        {"pause": 1.0},
        {"say": "我要投诉颍州区清河街道小区夜间施工噪音扰民", "over": True},
        {"pause": 2.0},
    ]
    (cut,) = house.calls([{"name": "cut", "caller": caller, "steps": [*first, "hang_up"]}])
    (ticket,) = house.final_tickets(cut["sip_call_id"])
    assert "来电人未办完即挂机" in ticket["notes"]

    house.sip_port = ports[1]
    then = [{"wait": "prompt"}, {"say": "我家停水三天了没人管"}, {"press": "#"}, {"pause": 2.0}]
    (again,) = house.calls([{"name": "again", "caller": caller, "steps": [*then, "hang_up"]}])

    def joined() -> Any:
        revisions = [t["revisions"][-1]["ticket"] for t in house.tickets()]
        last = [t for t in revisions if t["call"]["sip_call_id"] == again["sip_call_id"]]
        return last[0] if last and last[0]["call"]["ended_at"] else None

    whole = eventually(joined, 60, "the ticket of both calls")
    folder = eventually(
        lambda: next(house.data.glob(f"calls/*/*/*/{whole['call']['call_id']}"), None), 30, "its folder"
    )
    journal = told(folder)
    if any(isinstance(entry, InformedEvent) and entry.outcome == "away" for entry in journal):
        return False
    assert whole["number"] == ticket["number"]
    assert "噪音" in whole["appeal"]["content"]
    assert "停水" in whole["appeal"]["content"]
    said = [entry.text for entry in journal if isinstance(entry, Played)]
    assert said[0].startswith("您好，通话会录音。您刚才的电话断了。")
    assert not any("噪音" in text for text in said)
    return True


def wait_for_words(house: Any, sip_call_id: str) -> Any:
    deadline = time.monotonic() + 90
    while True:
        found = house.final_tickets(sip_call_id)
        if not any(t["appeal"]["text_pending"] for t in found):
            return found
        assert time.monotonic() < deadline, house.log()
        time.sleep(0.5)
