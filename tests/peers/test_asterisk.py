"""The PBX answers our calls with what its extensions are for, and calls us."""

import array
import asyncio
import math

import pytest
import pytest_asyncio
from peers import asterisk
from waiting import RTP_PORTS, free_port

from gateway.sip.pj import UserAgent

pytestmark = pytest.mark.asyncio(
    loop_scope="module"
)  # one SIP stack a process: it lives as long as this file


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def agent():
    agent = UserAgent(host="127.0.0.1", port=free_port(), tcp=False, rtp_first_port=RTP_PORTS)
    agent.on_invite = lambda leg: leg.answer(None)
    agent.start(max_calls=8)
    yield agent
    await agent.stop()


@pytest.fixture(scope="module")
def pbx(agent):
    with asterisk.running(
        asterisk.Asterisk("127.0.0.1", free_port(), agent.address, rtp_first=RTP_PORTS + 1200)
    ) as started:
        yield started


def loudness(pcm, hertz):
    """How strong one frequency is, as a share of full scale (Goertzel)."""
    samples = array.array("h", pcm)
    turn = 2 * math.pi * hertz / 8000
    real = sum(sample * math.cos(turn * n) for n, sample in enumerate(samples))
    imaginary = sum(sample * math.sin(turn * n) for n, sample in enumerate(samples))
    return 2 * math.hypot(real, imaginary) / len(samples) / 32768 if samples else 0.0


async def hears(leg, hertz, seconds=15):
    """Wait until half a second of the tone has come."""
    heard = b""
    async with asyncio.timeout(seconds):
        while loudness(heard[-8000:], hertz) < 0.01:
            heard += leg.read()
            await asyncio.sleep(0.05)


async def answer_caller(agent, pbx):
    """A caller whom the exchange puts through, answered and heard."""
    came = asyncio.get_running_loop().create_future()

    def take(leg):
        leg.answer(None)
        came.set_result(leg)

    agent.on_invite = take
    pbx.put_through("12345", "13855812345")
    leg = await asyncio.wait_for(came, 10)
    await hears(leg, 440)
    return leg


@pytest.mark.parametrize(("number", "hertz"), [(asterisk.QUEUE, 660), (asterisk.TONE, 440)])
async def test_who_answers_is_heard(agent, pbx, number, hertz):
    leg = agent.dial(f"sip:{number}@{pbx.host}:{pbx.port}", caller="12345")
    await hears(leg, hertz)
    leg.hang_up()
    await leg.closed


async def test_busy_is_told(agent, pbx):
    ended = asyncio.Event()
    leg = agent.dial(f"sip:{asterisk.BUSY}@{pbx.host}:{pbx.port}", caller="12345")
    leg.on_ended = lambda _ended: ended.set()
    await asyncio.wait_for(ended.wait(), 10)
    assert leg.ended.status == 486


async def test_it_calls(agent, pbx):
    came = asyncio.get_running_loop().create_future()

    def take(leg):
        leg.answer(None)
        came.set_result(leg)

    agent.on_invite = take
    pbx.call("12345", "13855812345")
    leg = await asyncio.wait_for(came, 10)
    assert (leg.incoming.caller, leg.incoming.called) == ("13855812345", "12345")
    await hears(leg, 440)
    leg.hang_up()
    await leg.closed


async def test_it_takes_a_caller_back_and_tells_so(agent, pbx):
    leg = await answer_caller(agent, pbx)
    referral = leg.refer(f"sip:{asterisk.ECHO}@{pbx.host}:{pbx.port}", {"X-Hotline-Line": "12345"})
    async with asyncio.timeout(15):
        while referral.told < 200:  # noqa: ASYNC110 - nobody tells
            await asyncio.sleep(0.05)
    assert (referral.answer, referral.told, referral.is_over) == (202, 200, True)
    referral.end()
    leg.hang_up()
    await leg.closed
    assert any(f"!{asterisk.ECHO}!" in line for line in pbx.calls())  # he is where he was sent


async def test_whom_it_cannot_call_it_says(agent, pbx):
    leg = await answer_caller(agent, pbx)
    referral = leg.refer(f"sip:7999@{pbx.host}:{pbx.port}", {})
    async with asyncio.timeout(15):
        while referral.told < 200 and referral.answer < 300:  # noqa: ASYNC110 - nobody tells
            await asyncio.sleep(0.05)
    assert max(referral.told, referral.answer) >= 400
    referral.end()
    await hears(leg, 440)  # he is still there
    leg.hang_up()
    await leg.closed
