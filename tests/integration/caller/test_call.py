import asyncio
import os
import socket
import wave
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import pytest_asyncio
from waiting import RTP_PORTS

from config.document import load
from config.script import Script
from gateway.caller.call import run_call, run_calls
from gateway.prompts import sounds
from gateway.prompts.voice import speak
from gateway.sip.options import is_there
from gateway.sip.pj import UserAgent
from gateway.site.sound import Sound
from gateway.sound import phone

pytestmark = pytest.mark.asyncio(
    loop_scope="module"
)  # one SIP stack a process: it lives as long as this file


class Desk:
    """What is called: answers, plays a prompt whenever asked to, keeps keys and audio, and may hang up."""

    def __init__(self, agent, folder):
        self.agent, self.folder = agent, folder
        self.legs, self.keys, self.incoming = [], [], []
        self.prompts = []  # one after the other: (seconds after the answer, sound)
        self.hang_up_at = None
        self.answers = True
        agent.on_invite = self.take

    def take(self, leg):
        self.incoming.append(leg.incoming)
        self.legs.append(leg)
        leg.on_digit = self.keys.append
        leg.on_confirmed = lambda: self.play(leg)
        if self.answers:
            leg.answer(self.folder / f"desk{len(self.legs)}.wav")

    def play(self, leg):
        loop = asyncio.get_running_loop()
        for at, prompt in self.prompts:
            loop.call_later(at, leg.play, prompt)
        if self.hang_up_at is not None:
            loop.call_later(self.hang_up_at, leg.hang_up)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def agent():
    agent = UserAgent(host="127.0.0.1", port=0, tcp=True, rtp_first_port=RTP_PORTS)
    agent.start(max_calls=120)
    yield agent
    await agent.stop()


@pytest_asyncio.fixture(loop_scope="module")
async def desk(agent, tmp_path):
    prompt = Sound(await speak("您好,请讲,说“人工”或按零"))
    desk = Desk(agent, tmp_path)
    desk.prompts = [(0.2, prompt)]
    yield desk
    await asyncio.gather(*(leg.closed for leg in desk.legs))
    agent.admit = lambda _incoming: None


def script(steps, **header):
    return load(
        Script, "\n".join([*(f"{k}: {v}" for k, v in header.items()), "name: test", f"steps: {steps}"])
    )


def channel(file, index):
    with wave.open(str(file), "rb") as source:
        assert (source.getnchannels(), source.getframerate()) == (2, 8000)
        return (
            np.frombuffer(source.readframes(source.getnframes()), "<i2")
            .reshape(-1, 2)[:, index]
            .astype(float)
        )


def loudness(samples, start, end):
    return float(np.sqrt((samples[int(start * 8000) : int(end * 8000)] ** 2).mean()))


@pytest.mark.parametrize("tcp", [False, True], ids=["udp", "tcp"])
async def test_scripted_call(desk, agent, tmp_path, tcp):
    steps = '[wait: prompt, say: 颍上县慎城镇房子漏雨, press: "13855812345#", pause: 0.5, hang_up]'
    wanted = script(steps, caller='"13855812345"', called='"12333"')
    record = tmp_path / "mine.wav"
    result = await run_call(
        agent, f"sip:{agent.address}", wanted, folder=tmp_path / "said", record=record, tcp=tcp
    )

    assert (result.failure, result.exit_code, result.hung_up_by) == ("", 0, "caller")
    assert 0 < result.answered_ms < 5000
    (incoming,) = desk.incoming
    assert (incoming.caller, incoming.called) == ("13855812345", "12333")
    assert incoming.sip_call_id == result.sip_call_id
    assert "".join(desk.keys) == "13855812345#" == "".join(p.key for p in result.pressed)
    (said,) = result.said
    (heard,) = result.heard
    assert said.start >= heard.end + 0.6
    assert abs((result.ended_at - result.dialled_at).total_seconds() - result.media_seconds) < 5

    mine, theirs = channel(record, 0), channel(tmp_path / "desk1.wav", 0)
    assert loudness(mine, said.start, said.end) > 500
    assert loudness(mine, 0, said.start - 0.05) == 0
    assert loudness(channel(record, 1), heard.start, heard.end) > 500
    assert np.abs(theirs).max() > 3000
    assert abs(np.count_nonzero(np.abs(theirs) > 300) / np.count_nonzero(np.abs(mine) > 300) - 1) < 0.25
    assert result.to_json()["exit_code"] == 0
    assert "颍上县慎城镇房子漏雨" in result.summary


async def test_other_side_hangs_up_after_its_farewell(desk, agent, tmp_path):
    desk.hang_up_at = 4.5
    result = await run_call(agent, f"sip:12345@{agent.address}", script("[wait: prompt]"), folder=tmp_path)
    assert (result.failure, result.hung_up_by, result.exit_code) == ("", "gateway", 0)


async def test_other_side_hangs_up_too_early(desk, agent, tmp_path):
    desk.hang_up_at = 1.0
    wanted = script("[wait: prompt, say: 我家停水三天了, hang_up]")
    result = await run_call(agent, f"sip:12345@{agent.address}", wanted, folder=tmp_path)
    assert result.exit_code == 2
    assert "hung up" in result.failure
    assert (result.hung_up_by, result.said) == ("gateway", ())


async def test_silent_line_fails_the_wait(desk, agent, tmp_path):
    desk.prompts = []
    wanted = script("[{wait: prompt, timeout: 1.5}, hang_up]")
    result = await run_call(agent, f"sip:12345@{agent.address}", wanted, folder=tmp_path)
    assert result.failure == "step 1 (wait: prompt): waited 1.5 s for a prompt, and none was heard"
    assert (result.exit_code, result.hung_up_by) == (2, "caller")


@pytest.mark.usefixtures("desk")
async def test_refusal_is_told_with_its_retry_after(agent, tmp_path):
    agent.admit = lambda _incoming: (503, {"Retry-After": "20"})
    result = await run_call(agent, f"sip:12345@{agent.address}", script("[hang_up]"), folder=tmp_path)
    assert (result.status, result.retry_after, result.exit_code) == (503, "20", 1)
    assert (result.answered_ms, result.media_seconds) == (None, 0.0)
    assert "503" in result.failure


async def test_withheld_number(desk, agent, tmp_path):
    result = await run_call(agent, f"sip:12345@{agent.address}", script("[hang_up]"), folder=tmp_path)
    assert result.exit_code == 0
    assert desk.incoming[0].caller == ""


async def test_recorded_sentence_and_loudness(desk, agent, tmp_path):
    sounds.write_wav(tmp_path / "mine.wav", await speak("医保怎么报销"))
    loudly, softly = "{say_file: mine.wav, text: 医保怎么报销}", "{say: 医保怎么报销, level: -50}"
    steps = f"[{loudly}, pause: 0.5, {softly}, pause: 0.3, hang_up]"
    desk.prompts = []
    result = await run_call(
        agent, f"sip:12345@{agent.address}", script(steps), folder=tmp_path / "said", base=tmp_path
    )
    assert [said.text for said in result.said] == ["医保怎么报销"] * 2
    heard = channel(tmp_path / "desk1.wav", 0)
    loud, low = (loudness(heard, said.start, said.end) for said in result.said)
    assert 20 < 20 * np.log10(loud / low) < 40


@pytest.mark.few  # fifty at once, in real time
async def test_fifty_calls_at_once(desk, agent, tmp_path):
    wanted = script('[wait: prompt, press: "1", hang_up]')
    results = await run_calls(agent, f"sip:12345@{agent.address}", [wanted] * 50, folder=tmp_path)
    assert [result.failure for result in results] == [""] * 50
    assert len({result.sip_call_id for result in results}) == 50
    assert desk.keys == ["1"] * 50


class Mute:
    """A sound card on which nothing is said."""

    def hear(self, _rate, _take):
        return SimpleNamespace(flows=True, close=lambda: None)

    def play(self, _rate, _channels, _give):
        return self.hear(0, None)


@pytest.mark.parametrize("listens", [False, True])  # at the port: nobody, or somebody who speaks no SIP
async def test_a_desk_phone_gives_up_where_there_is_no_gateway(agent, monkeypatch, listens):
    monkeypatch.setattr(phone, "_THERE_SECONDS", 0.5)
    monkeypatch.setattr(phone, "_SAY_SECONDS", 0.1 if listens else 60.0)  # else told at once
    told = []
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as nobody, Path(os.devnull).open() as stdin:
        monkeypatch.setattr("sys.stdin", stdin)
        nobody.bind(("127.0.0.1", 0))
        target = f"sip:12345@127.0.0.1:{nobody.getsockname()[1]}"
        if not listens:
            nobody.close()
        done = await phone.talk(agent, target, Mute(), caller="", tell=told.append)
    # SIP's own timeout, which tells 408, is 32 s.
    assert (done.answered, done.ended.by, done.ended.status) == (False, "gateway", 487)
    assert any("没有回应" in line for line in told) == listens


async def test_a_desk_phone_waits_for_a_gateway_that_rings(agent, desk, monkeypatch):
    monkeypatch.setattr(phone, "_THERE_SECONDS", 60.0)
    desk.answers = False
    looked = []

    async def look(*asked):
        looked.append(await is_there(*asked))
        return looked[0]

    monkeypatch.setattr(phone, "is_there", look)
    with Path(os.devnull).open() as stdin:
        monkeypatch.setattr("sys.stdin", stdin)
        target = f"sip:12345@{agent.address}"
        talking = asyncio.create_task(phone.talk(agent, target, Mute(), caller="", tell=lambda _line: None))
        async with asyncio.timeout(30):
            while not (looked and desk.legs):  # noqa: ASYNC110 - they tell nobody
                await asyncio.sleep(0.01)
        desk.legs[0].on_confirmed = desk.legs[0].hang_up
        desk.legs[0].answer(None)
        done = await talking
    assert (looked, done.answered) == ([True], True)
