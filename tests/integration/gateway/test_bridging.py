"""Two legs bridged in the real stack: who hears whom, what the recording keeps, and what re-INVITEs do to it."""

from __future__ import annotations

import asyncio
import logging
import time
import wave
from typing import TYPE_CHECKING

import numpy as np
import pjsua2 as pj
import pytest
import pytest_asyncio
from waiting import RTP_PORTS

from gateway.sip.pj import UserAgent
from gateway.site.sound import Sound

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from pathlib import Path

    from numpy.typing import NDArray

    from gateway.sip.leg import Leg

pytestmark = pytest.mark.asyncio(
    loop_scope="module"
)  # one SIP stack a process: it lives as long as this file

CALLER, TARGET, MUSIC, WHISPER = 400, 800, 1200, 1600
LOUD, QUIET = 2000.0, 100.0
RATE = 8000


def tone(hertz: int, seconds: float = 1.0) -> Sound:
    turns = np.arange(round(seconds * RATE)) * (2 * np.pi * hertz / RATE)
    return Sound((8000 * np.sin(turns)).astype("<i2").tobytes())


def level(samples: NDArray[np.int16], hertz: int) -> float:
    """The tone's amplitude in the middle of these samples, whatever its phase."""
    samples = samples[len(samples) // 4 : -len(samples) // 4]
    turns = np.exp(2j * np.pi * hertz / RATE * np.arange(len(samples)))
    return float(2 * abs(np.dot(samples, turns)) / len(samples))


async def until(look: Callable[[], object], seconds: float = 15) -> None:
    async with asyncio.timeout(seconds):
        while not look():  # noqa: ASYNC110 - there is nothing to be woken by: what is looked at is the effect
            await asyncio.sleep(0.01)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def agent() -> AsyncIterator[UserAgent]:
    agent = UserAgent(host="127.0.0.1", port=0, tcp=False, rtp_first_port=RTP_PORTS)
    agent.on_invite = lambda _leg: None
    agent.start(max_calls=20)
    yield agent
    await agent.stop()
    alive = pj.liveObjects()
    assert (alive.calls, alive.taps, alive.recordings, alive.pcmPorts, alive.promptPorts) == (0, 0, 0, 0, 0)


class Scene:
    """A caller and the leg that has answered him, and a target with the leg that has called it; all in one stack."""

    def __init__(self, agent: UserAgent, recording: Path) -> None:
        self.agent, self.recording = agent, recording
        self.caller: Leg
        self.leg: Leg
        self.outgoing: Leg
        self.target: Leg

    async def begin(self) -> None:
        self.caller, self.leg = await self.call(self.recording)
        self.outgoing, self.target = await self.call(None)
        self.caller.play(tone(CALLER), loop=True)
        self.target.play(tone(TARGET), loop=True)

    async def call(self, recording: Path | None) -> tuple[Leg, Leg]:
        taken: list[Leg] = []
        media: list[bool] = []

        def take(leg: Leg) -> None:
            leg.on_media = lambda: media.append(True)
            leg.answer(recording)
            taken.append(leg)

        self.agent.on_invite = take
        calling = self.agent.dial(f"sip:12345@{self.agent.address}", caller="13855812345")
        await until(lambda: taken and media and calling.media_seconds > 0.1)
        return calling, taken[0]

    async def heard(self, leg: Leg) -> dict[int, float]:
        """The level of each tone in the next half second of what comes to this leg."""
        leg.read()
        pcm = bytearray()

        def enough() -> bool:
            pcm.extend(leg.read())
            return len(pcm) >= RATE

        await until(enough)
        samples = np.frombuffer(bytes(pcm), "<i2")
        return {hertz: level(samples, hertz) for hertz in (CALLER, TARGET, MUSIC, WHISPER)}

    async def hears(self, leg: Leg, *wanted: int) -> None:
        """Wait until this leg's other side hears these tones and no others."""
        async with asyncio.timeout(10):
            while True:
                heard = await self.heard(leg)
                if all((heard[h] > LOUD) if h in wanted else (heard[h] < QUIET) for h in heard):
                    return

    async def talking(self) -> None:
        await self.hears(self.caller, TARGET)
        await self.hears(self.target, CALLER)

    async def end(self) -> None:
        for leg in (self.caller, self.outgoing):
            leg.hang_up()
        await asyncio.gather(*(x.closed for x in (self.caller, self.leg, self.outgoing, self.target)))

    def recorded(self, begin: float, end: float) -> tuple[NDArray[np.int16], NDArray[np.int16]]:
        with wave.open(str(self.recording)) as file:
            both = np.frombuffer(file.readframes(file.getnframes()), "<i2").reshape(-1, 2)
        part = both[round(begin * RATE) : round(end * RATE)]
        return part[:, 0], part[:, 1]


@pytest_asyncio.fixture(loop_scope="module")
async def scene(agent: UserAgent, tmp_path: Path) -> AsyncIterator[Scene]:
    scene = Scene(agent, tmp_path / "call.wav")
    await scene.begin()
    yield scene
    await scene.end()
    await until(lambda: pj.liveObjects().stackCalls == 0 and len(agent._legs) == 0)


async def test_both_hear_each_other_and_one_file_holds_what_was_said_and_heard(scene: Scene) -> None:
    scene.leg.play(tone(MUSIC), loop=True)
    scene.outgoing.play(tone(WHISPER), loop=True)
    await scene.hears(scene.caller, MUSIC)
    await scene.hears(scene.target, WHISPER)
    waited_until = scene.leg.media_seconds
    scene.leg.stop_playing()
    scene.leg.bridge(scene.outgoing)
    await scene.hears(scene.target, WHISPER, CALLER)  # he is told while he talks; nobody else hears it
    await scene.hears(scene.caller, TARGET)
    scene.outgoing.stop_playing()
    await scene.talking()
    talked_until = scene.leg.media_seconds
    scene.leg.unbridge()
    await scene.hears(scene.caller)
    await scene.hears(scene.target)
    parted_at = scene.leg.media_seconds
    await scene.end()
    left, right = scene.recorded(waited_until - 0.5, waited_until - 0.1)
    assert level(left, CALLER) > LOUD
    assert level(right, MUSIC) > LOUD
    assert level(right, WHISPER) < QUIET
    left, right = scene.recorded(talked_until - 0.5, talked_until - 0.1)
    assert level(left, CALLER) > LOUD
    assert level(left, TARGET) < QUIET
    assert level(right, TARGET) > LOUD
    assert level(right, WHISPER) < QUIET
    _, right = scene.recorded(parted_at - 0.4, parted_at)
    assert level(right, TARGET) < QUIET
    assert scene.leg.recording_trouble == ""


async def test_a_bridge_survives_hold_another_codec_and_glare(scene: Scene) -> None:
    scene.outgoing.bridge(scene.leg)  # whichever asks
    await scene.talking()
    for end, own in ((scene.target, scene.outgoing), (scene.caller, scene.leg)):
        held: list[bool] = []
        own.on_held = held.append
        stack_call(end).setHold(pj.CallOpParam())
        await until(lambda: held == [True])  # noqa: B023
        other = scene.caller if end is scene.target else scene.target
        await scene.hears(other)
        begun = scene.leg.media_seconds
        await asyncio.sleep(0.4)
        resume(end)
        await until(lambda: held == [True, False])  # noqa: B023
        await scene.talking()
        assert scene.leg.media_seconds > begun
    endpoint = pj.Endpoint.instance()
    endpoint.codecSetPriority("PCMA/8000/1", 0)
    try:
        resume(scene.target)
        await until(lambda: stack_call(scene.outgoing).getStreamInfo(0).codecName == "PCMU")
    finally:
        endpoint.codecSetPriority("PCMA/8000/1", 255)
    assert stack_call(scene.leg).getStreamInfo(0).codecName == "PCMA"
    await scene.talking()
    await until(lambda: glare(scene.outgoing, scene.target))
    await scene.talking()


async def test_hang_ups_that_cross_are_no_warning(scene: Scene, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, "gateway.sip")
    scene.target.hang_up()
    time.sleep(0.3)  # noqa: ASYNC251 - the stack takes the end, and the loop does not know of it
    scene.outgoing.hang_up()
    await until(lambda: scene.outgoing.ended)
    crossed = [r.levelno for r in caplog.records if "already terminated" in r.getMessage()]
    assert crossed == [logging.DEBUG]


async def test_whoever_ends_the_other_stands_and_hears_nobody(scene: Scene) -> None:
    scene.leg.bridge(scene.outgoing)
    await scene.talking()
    scene.target.hang_up()
    await until(lambda: scene.outgoing.ended)
    assert scene.leg.partners.hear(scene.outgoing) is None
    await scene.hears(scene.caller)
    scene.leg.bridge(scene.outgoing)  # too late, and harmless
    assert scene.leg.partners.hear(scene.outgoing) is None
    scene.leg.play(tone(MUSIC), loop=True)
    await scene.hears(scene.caller, MUSIC)
    scene.outgoing, scene.target = await scene.call(None)
    scene.target.play(tone(TARGET), loop=True)
    scene.leg.stop_playing()
    scene.leg.bridge(scene.outgoing)
    await scene.talking()


def stack_call(leg: Leg) -> pj.Call:
    assert isinstance(leg.channel, pj.Call)
    return leg.channel


def glare(one: Leg, other: Leg) -> bool:
    """Both offer anew before either has the other's offer, and refuse each other (RFC 3261, 14.1): whether they did."""
    try:
        resume(one)
        resume(other)
    except pj.Error:  # an offer was there already
        return False
    return True


def resume(leg: Leg) -> None:
    """Offer anew, with audio both ways."""
    prm = pj.CallOpParam(True)  # noqa: FBT003 - pjsua2: with the default call setting
    prm.opt.audioCount, prm.opt.videoCount, prm.opt.textCount = 1, 0, 0
    prm.opt.flag = 1  # PJSUA_CALL_UNHOLD, which the bindings leave out
    stack_call(leg).reinvite(prm)
