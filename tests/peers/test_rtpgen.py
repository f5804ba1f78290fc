import asyncio
import audioop
import json
import subprocess
import wave
from pathlib import Path

import pytest
import pytest_asyncio
from waiting import RTP_PORTS

from gateway.prompts.voice import speak
from gateway.sip.pj import UserAgent
from gateway.site.sound import Sound

pytestmark = [
    pytest.mark.alone,
    pytest.mark.asyncio(loop_scope="module"),  # one SIP stack a process: it lives as long as this file
]
SOURCE = Path(__file__).parents[2] / "bench" / "rtpgen.c"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def agent():
    agent = UserAgent(host="127.0.0.1", port=0, tcp=False, rtp_first_port=RTP_PORTS)
    agent.start(max_calls=40)
    yield agent
    await agent.stop()


@pytest.fixture(scope="module")
def rtpgen(tmp_path_factory):
    program = tmp_path_factory.mktemp("rtpgen") / "rtpgen"
    options = ("-O2", "-Wall", "-Wextra", "-Werror", "-o", str(program))
    subprocess.run(["gcc", *options, str(SOURCE)], check=True)
    return program


async def generate(program, *options):
    process = await asyncio.create_subprocess_exec(
        program, *options, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    output, errors = await asyncio.wait_for(process.communicate(), 60)
    return process.returncode, json.loads(output) if output else None, errors.decode()


@pytest_asyncio.fixture(loop_scope="module")
async def desk(agent, tmp_path):
    prompt, legs = Sound(make_long(await speak("您好,请讲"))), []

    def take(leg):
        legs.append(leg)
        leg.on_confirmed = lambda: leg.play(prompt)
        leg.answer(tmp_path / f"call{len(legs)}.wav")

    agent.on_invite, agent.admit = take, lambda _incoming: None
    yield legs
    await asyncio.gather(*(leg.closed for leg in legs))


def make_long(pcm):
    return pcm * (1 + 16000 * 30 // len(pcm))


async def test_calls_are_set_up_measured_and_ended(agent, desk, rtpgen, tmp_path):
    said = await speak("颍上县慎城镇房子漏雨")
    (tmp_path / "said.ulaw").write_bytes(audioop.lin2ulaw(make_long(said), 2))
    status, result, errors = await generate(
        rtpgen,
        *("--target", agent.address, "--calls", "8", "--rate", "10", "--seconds", "3"),
        *("--audio", str(tmp_path / "said.ulaw"), "--called", "12333", "--caller", "13855812345"),
    )
    assert (status, errors) == (0, "")
    assert (result["answered"], result["failed"], result["ended_by_peer"]) == (8, {}, 0)
    assert 0 < result["setup_ms"]["p50"] <= result["setup_ms"]["p99"] <= result["setup_ms"]["max"]
    assert len(result["streams"]) == len(desk) == 8
    for stream in result["streams"]:
        assert stream["missing"] == 0
        assert 100 < stream["received"] < 260
        assert 15 < stream["gap_ms"]["p50"] < 25 <= stream["gap_ms"]["max"] + 10
    for leg in desk:
        await leg.closed
        assert (leg.incoming.called, leg.incoming.caller, leg.ended.by) == ("12333", "13855812345", "caller")
    with wave.open(str(tmp_path / "call1.wav")) as file:
        heard = audioop.tomono(file.readframes(file.getnframes()), 2, 1, 0)
    assert audioop.rms(heard, 2) > 0.5 * audioop.rms(said, 2)


@pytest.mark.usefixtures("desk")
async def test_refused_calls_are_counted_by_their_status(agent, rtpgen):
    agent.admit = lambda _incoming: (503, {"Retry-After": "20"})
    status, result, _ = await generate(
        rtpgen, "--target", agent.address, "--calls", "5", "--rate", "50", "--seconds", "1"
    )
    assert (status, result["answered"], result["failed"]) == (1, 0, {"503": 5})


async def test_calls_ended_by_the_other_side_are_told(agent, desk, rtpgen):
    def hang_up():
        desk[0].hang_up()

    asyncio.get_running_loop().call_later(1.5, hang_up)
    status, result, _ = await generate(
        rtpgen, "--target", agent.address, "--calls", "2", "--rate", "50", "--seconds", "3"
    )
    assert (status, result["answered"], result["ended_by_peer"]) == (1, 2, 1)


@pytest.mark.parametrize(
    ("options", "why"),
    [
        (("--target", "gateway:5060"), "IPV4"),
        (("--target", "127.0.0.1", "--calls", "many"), "--calls must be 1..10000, not many"),
        ((), "usage"),
    ],
)
async def test_wrong_command_line_is_explained(rtpgen, options, why):
    status, result, errors = await generate(rtpgen, *options)
    assert (status, result) == (2, None)
    assert why in errors
