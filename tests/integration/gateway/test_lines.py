"""Lines in the real stack: what ends them, and that nothing native is left of them, however they ended."""

from __future__ import annotations

import asyncio
import contextlib
import gc
from typing import TYPE_CHECKING

import pjsua2 as pj
import pytest
import pytest_asyncio
from acceptance.hostile.wire import Wire, sdp
from waiting import RTP_PORTS

from gateway.sip.fault import SipError
from gateway.sip.pj import UserAgent

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator
    from pathlib import Path

    from gateway.sip.leg import Leg

pytestmark = [
    pytest.mark.alone,
    pytest.mark.asyncio(loop_scope="module"),  # one SIP stack a process: it lives as long as this file
]

_TALKERS = 8
_SHORT_CALLS = 160
_AT_ONCE = 8
_CLOCK = 1  # the port by which the agent counts the audio clock


class Desk:
    """Answers what it is called for, and keeps each answered leg."""

    def __init__(self, agent: UserAgent, folder: Path) -> None:
        self.agent, self.folder = agent, folder
        self.legs: list[Leg] = []
        self.failing = False
        agent.on_invite = self.take
        agent.admit = lambda _incoming: None

    def take(self, leg: Leg) -> None:
        self.legs.append(leg)
        leg.answer(self.folder / f"{len(self.legs)}.wav")

    async def call(self) -> tuple[Leg, Leg]:
        """Both ends of a new call that stands."""
        calling = self.agent.dial(f"sip:12345@{self.agent.address}", caller="13855812345")
        confirmed = asyncio.get_running_loop().create_future()
        calling.on_confirmed = lambda: confirmed.set_result(None)
        async with asyncio.timeout(10):
            await confirmed
            await until(lambda: any(leg.sip_call_id == calling.sip_call_id for leg in self.legs))
        return calling, next(leg for leg in self.legs if leg.sip_call_id == calling.sip_call_id)


async def until(look: Callable[[], object], seconds: float = 15) -> None:
    async with asyncio.timeout(seconds):
        while not look():  # noqa: ASYNC110 - there is nothing to be woken by: what is looked at is the effect
            await asyncio.sleep(0.01)


async def nothing_left(agent: UserAgent) -> None:
    """Until no native object is left but the agent's own."""

    def left() -> tuple[int, ...]:
        alive = pj.liveObjects()
        ports = (alive.pcmPorts, alive.promptPorts)
        return (alive.calls, alive.stackCalls, alive.taps, alive.recordings, *ports, len(agent._legs))

    with contextlib.suppress(TimeoutError):
        await until(lambda: left() == (0, 0, 0, 0, _CLOCK, 0, 0))
    assert left() == (0, 0, 0, 0, _CLOCK, 0, 0)
    assert pj.liveObjects().strays == 0


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def agent() -> AsyncIterator[UserAgent]:
    agent = UserAgent(host="127.0.0.1", port=0, tcp=False, rtp_first_port=RTP_PORTS)
    agent.on_invite = lambda _leg: None
    agent.start(max_calls=60)
    yield agent
    await agent.stop()
    alive = pj.liveObjects()
    assert (alive.calls, alive.taps, alive.recordings, alive.pcmPorts, alive.promptPorts) == (0, 0, 0, 0, 0)


@pytest_asyncio.fixture(loop_scope="module")
async def desk(agent: UserAgent, tmp_path: Path) -> AsyncIterator[Desk]:
    yield Desk(agent, tmp_path)
    await nothing_left(agent)


@pytest.fixture
def wire(agent: UserAgent) -> Iterator[Wire]:
    with Wire(int(agent.address.rpartition(":")[2])) as wire:
        yield wire


async def test_short_calls_come_and_go_and_hurt_nobody_who_talks(desk: Desk) -> None:
    talking = [await desk.call() for _ in range(_TALKERS)]
    ends = [end for call in talking for end in call]

    async def brief() -> None:
        for number in range(_SHORT_CALLS // _AT_ONCE):
            calling, answered = await desk.call()
            (calling if number % 2 else answered).hang_up()
            await asyncio.gather(calling.closed, answered.closed)
            # Ageing, as it happens in hours: on this thread and on one that the stack does not know.
            gc.collect(1)
            await asyncio.to_thread(gc.collect, 1)

    await asyncio.gather(*(brief() for _ in range(_AT_ONCE)))
    gc.collect()
    await asyncio.to_thread(gc.collect)
    before = [end.media_seconds for end in ends]
    await asyncio.sleep(0.5)
    assert [end.ended for end in ends] == [None] * len(ends)
    assert all(end.media_seconds > seconds + 0.3 for end, seconds in zip(ends, before, strict=True))
    assert pj.liveObjects().calls <= len(ends) + 2 * _AT_ONCE
    for calling, answered in talking:
        calling.hang_up()
        await asyncio.gather(calling.closed, answered.closed)
        assert answered.ended is not None
        assert (answered.ended.by, answered.ended.status) == ("caller", 200)


async def test_the_line_is_down_and_the_recording_ended_at_the_bye(desk: Desk) -> None:
    calling, answered = await desk.call()
    await until(lambda: answered.media_seconds > 0.5)
    gone = asyncio.Event()
    answered.on_gone = gone.set
    calling.hang_up()
    async with asyncio.timeout(0.5):
        await gone.wait()
    async with asyncio.timeout(1):
        await answered.closed
    size = (desk.folder / "1.wav").stat().st_size
    assert answered.ended is not None
    assert size == pytest.approx(44 + answered.ended.media_seconds * 32000, abs=10 * 640)
    assert answered.recording_trouble == ""
    await asyncio.sleep(0.3)
    assert (desk.folder / "1.wav").stat().st_size == size


@pytest.mark.usefixtures("desk")
async def test_an_invite_that_cannot_be_taken_is_answered_and_leaves_nothing(
    agent: UserAgent, wire: Wire
) -> None:
    def fail(_incoming: object) -> None:
        raise ValueError("no such line")

    agent.admit = fail
    answer = await asyncio.to_thread(wire.ask, wire.request())
    assert answer is not None
    assert answer.status == 500
    wire.end(answer)


@pytest.mark.usefixtures("desk")
async def test_refused_calls_leave_nothing(agent: UserAgent, wire: Wire) -> None:
    agent.admit = lambda _incoming: (503, {"Retry-After": "20"})
    for _ in range(20):
        answer = await asyncio.to_thread(wire.ask, wire.request())
        assert answer is not None
        assert answer.status == 503
        wire.end(answer)


async def test_what_cannot_be_dialled_leaves_nothing(desk: Desk) -> None:
    with pytest.raises(SipError):
        desk.agent.dial("sip:12345@no such host", caller="1")


async def test_hostile_endings_leave_nothing(desk: Desk, wire: Wire) -> None:
    """BYE before the ACK, CANCEL in any moment, an answer that nobody takes, bodies that are none."""
    for body in (sdp(), sdp(port=0), sdp("256.0.0.1"), b"v=0\r\n", b"\xff\x00", b""):
        for ending in ("bye", "cancel", "end"):
            invite = wire.request(body=body)
            wire.send(invite.encode())
            if ending == "cancel":
                wire.send(
                    wire.request(
                        "CANCEL", call_id=invite.call_id, branch=invite.branch, cseq=invite.cseq
                    ).encode()
                )
            answer = await asyncio.to_thread(wire.final, invite.call_id, 5)
            if answer is None:
                continue
            if ending == "bye" and answer.status < 300:
                bye = wire.request("BYE", call_id=invite.call_id, cseq=2)
                bye.headers = {"To": answer.headers["To"], "From": answer.headers["From"]}
                wire.send(bye.encode())
            wire.end(answer)
    await until(lambda: all(leg.ended for leg in desk.legs))


async def test_a_call_that_the_stack_has_lost_is_ended_all_the_same(desk: Desk) -> None:
    calling, answered = await desk.call()
    channel = answered.channel
    assert isinstance(channel, pj.Call)
    channel.onCallState = lambda _prm: None  # type: ignore[method-assign]  # its end goes unheard
    calling.hang_up()
    await until(lambda: answered.ended)
    assert answered.ended is not None
    assert (answered.ended.by, answered.ended.status) == ("lost", 480)
    await answered.closed


@pytest.mark.soak
async def test_an_answer_that_nobody_acknowledges_leaves_nothing_once_it_is_hung_up(
    desk: Desk, wire: Wire
) -> None:
    answer = await asyncio.to_thread(wire.ask, wire.request())
    assert answer is not None
    assert answer.status == 200
    await until(lambda: desk.legs)
    desk.legs[0].hang_up()
    async with asyncio.timeout(1):
        await desk.legs[0].closed
    await until(lambda: pj.liveObjects().stackCalls == 0, 70)  # it may live for 64 s in the stack
