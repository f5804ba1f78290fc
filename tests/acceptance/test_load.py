"""Many calls at once, through real SIP and RTP on one machine."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

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
CALLS, CAP, BEYOND = 50, 50, 10


def script(sentence: str) -> dict[str, Any]:
    """Speaks over the prompts, ends by #, and hangs up: what was said is the ticket."""
    steps = [{"pause": 1.0}, {"say": sentence, "over": True}, {"press": "#"}, {"pause": 2.0}, "hang_up"]
    return {"name": sentence, "caller": "13855812345", "steps": steps}


def text_of(ticket: dict[str, Any]) -> str:
    return "".join(u["text"] for u in ticket["transcript"]["utterances"])


async def test_fifty_calls_at_once(house: Any) -> None:
    alone = {s: text_of(house.whole_ticket(house.calls([script(s)])[0]["sip_call_id"])) for s in SENTENCES}
    spoken = [SENTENCES[i % len(SENTENCES)] for i in range(CALLS)]
    results = house.calls([script(s) for s in spoken])
    assert [r["failure"] for r in results if r["failure"]] == []
    tickets = [house.whole_ticket(r["sip_call_id"]) for r in results]
    together = [text_of(t) for t in tickets]

    equal = sum(text == alone[s] for text, s in zip(together, spoken, strict=True))
    errors = sum(count_errors(s, text) * len(s) for s, text in zip(spoken, together, strict=True))
    errors_alone = sum(count_errors(s, alone[s]) * len(s) for s in spoken)
    length = sum(map(len, spoken))
    print(f"{equal} of {CALLS} equal; pooled CER {errors / length:.4f}, alone {errors_alone / length:.4f}")
    assert equal >= 48
    assert (errors - errors_alone) / length <= 0.005

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


def test_calls_beyond_the_cap_are_refused_cleanly(make_house: Any) -> None:
    house = make_house(sip={"cap": CAP, "retry_after_seconds": 17})
    house.start()
    results = house.calls([script(SENTENCES[1])] * (CAP + BEYOND))
    refused = [(r["status"], r["retry_after"]) for r in results if r["refused"]]
    assert refused == [(503, "17")] * BEYOND
    answered = [r for r in results if not r["refused"]]
    assert [r["failure"] for r in answered if r["failure"]] == []
    for result in answered:
        assert house.whole_ticket(result["sip_call_id"])["appeal"]["content"]
