"""What a caller hears, sample by sample, in a real call's recording; and when, while disks hang."""

from __future__ import annotations

import asyncio
import wave
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import pytest_asyncio
from stuck import stuck_threads
from waiting import RTP_PORTS

from asr.client import AsrClient
from config.document import embedded
from config.duty import Duty
from gateway.calls.dialogue import Dialogue
from gateway.calls.house import House
from gateway.calls.live import Board
from gateway.calls.outgoing import Outgoing
from gateway.calls.switchboard import Switchboard
from gateway.prompts.book import PromptBook
from gateway.service.flows import read_dialogue
from gateway.sip.pj import UserAgent
from gateway.sip.pump import MediaPump
from gateway.site.settings import DialogueSettings, Settings
from gateway.site.sound import Sound
from recordings.folders import spool
from recordings.journals import Journals
from tickets.number import NumberBook

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from pathlib import Path

    from numpy.typing import NDArray

    from gateway.sip.leg import Leg

pytestmark = pytest.mark.asyncio(
    loop_scope="module"
)  # one SIP stack a process: it lives as long as this file

RAMP, TICK = 40, 160


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def agent() -> AsyncIterator[UserAgent]:
    agent = UserAgent(host="127.0.0.1", port=0, tcp=False, rtp_first_port=RTP_PORTS)
    agent.start(max_calls=8)
    yield agent
    await agent.stop()


async def until(look: Callable[[], Any]) -> None:
    async with asyncio.timeout(20):
        while not look():  # noqa: ASYNC110 - there is nothing to be woken by: what is looked at is the effect
            await asyncio.sleep(0.01)


def counting(samples: int, first: int) -> Sound:
    """Every sample tells where it comes from."""
    return Sound(np.arange(first, first + samples, dtype="<i2").tobytes())


def ramped(sound: Sound) -> NDArray[np.int16]:
    """As it is heard: 5 ms from silence, 5 ms to silence."""
    samples = np.frombuffer(sound.pcm, "<i2").astype(int)
    samples[:RAMP] = samples[:RAMP] * np.arange(1, RAMP + 1) // RAMP
    samples[-RAMP:] = samples[-RAMP:] * np.arange(RAMP - 1, -1, -1) // RAMP
    return samples.astype("<i2")


def heard_in(recording: Path) -> NDArray[np.int16]:
    with wave.open(str(recording)) as file:
        return np.frombuffer(file.readframes(file.getnframes()), "<i2").reshape(-1, 2)[:, 1]


def find(sound: NDArray[np.int16], recording: NDArray[np.int16]) -> int:
    """Where in the recording the sound begins; it must be there once, sample for sample."""
    (places,) = np.nonzero(recording == sound[1000])
    found = [at - 1000 for at in places if np.array_equal(recording[at - 1000 :][: len(sound)], sound)]
    assert len(found) == 1
    return int(found[0])


class Line:
    """A call from the agent to itself; ``leg`` is the end that speaks, and is recorded."""

    def __init__(self, agent: UserAgent, recording: Path, first: Sound) -> None:
        self.recording = recording
        self.leg: Leg
        self.number = 0

        def take(leg: Leg) -> None:
            self.leg = leg
            leg.answer(recording)
            self.number = leg.play(first)  # before there is media: it begins with it

        agent.on_invite = take
        self.caller = agent.dial(f"sip:12345@{agent.address}", caller="13855812345")

    async def end(self) -> NDArray[np.int16]:
        self.caller.hang_up()
        await asyncio.gather(self.caller.closed, self.leg.closed)
        return heard_in(self.recording)


async def test_a_prompt_is_heard_whole_and_its_end_is_told_to_the_tick(
    agent: UserAgent, tmp_path: Path
) -> None:
    first, second = counting(8020, 1000), counting(4000, 12_000)
    line = Line(agent, tmp_path / "call.wav", first)
    await until(lambda: line.number and line.leg.played[0] == line.number)
    first_end = line.leg.played[1]
    number = line.leg.play(second)
    await until(lambda: line.leg.played[0] == number > line.number)
    second_end = line.leg.played[1]
    recording = await line.end()
    for sound, end in ((first, first_end), (second, second_end)):
        last = find(ramped(sound), recording) + len(sound.pcm) // 2
        assert 0 <= end * 8000 - last <= 2 * TICK  # the recording may have begun a tick before, or after


async def test_a_prompt_that_is_stopped_or_replaced_breaks_off_at_once_and_never_ends(
    agent: UserAgent, tmp_path: Path
) -> None:
    long, next_one = counting(16_000, 1000), counting(3000, 20_000)
    line = Line(agent, tmp_path / "call.wav", long)
    await until(lambda: line.number and line.leg.media_seconds > 0.5)
    number = line.leg.play(next_one)
    await until(lambda: line.leg.played[0] == number)
    line.leg.play(long)
    await asyncio.sleep(0.3)
    stopped_at = line.leg.media_seconds
    line.leg.stop_playing()
    await until(lambda: line.leg.media_seconds > stopped_at + 0.5)
    assert line.leg.played[0] == number
    recording = await line.end()
    begins = find(ramped(next_one), recording)
    assert 0 < recording[begins - RAMP - 1] < 20_000  # the other was heard until then
    after = begins + 3000
    (loud,) = np.nonzero(recording[after:])
    assert after + loud[-1] <= (stopped_at + 0.04) * 8000 + TICK


async def test_a_caller_hears_the_opening_at_once_though_every_thread_for_disks_is_stuck(
    agent: UserAgent, tmp_path: Path
) -> None:
    hotlines = read_dialogue(DialogueSettings())
    book = PromptBook(embedded("prompts.yaml"), None, tmp_path / "prompts")
    await book.prepare(hotlines.openings)
    pump, closed = MediaPump(), list[Any]()
    house = House(
        AsrClient(f"unix:{tmp_path / 'nobody.sock'}"),
        lambda: None,
        pump,
        Board(),
        NumberBook(tmp_path / "numbers", 1),
        lambda _folder: None,
        Outgoing(lambda *_: pytest.fail("nobody is called"), 0, 0),
    )
    switchboard = Switchboard(
        Settings(),
        Journals(spool(tmp_path)),
        house,
        Dialogue(hotlines, book, 600, datetime.now(UTC)),
        Duty,
        closed.append,
    )
    agent.on_invite, agent.admit = switchboard.take, switchboard.admit
    pumping = asyncio.create_task(pump.run())
    heard = bytearray()
    with stuck_threads():
        caller = agent.dial(f"sip:12345@{agent.address}", caller="13855812345")

        def listen() -> bool:
            heard.extend(caller.read())
            return bool(np.abs(np.frombuffer(heard, "<i2")).max(initial=0) > 1000)

        await until(listen)
        assert caller.media_seconds < 1
    caller.hang_up()
    await until(lambda: closed and not switchboard.calls)
    pumping.cancel()
    agent.admit = lambda _incoming: None
