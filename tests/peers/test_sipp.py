import audioop
import wave

import pytest
import pytest_asyncio
from peers import sipp
from peers.timeline import Timeline
from waiting import RTP_PORTS

from gateway.prompts.voice import speak
from gateway.sip.pj import UserAgent
from gateway.site.sound import Sound

pytestmark = [
    pytest.mark.few,
    pytest.mark.asyncio(loop_scope="module"),  # one SIP stack a process: it lives as long as this file
]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def agent():
    agent = UserAgent(host="127.0.0.1", port=0, tcp=False, rtp_first_port=RTP_PORTS)
    agent.start(max_calls=8)
    yield agent
    await agent.stop()


async def test_sipp_speaks_and_presses_keys(agent, tmp_path):
    timeline = Timeline()
    said = await timeline.say(0.5, "颍上县慎城镇房子漏雨")
    timeline.end = timeline.press(said + 0.5, "13855812345#*0") + 0.5
    prompt = Sound(await speak("您好"))
    keys, legs = [], []

    def take(leg):
        legs.append(leg)
        leg.on_digit = keys.append
        leg.on_confirmed = lambda: leg.play(prompt)
        leg.answer(tmp_path / "call.wav")

    agent.on_invite = take
    result = await sipp.call(agent.address, timeline, tmp_path, caller="13855812345")
    assert result.succeeded, result.log
    (leg,) = legs
    await leg.closed
    assert (leg.incoming.caller, leg.incoming.called) == ("13855812345", "12345")
    assert leg.sip_call_id == result.call_id
    assert "".join(keys) == "13855812345#*0"
    with wave.open(str(tmp_path / "call.wav")) as file:
        seconds = file.getnframes() / 8000
        left = audioop.tomono(file.readframes(file.getnframes()), 2, 1, 0)
    assert abs(seconds - leg.ended.media_seconds) < 0.1
    assert abs(seconds - timeline.end) < 1
    spoken = left[: round(said * 16000)]
    assert audioop.rms(spoken, 2) > 0.5 * audioop.rms(timeline.audio()[: len(spoken)], 2)
