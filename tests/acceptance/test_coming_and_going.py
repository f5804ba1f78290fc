"""Short calls come and go beside people who talk: nobody who talks loses the line, and nothing is left behind."""

from __future__ import annotations

import asyncio
import sqlite3
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest
from acceptance.conftest import eventually
from acceptance.shortcalls import ShortCalls
from callfolder import told
from wholecall import SENTENCE

if TYPE_CHECKING:
    import psutil

CAP = 120
MEGABYTE = 1_000_000
FRAMES = 50  # RTP packets a second, each way


@dataclass(frozen=True)
class Traffic:
    """``talkers`` at once, each for ``seconds`` and what its conversation takes; ``short`` calls, ``rate`` a second."""

    talkers: int
    seconds: float
    short: int
    rate: float


# Once it is told, two questions are heard and one is answered: what was understood is read back and the number asked
# for; or, where the speech server was too busy for him, the number is asked for and the ticket's is told.
_AGREE: list[Any] = [{"press": "#"}, {"wait": "prompt"}, {"press": "1"}, {"wait": "prompt"}, "hang_up"]


def teller(seconds: float) -> dict[str, Any]:
    """Begins over the opening and tells one matter for so long, with breaths."""
    breath: list[Any] = [{"say": SENTENCE, "over": True}, {"pause": 1.5}]
    steps = [{"pause": 1.0}, *breath * round(seconds / 6), *_AGREE]
    return {"name": "tells", "caller": "13855812345", "steps": steps}


def thinker(seconds: float) -> dict[str, Any]:
    """Hears the opening out, and stops to think twice, so that he is asked whether that was all."""
    breath: list[Any] = [{"say": SENTENCE, "over": True}, {"pause": 1.5}]
    thought: list[Any] = [{"say": SENTENCE, "over": True}, {"pause": 7.0}]
    steps = [{"wait": "prompt"}, *thought * 2, *breath * round(seconds / 6 - 4), *_AGREE]
    return {"name": "thinks", "caller": "13855812345", "steps": steps}


class Scene:
    """The house, and the people who talk while others come and go."""

    def __init__(self, house: Any, traffic: Traffic) -> None:
        self.house, self.traffic = house, traffic
        self.gateway: psutil.Process = house.child("gateway")
        self.idle_objects = house.native_objects()
        half = traffic.talkers // 2
        self.scripts = [teller(traffic.seconds)] * (traffic.talkers - half) + [
            thinker(traffic.seconds)
        ] * half
        self.talked: list[dict[str, Any]] = []
        self.memory: list[int] = []  # resident bytes, each second
        self.between_rounds: list[int] = []  # resident bytes whenever all who talk have hung up

    async def talk_until(self, churn: asyncio.Task[None], calls: ShortCalls) -> None:
        """One round of talkers after the other for as long as short calls come."""
        while not churn.done() or not self.talked:
            self.talked += await asyncio.to_thread(self.house.calls, self.scripts)
            self.assert_all_talked()
            self.between_rounds.append(self.gateway.memory_info().rss)
            print(f"{len(self.talked)} talked, {calls.ended} came and went, refused {dict(calls.refused)}")

    async def watch_memory(self, calls: ShortCalls, after: int) -> None:
        while True:
            if calls.ended >= after:
                self.memory.append(self.gateway.memory_info().rss)
            await asyncio.sleep(1)

    async def run(self) -> ShortCalls:
        traffic = self.traffic
        async with ShortCalls(self.house.sip_port) as calls:
            watch = asyncio.create_task(self.watch_memory(calls, after=min(1000, traffic.short // 2)))
            churn = asyncio.create_task(calls.come_and_go(traffic.short, traffic.rate))
            try:
                await self.talk_until(churn, calls)
                await churn
            finally:
                churn.cancel()
                watch.cancel()
        return calls

    def assert_all_talked(self) -> None:
        """Each went through its script to the end, heard every packet that was sent, and hung up itself."""
        wrong = [
            (
                r["failure"],
                r["hung_up_by"],
                r["sip_call_id"],
                f"{r['received']} packets, {r['missing']} missing",
            )
            for r in self.talked
            if r["failure"] or r["hung_up_by"] != "caller"
        ]
        assert wrong == [], f"{len(wrong)} of {len(self.talked)} lost their call"
        for result in self.talked:
            heard = sum(span["end"] - span["start"] for span in result["heard"])
            assert result["missing"] == 0, result
            assert result["received"] >= 0.95 * FRAMES * heard, result

    def assert_nothing_left(self, calls: ShortCalls) -> None:
        """In the process and in the stack; every call is in the database, and none had trouble."""
        assert calls.lost == {}
        eventually(lambda: self.house.health()["calls"] == 0, 10, "the end of every call")
        assert self.house.child("gateway") == self.gateway
        assert self.idle_objects
        eventually(
            lambda: self.house.native_objects() == self.idle_objects, 40, "the end of every native object"
        )
        whole = len(self.talked) + calls.ended
        eventually(lambda: self.count_calls() == whole, 60, f"all {whole} calls in the database")
        assert self.house.faults() == []

    def count_calls(self) -> int:
        with sqlite3.connect(f"file:{self.house.data / 'hotline.db'}?mode=ro", uri=True) as db:
            ((count,),) = db.execute("SELECT count(*) FROM calls")
        return int(count)

    def assert_all_recorded(self) -> None:
        """The gateway heard every packet of each, knows who hung up, and filed the ticket of every one."""
        for result in self.talked:
            (ticket,) = self.house.final_tickets(result["sip_call_id"], 1)
            folder = (self.house.data / ticket["recording"]["path"]).parent
            entries = {entry.kind: entry for entry in told(folder)}
            hung_up, media = entries["hungup"], entries["media"]
            assert hung_up.by == "caller", hung_up
            assert media.lost == 0, media
            assert media.packets >= FRAMES * (hung_up.media_seconds - 1), entries
            assert "recording_trouble" not in entries, entries


async def come_and_go(house: Any, traffic: Traffic) -> Scene:
    scene = Scene(house, traffic)
    calls = await scene.run()
    print(f"{calls.ended} came and went, refused {dict(calls.refused)}, {calls.packets} packets to them")
    scene.assert_nothing_left(calls)
    scene.assert_all_recorded()
    return scene


@pytest.fixture
def small_house(make_house: Any) -> Any:
    house = make_house(sip={"cap": CAP})
    house.start()
    return house


@pytest.mark.soak
async def test_nobody_who_talks_loses_the_line(small_house: Any) -> None:
    await come_and_go(small_house, Traffic(talkers=8, seconds=15, short=200, rate=15))


@pytest.mark.soak
@pytest.mark.timeout(600)
async def test_forty_talk_while_two_thousand_come_and_go(small_house: Any) -> None:
    await come_and_go(small_house, Traffic(talkers=40, seconds=100, short=2000, rate=20))


@pytest.mark.soak
@pytest.mark.timeout(1800)
async def test_ten_minutes_and_ten_thousand_calls(small_house: Any) -> None:
    scene = await come_and_go(small_house, Traffic(talkers=40, seconds=100, short=10_000, rate=16))
    minutes = [f"{resident / MEGABYTE:.0f}" for resident in scene.memory[::60]]
    rests = [resident / MEGABYTE for resident in scene.between_rounds]
    print(
        f"MB, each minute from the 1,000th call on: {' '.join(minutes)}; most {max(scene.memory) / MEGABYTE:.0f}"
    )
    print(f"MB, whenever all who talk had hung up: {' '.join(f'{rest:.0f}' for rest in rests)}")
    # Between like moments: while forty are read back what they told, what is said to them is in memory.
    assert max(rests) - rests[0] <= 20
