"""Many calls at once, through real SIP and RTP on one machine."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from waiting import eventually

from asr.client import AsrClient
from asr.offline import transcribe
from gateway.caller.demo import count_errors
from gateway.site.settings import Paths, Settings
from recordings.wav import duration, read_channel

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.alone

SENTENCES = (
    "我要投诉颍州区清河街道小区夜间施工噪音扰民",
    "颍上县慎城镇房子漏雨",
    "我家停水三天了没人管",
    "老板拖欠工资三个月",
    "下水道堵塞污水臭味很大",
)
CAP, BEYOND = 50, 10


def script(sentence: str) -> dict[str, Any]:
    """Speaks over the prompts, ends by #, and hangs up: what was said is the ticket."""
    steps = [{"pause": 1.0}, {"say": sentence, "over": True}, {"press": "#"}, {"pause": 2.0}, "hang_up"]
    return {"name": sentence, "caller": "13855812345", "steps": steps}


def text_of(ticket: dict[str, Any]) -> str:
    return "".join(u["text"] for u in ticket["transcript"]["utterances"])


async def test_fifty_calls_at_once_and_those_beyond_are_refused_cleanly(make_house: Any) -> None:
    house = make_house(sip={"cap": CAP, "retry_after_seconds": 17})
    house.start()
    few = house.calls([script(s) for s in SENTENCES])
    undisturbed = {
        s: text_of(house.whole_ticket(r["sip_call_id"])) for s, r in zip(SENTENCES, few, strict=True)
    }
    eventually(lambda: house.health()["calls"] == 0, 30, "room for all")
    said = [SENTENCES[i % len(SENTENCES)] for i in range(CAP + BEYOND)]
    everybody = list(zip(said, house.calls([script(s) for s in said]), strict=True))
    refused = [(r["status"], r["retry_after"]) for _, r in everybody if r["refused"]]
    assert refused == [(503, "17")] * BEYOND
    spoken, results = zip(*[(s, r) for s, r in everybody if not r["refused"]], strict=True)
    assert [r["failure"] for r in results if r["failure"]] == []
    tickets = [house.whole_ticket(r["sip_call_id"]) for r in results]
    together = [text_of(t) for t in tickets]
    assert all(t["appeal"]["content"] for t in tickets)

    equal = sum(text == undisturbed[s] for text, s in zip(together, spoken, strict=True))
    errors = sum(count_errors(s, text) * len(s) for s, text in zip(spoken, together, strict=True))
    errors_before = sum(count_errors(s, undisturbed[s]) * len(s) for s in spoken)
    length = sum(map(len, spoken))
    print(f"{equal} of {CAP} equal; pooled CER {errors / length:.4f}, by five {errors_before / length:.4f}")
    assert equal >= 48
    assert (errors - errors_before) / length <= 0.005

    client = AsrClient(Paths(house.data, house.environment).asr_url(Settings()))
    try:
        files = [house.data / t["recording"]["path"] for t in tickets]
        first = [await decode(client, file) for file in files]
        assert first == [await decode(client, file) for file in files]
        assert all(first)
    finally:
        await client.close()


async def decode(client: AsrClient, file: Path) -> str:
    pcm = read_channel(file, 0, 0.0, duration(file))
    return "".join(u.text for u in await transcribe(client, pcm, 0.0))
